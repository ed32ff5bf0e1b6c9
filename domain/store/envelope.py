"""How an event is written down: its name as the topic, envelope and facts as one JSON text.

What is personal in the facts is not among them but sealed, a box for each person: AES-GCM under a
key of theirs, of which the stream and the version are part, so that no box opens anywhere else.
Once a person's key is destroyed, all that was sealed with it reads as erased.

A stored event must load for ever: tests/fixtures/events.jsonl holds one of every version that
was ever stored. Which name an event is stored under: domain/store/topics.py.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import Mapper, Notification, StoredEvent, Transcoder
from msgspec import UNSET, Raw, Struct, UnsetType

from domain.aggregate import Aggregate, Recorded, StreamName
from domain.personal import Person, Values, check_erasable, marked, put_in, taken_out
from domain.store.bulk import STORE_AGGREGATES
from domain.store.master_key import is_wrapped
from domain.store.topics import Topics

DEFAULT_SCOPE = "event"  # the kind where nothing says another
NONCE = 12  # bytes, drawn for each box
UNOPENED = (
    "the key that seals it opens with no MASTER_KEY that is in use here. Restart with the one that "
    "wrapped it too (MASTER_KEY=NEW,OLD), then `parked replay`"
)

# With which of a person's keys something was sealed: who comes back after an erasure gets another.
SealId = tuple[Person, int]
SealKeys = Mapping[SealId, bytes]
Row = tuple[
    int, StreamName, int, str, bytes
]  # of events.log: position, stream, version, topic, state


class _Box(Struct, frozen=True):
    """The values of one person in one event. `key` is the number of their key; `box` is a
    nonce and what it encrypts."""

    key: int
    box: bytes


class _Written(Struct, frozen=True):
    at: datetime
    actor: str
    tenant: str
    data: Raw
    trace: str | None = None
    scope: str | UnsetType = UNSET  # its kind, where the aggregate does not say it
    sealed: dict[Person, _Box] | UnsetType = UNSET


class UnreadableEventError(Exception):
    """The log holds an event that this version cannot read. `position` is 0 where the library
    does not tell it."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"the event at position {position} cannot be read: {why}")
        self.position = position


class NewerEventError(UnreadableEventError):
    """Its name is unknown here: a newer version of the program has recorded it, and can read it."""

    def __init__(self, position: int, topic: str) -> None:
        super().__init__(position, f"no event here is, or was, called {topic}")
        self.topic = topic


class Newer(Struct, frozen=True):
    """Stands for the facts of an event that a newer version has recorded. `data` are these as they
    are stored, without what is personal in them."""

    topic: str
    data: Raw


class _Json(Transcoder):
    def encode(self, obj: Any) -> bytes:
        return msgspec.json.encode(obj)

    def decode(self, data: bytes) -> _Written:
        return _read(data)


_read = msgspec.json.Decoder(_Written).decode


class EnvelopeMapper(Mapper[str]):
    """The library's mapper, for `Recorded` instead of event classes of its own: for the events of
    these aggregates, and of the store's own. Raises DuplicateEventError, NotErasableError."""

    def __init__(self, aggregates: Iterable[Aggregate], renamed: Mapping[str, str]) -> None:
        super().__init__(_Json())
        aggregates = (*aggregates, *STORE_AGGREGATES)
        check_erasable(aggregates)
        topics = Topics(aggregates, renamed)
        self.topic = topics.of
        self._decoders = {
            name: (msgspec.json.Decoder(type_).decode, topics.owners[name].scope)
            for name, type_ in topics.types.items()
        }
        self._told_scope = {t for n, t in topics.types.items() if topics.owners[n].scope is None}
        self._personal = {name: type_ for name, type_ in topics.types.items() if marked(type_)}
        self._personal_types = frozenset(self._personal.values())

    def to_stored_event(self, domain_event: Recorded) -> StoredEvent:  # type: ignore[override]
        """Nothing in it is sealed: how events without personal values are written, and how all
        were before there were keys."""
        return self._stored(domain_event, msgspec.json.encode(domain_event.event), UNSET)

    def sealed(self, recorded: Recorded, keys: Mapping[Person, tuple[int, bytes]]) -> StoredEvent:
        """Seals what is personal in it. `keys` has (number, key) of each of its `persons`."""
        if type(recorded.event) not in self._personal_types:
            return self.to_stored_event(recorded)
        facts, values = taken_out(recorded.event, recorded.stream)
        boxes = {
            person: _Box(keys[person][0], _seal(keys[person][1], theirs, recorded, person))
            for person, theirs in values.items()
        }
        return self._stored(recorded, msgspec.json.encode(facts), boxes or UNSET)

    def persons(self, recorded: Recorded) -> Iterable[Person]:
        """The persons whose values an event holds."""
        if type(recorded.event) not in self._personal_types:
            return ()
        return taken_out(recorded.event, recorded.stream)[1]

    def _stored(
        self, recorded: Recorded, facts: bytes, boxes: dict[Person, _Box] | UnsetType
    ) -> StoredEvent:
        e = recorded
        state = self.transcoder.encode(
            _Written(e.at, e.actor, e.tenant, Raw(facts), e.trace, self._scope(e), boxes)
        )
        return StoredEvent(e.stream, e.version, self.topic(e.event), state)

    def _scope(self, recorded: Recorded) -> str | UnsetType:
        """Kinds that go without saying are not written."""
        told = type(recorded.event) in self._told_scope
        return recorded.scope_kind if told and recorded.scope_kind != DEFAULT_SCOPE else UNSET

    def to_domain_event(self, stored_event: StoredEvent) -> Recorded:  # type: ignore[override]
        """The library knows no position where it reads a single stream: it is 0 then."""
        return self.recorded(
            stored_event.id if isinstance(stored_event, Notification) else 0,
            str(stored_event.originator_id),
            stored_event.originator_version,
            stored_event.topic,
            stored_event.state,
        )

    def needed(self, rows: Iterable[Row]) -> set[SealId]:
        """The keys that open what is sealed in these rows of the log."""
        needed = set()
        for row in rows:
            if row[3] in self._personal:
                needed |= self._boxes(row[4])
        return needed

    def actor(self, state: bytes) -> str:
        """The actor of an event, from its row; empty where that cannot be read."""
        try:
            return _read(state).actor
        except msgspec.MsgspecError:
            return ""  # reading it whole raises UnreadableEventError

    def _boxes(self, state: bytes) -> set[SealId]:
        try:
            boxes = _read(state).sealed or {}
        except msgspec.MsgspecError:
            return set()  # reading it raises UnreadableEventError
        return {(person, box.key) for person, box in boxes.items()}

    def recorded(
        self,
        position: int,
        stream: StreamName,
        version: int,
        topic: str,
        state: bytes,
        *,
        keys: SealKeys | None = None,
    ) -> Recorded:
        """An event from a Row of the log. What is sealed with a key that is not in `keys` reads as
        erased; it raises UnreadableEventError where that key is still wrapped, and where `keys` is
        None and something is sealed."""
        known = self._decoders.get(topic)
        if known is None:
            raise NewerEventError(position, topic)
        decode, scope = known
        try:
            w = _read(state)
            if w.sealed:
                if keys is None:
                    raise UnreadableEventError(position, "it is sealed, and nobody has the keys")
                event = self._opened(position, stream, version, topic, w, keys)
            else:
                event = decode(w.data)
        except msgspec.MsgspecError as e:
            raise UnreadableEventError(position, f"it is no {topic}: {e}") from e
        except (InvalidTag, LookupError, TypeError, ValueError, AttributeError):
            raise UnreadableEventError(
                position, "what is sealed in it was changed, or is of another event"
            ) from None
        kind = scope or w.scope or DEFAULT_SCOPE
        return Recorded(position, stream, version, event, w.at, w.actor, w.tenant, w.trace, kind)

    @property
    def topics(self) -> list[str]:
        """The names of all events that can be read here."""
        return list(self._decoders)

    def newer(
        self, position: int, stream: StreamName, version: int, topic: str, state: bytes
    ) -> Recorded:
        """An event whose name is unknown, as far as it can be read: its envelope."""
        try:
            w = _read(state)
        except msgspec.MsgspecError:
            raise NewerEventError(position, topic) from None
        kind, event = w.scope or DEFAULT_SCOPE, Newer(topic, w.data)
        return Recorded(position, stream, version, event, w.at, w.actor, w.tenant, w.trace, kind)

    def _opened(
        self,
        position: int,
        stream: StreamName,
        version: int,
        topic: str,
        w: _Written,
        keys: SealKeys,
    ) -> Any:
        facts, values = msgspec.json.decode(w.data), {}
        for person, box in (w.sealed or {}).items():
            key = keys.get((person, box.key))
            if key and is_wrapped(key):
                raise UnreadableEventError(position, UNOPENED)
            values[person] = key and _open(key, box.box, _place(stream, version, person))
        type_ = self._personal[topic]
        put_in(type_, facts, stream, values)
        return msgspec.convert(facts, type_)


def _seal(key: bytes, values: Values, recorded: Recorded, person: Person) -> bytes:
    nonce = os.urandom(NONCE)
    place = _place(recorded.stream, recorded.version, person)
    return nonce + AESGCM(key).encrypt(nonce, msgspec.json.encode(values), place)


def _open(key: bytes, box: bytes, place: bytes) -> Values:
    values: Values = msgspec.json.decode(AESGCM(key).decrypt(box[:NONCE], box[NONCE:], place))
    return values


def _place(stream: StreamName, version: int, person: Person) -> bytes:
    return f"{stream} {version} {person}".encode()
