"""How an event is written down: its name as the topic, envelope and facts as one JSON text.

A stored event must load for ever: tests/fixtures/events.jsonl holds one of every version that
was ever stored. Names are those of the classes, not of modules; a class that is renamed gets a
line in `domain.capabilities.RENAMED`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from eventsourcing.persistence import Mapper, Notification, StoredEvent, Transcoder
from msgspec import Raw, Struct

from domain.aggregate import Aggregate, Recorded


class _Written(Struct, frozen=True):
    at: datetime
    actor: str
    tenant: str
    data: Raw
    trace: str | None = None


class UnreadableEventError(Exception):
    """The log holds an event that this version cannot read. `position` is 0 where the library
    does not tell it."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"the event at position {position} cannot be read: {why}")
        self.position = position


class _Json(Transcoder):
    def encode(self, obj: Any) -> bytes:
        return msgspec.json.encode(obj)

    def decode(self, data: bytes) -> _Written:
        return _read(data)


_read = msgspec.json.Decoder(_Written).decode


class EnvelopeMapper(Mapper[str]):
    """The library's mapper, for `Recorded` instead of event classes of its own."""

    def __init__(self, aggregates: Iterable[Aggregate], renamed: Mapping[str, str]) -> None:
        super().__init__(_Json())
        types = {event.__name__: event for a in aggregates for event in a.events}
        types |= {old: types[new] for old, new in renamed.items()}
        self._decoders = {name: msgspec.json.Decoder(type_).decode for name, type_ in types.items()}

    def to_stored_event(self, domain_event: Recorded) -> StoredEvent:  # type: ignore[override]
        e = domain_event
        facts = Raw(msgspec.json.encode(e.event))
        state = self.transcoder.encode(_Written(e.at, e.actor, e.tenant, facts, e.trace))
        return StoredEvent(e.stream, e.version, type(e.event).__name__, state)

    def to_domain_event(self, stored_event: StoredEvent) -> Recorded:  # type: ignore[override]
        """The library knows no position where it reads a single stream: it is 0 then."""
        return self.recorded(
            stored_event.id if isinstance(stored_event, Notification) else 0,
            str(stored_event.originator_id),
            stored_event.originator_version,
            stored_event.topic,
            stored_event.state,
        )

    def recorded(
        self, position: int, stream: str, version: int, topic: str, state: bytes
    ) -> Recorded:
        """An event from its columns in the log, in their order there but for the position."""
        decode = self._decoders.get(topic)
        if decode is None:
            raise UnreadableEventError(position, f"no event here is, or was, called {topic}")
        try:
            w = _read(state)
            event = decode(w.data)
        except msgspec.MsgspecError as e:
            raise UnreadableEventError(position, f"it is no {topic}: {e}") from e
        return Recorded(position, stream, version, event, w.at, w.actor, w.tenant, w.trace)
