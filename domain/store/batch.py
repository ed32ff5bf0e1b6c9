"""The events that one transaction is about to record: its commands are decided one after another,
each on the states that those before it leave.

Nothing here talks to Postgres but `load`, for streams that only a decision names.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from eventsourcing.persistence import StoredEvent
from msgspec import Struct
from msgspec.structs import replace

from domain import errors
from domain.aggregate import Aggregate, Command, On, Recorded, StreamName, stream_of
from domain.store import key_quota, refusals
from domain.store.bulk import (
    AdvanceBulk,
    Refusal,
    RefusedCommand,
    Tally,
    all_or_nothing,
)
from domain.store.cache import StreamCache
from domain.store.folding import Folded, InBatch, resolved
from domain.store.queue import Answer, Author, IdempotencyKey, Outcome, PendingCommand
from domain.store.recorder import KeyName, KeyRow, KnownReply
from domain.store.refusals import BulkRefusal

Load = Callable[[Iterable[StreamName]], None]
Prepared = Mapping[PendingCommand, Command]


class _Decision(Struct, eq=False, frozen=True):
    """The stream that the outcome stands on says its position: an outcome has one when it is
    recorded. Its events are those of the batch from `first` on, before `end`."""

    pending: PendingCommand
    outcome: Outcome | errors.Problem
    stands_on: Folded
    first: int = 0
    end: int = 0


class _Change(Struct, frozen=True):
    """The events of one command, and the streams that they are written to, as they are after them.
    `last` is the stream of the last event; `own` is the command's, written to or not."""

    command: Command
    events: Sequence[Struct]
    recorded: list[Recorded]
    streams: dict[StreamName, Folded]
    own: Folded
    last: Folded | None


class Batch:
    """`names` are the streams that its commands are decided on, which are loaded; `known` are the
    replies to keys that came in earlier batches."""

    def __init__(
        self,
        now: datetime,
        cache: StreamCache,
        aggregates: Mapping[str, Aggregate],
        names: set[StreamName],
        known: Mapping[KeyName, KnownReply],
        load: Load,
        full: Collection[str] = (),
    ) -> None:
        """`full`: principals who get no new key."""
        self.commands = 0
        self.recorded: list[Recorded] = []
        self.stored: list[StoredEvent] = []  # the same, as they are written: the writer seals them
        self.streams: dict[StreamName, Folded] = {}  # those that are written to
        self.refused: list[BulkRefusal] = []
        self._now = now
        self._cache = cache
        self._aggregates = aggregates
        self._names = names
        self._known = known
        self._load = load
        self._full = full
        self._decisions: list[_Decision] = []
        self._first: dict[KeyName, _Decision] = {}  # of each key that is new in this batch

    def decide(self, pending: PendingCommand, command: Command) -> None:
        """The command is the one that is pending, as it was prepared."""
        known = pending.key and self._repeated(pending, pending.key)
        self._decisions.append(known or self._beyond(pending) or self._decided(pending, command))

    # What the writer needs to record it
    def keys(self) -> list[KeyRow]:
        """Too many is said for a while only: whoever comes again with that key is heard anew."""
        return [
            _key_row(d, d.pending.key)
            for d in self._first.values()
            if d.pending.key and not isinstance(d.outcome, errors.TooMany)
        ]

    def stands_on(self) -> dict[StreamName, int]:
        """Streams that decisions looked at and do not write to, their own among them, with the
        versions they had. The versions of those written to are checked by the log's primary key. Of
        these it is only checked what others have committed: see Recorder.commit."""
        only_read = self._names - self.streams.keys() if self.recorded else ()
        return {name: self._cache.get(name).version for name in only_read}

    def answers(self, positions: Sequence[int]) -> list[Answer]:
        """To be given once it is recorded: `positions` are those of its events."""
        return [
            (d.pending, self._answer(d, d.outcome, positions))
            if isinstance(d.outcome, Outcome)
            else (d.pending, d.outcome)
            for d in self._decisions
        ]

    def _answer(self, of: _Decision, outcome: Outcome, positions: Sequence[int]) -> Outcome:
        recorded = tuple(
            replace(self.recorded[i], position=positions[i]) for i in range(of.first, of.end)
        )
        position = resolved(of.stands_on.position, positions)
        return replace(outcome, position=position, recorded=recorded)

    # Deciding
    def _decided(self, pending: PendingCommand, command: Command) -> _Decision:
        """Nothing stays of a command that is refused. A rule that breaks breaks the batch."""
        by = pending.by
        own, given = self._states_of(pending.own, pending.given)
        last: Folded | None = None
        first = len(self.recorded)
        outcome: Outcome | errors.Problem
        try:
            if isinstance(command, AdvanceBulk):
                command = self._with_tally(command, own, by)
            change = self._change(command, own, given, by)
            reply = pending.reply(change.command, change.own.state) if pending.reply else b""
        except errors.Problem as problem:
            outcome = problem
        else:
            outcome = Outcome(0, reply, tuple(change.events), own.state, change.own.state)
            last = change.last
            self._add(change)
        self.commands += 1
        stands_on = last or max((own, *given.values()), key=_age)
        decision = _Decision(pending, outcome, stands_on, first, len(self.recorded))
        if pending.key:
            self._first[pending.key.name] = decision
        return decision

    def _repeated(self, pending: PendingCommand, key: IdempotencyKey) -> _Decision | None:
        """The first reply, where this key came before: in this batch, or ever."""
        if first := self._first.get(key.name):
            outcome, stands_on = first.outcome, first.stands_on
            fingerprint = first.pending.key.fingerprint if first.pending.key else b""
        elif known := self._known.get(key.name):
            fingerprint, stands_on = known.fingerprint, Folded("", 0, known.position, None)
            outcome = _kept(known)
        else:
            return None
        if fingerprint != key.fingerprint:
            outcome = errors.KeyReused()
        elif isinstance(outcome, Outcome):
            outcome = Outcome(0, outcome.reply, repeated=True)
        self.commands += 1
        return _Decision(pending, outcome, stands_on)

    def _beyond(self, pending: PendingCommand) -> _Decision | None:
        """The refusal of a command with a new key for which there is no room. Nothing is kept of
        it: later there may be."""
        if pending.key is None or pending.key.principal not in self._full:
            return None
        self.commands += 1
        return _Decision(pending, key_quota.refusal(), Folded("", 0, 0, None))

    def _with_tally(self, command: AdvanceBulk, bulk: Folded, by: Author) -> AdvanceBulk:
        """Decides the commands of a piece, if it is this one's turn."""
        if not command.is_next(bulk.state):
            return command
        recorded, unchanged = len(self.recorded), 0
        refused: list[Refusal] = []
        streams = dict(self.streams)
        for index, one in enumerate(command.commands, command.first):
            own, given = self._states_of(stream_of(one), one.given())
            try:
                change = self._change(one, own, given, by)
            except errors.Problem as problem:
                refused.append(Refusal(index, problem))
            else:
                unchanged += not change.recorded
                self._add(change)
        if refused and command.whole.strict:
            del self.recorded[recorded:]
            self.streams = streams
            raise all_or_nothing(refused)
        self.commands += len(command.commands) - 1  # the piece itself counts as one
        kept = [refusals.of_bulk(bulk.stream, r.index, by.actor, r.problem) for r in refused]
        self.refused += kept
        logged = tuple(RefusedCommand(one.command, one.problem) for one in kept)
        tally = Tally(len(self.recorded) - recorded, unchanged, logged)
        return replace(command, tally=tally)

    def _states_of(
        self, own: StreamName, given: Mapping[str, StreamName]
    ) -> tuple[Folded, dict[str, Folded]]:
        """A command's own, and those given to it by field."""
        return self._state_of(own), {field: self._state_of(name) for field, name in given.items()}

    def _change(
        self, command: Command, own: Folded, given: Mapping[str, Folded], by: Author
    ) -> _Change:
        """Decides a command, and adds nothing to the batch. Raises what its rules raise."""
        if given:
            command = replace(command, **{field: f.state for field, f in given.items()})
        command = command.prepared(own.state)
        aggregate = self._aggregates[command.aggregate]
        events = aggregate.decide(command, own.state)
        recorded: list[Recorded] = []
        if others := [event for event in events if type(event) is On]:
            self._prepare(others)
            streams: dict[StreamName, Folded] = {own.stream: own}
            last = None
            for event in events:
                name, fact = (
                    (event.stream, event.event) if type(event) is On else (own.stream, event)
                )
                last = self._evolved(streams.get(name) or self._state_of(name), fact, by, recorded)
                streams[name] = last
            after = streams[own.stream]
            if after is own:
                del streams[own.stream]
            return _Change(command, events, recorded, streams, after, last)
        after = own
        for event in events:
            after = self._evolved(after, event, by, recorded)
        if not recorded:
            return _Change(command, events, recorded, {}, own, None)
        return _Change(command, events, recorded, {own.stream: after}, after, after)

    def _evolved(self, old: Folded, fact: Struct, by: Author, recorded: list[Recorded]) -> Folded:
        """A stream after one more event, which is added to those that are recorded: without a
        position, which it has only once it is in the log."""
        name, version = old.stream, old.version + 1
        aggregate = self._aggregate(name)
        scope = aggregate.scope or by.scope_kind
        place = InBatch(len(self.recorded) + len(recorded))
        recorded.append(
            Recorded(0, name, version, fact, self._now, by.actor, by.tenant, by.trace, scope)
        )
        return Folded(name, version, place, aggregate.evolve(old.state, fact, self._now))

    def _prepare(self, others: Iterable[On]) -> None:
        """Loads the streams that these events are for, in one round trip: others wait for the lock
        meanwhile. Raises TypeError where one is none of the events of that stream's aggregate:
        nobody could read that stream again."""
        for on in others:
            aggregate = self._aggregates.get(on.stream.partition(":")[0])
            if aggregate is None or type(on.event) not in aggregate.events:
                raise TypeError(f"{type(on.event).__name__} is no event of {on.stream}")
        names = {on.stream for on in others}
        if missing := [n for n in names if n not in self.streams and n not in self._cache]:
            self._load(missing)

    def _add(self, change: _Change) -> None:
        self.recorded += change.recorded
        self.streams |= change.streams

    def _state_of(self, name: StreamName) -> Folded:
        """A stream with what this batch has added to it."""
        return self.streams.get(name) or self._cache.get(name)

    def _aggregate(self, name: StreamName) -> Aggregate:
        return self._aggregates[name.partition(":")[0]]


def prepared(pending: Iterable[PendingCommand], cache: StreamCache) -> Prepared:
    """Commands whose streams are loaded, with what they find out of their own."""
    return {one: one.command.prepared(cache.get(one.own).state) for one in pending}


def streams_of(pending: Iterable[PendingCommand]) -> set[StreamName]:
    """The streams that deciding is known to need, before anything is decided."""
    names: set[StreamName] = set()
    for one in pending:
        names.add(one.own)
        if one.given:
            names.update(one.given.values())
        if isinstance(one.command, AdvanceBulk):
            for command in one.command.commands:
                names.add(stream_of(command))
                names.update(command.given().values())
    return names


def _age(folded: Folded) -> tuple[bool, int]:
    """A key to sort by: an event in the batch is younger than all that have a position."""
    if isinstance(folded.position, InBatch):
        return True, folded.position.index
    return False, folded.position


def _key_row(decision: _Decision, key: IdempotencyKey) -> KeyRow:
    outcome, stands_on = decision.outcome, decision.stands_on
    if isinstance(outcome, Outcome):
        problem, reply = None, outcome.reply
    else:
        problem, reply = errors.stored_name(outcome), refusals.encode(outcome)
    return KeyRow(*key.name, key.fingerprint, problem, reply, stands_on.stream, stands_on.version)


def _kept(known: KnownReply) -> Outcome | errors.Problem:
    if known.problem is None:
        return Outcome(0, known.reply)
    return refusals.decode(known.problem, known.reply)
