"""Forgetting a person: their keys are destroyed, and each stream that held something of them says
so with an event. One transaction, under the writers' lock: who registers again in the same moment
does so before it and is forgotten, or after it, and is new.

The log is searched and the streams are folded before the lock is taken; under it only what was
written since. Where that is much, the lock is given back: others wait for a few events at most.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from eventsourcing.persistence import StoredEvent
from msgspec import Struct
from psycopg import Connection

from domain.aggregate import Aggregate, Recorded, StreamName
from domain.errors import Unavailable
from domain.personal import Person, taken_out
from domain.store.envelope import EnvelopeMapper, Row
from domain.store.queue import SYSTEM
from domain.store.recorder import Recorder

ACTOR = f"{SYSTEM}erase"
ACTORS = frozenset({ACTOR, "erase"})  # the latter in versions before, though a member may be it

TOGETHER = 16  # streams that are read at once
PIECE = 1_000  # events of these
TAIL = 5_000  # events since that are looked through while others wait
SHORT = 250  # events of streams that name the person since: they are read while others wait
ATTEMPTS = 5


class Held(Struct, frozen=True):
    """A person's personal values in the log, by stream and by path (`profile.name`): one for each
    event that has it, in order. `events` is how many events hold any."""

    person: Person
    values: dict[StreamName, dict[str, list[Any]]]
    events: int
    plain: int  # events recorded before there were keys: they cannot be erased


class Erased(Struct, frozen=True):
    """How many keys were destroyed, and the positions of the events that say so."""

    keys: int
    positions: list[int]


class _Log(Struct):
    """A stream as far as it was read. `holds` says whether an event has something of the person."""

    stream: StreamName
    aggregate: Aggregate
    state: Any
    version: int = 0
    holds: bool = False


def id_of(person: Person) -> str:
    return person.rpartition(":")[2]


class Erasure:
    def __init__(
        self, recorder: Recorder, aggregates: Iterable[Aggregate], mapper: EnvelopeMapper
    ) -> None:
        self._recorder = recorder
        aggregates = tuple(aggregates)
        self._names = [a.name for a in aggregates]
        self._aggregates = {a.name: a for a in aggregates if a.erase}
        self._mapper = mapper

    def held(self, person: Person) -> Held:
        """Looks at every aggregate, also at such as cannot erase."""
        values: dict[StreamName, dict[str, list[Any]]] = {}
        events = plain = 0
        with self._recorder.connection() as connection:
            rows = self._recorder.load(
                connection, self._streams(connection, person, of=self._names)
            )
            keys = self._recorder.opening(connection, self._mapper.needed(rows))
            for row in rows:
                sealed = {name for name in self._mapper.needed([row]) if name[0] == person}
                if not sealed <= keys.keys():
                    continue  # it was erased before
                recorded = self._mapper.recorded(*row, keys=keys)
                theirs = taken_out(recorded.event, recorded.stream)[1].get(person, {})
                events += bool(theirs)
                plain += bool(theirs) and not sealed
                for path, value in theirs.items():
                    values.setdefault(recorded.stream, {}).setdefault(path, []).append(value)
        return Held(person, values, events, plain)

    def erase(self, person: Person, at: datetime) -> Erased:
        """Raises Unavailable where others write faster than this can follow."""
        sql = self._recorder.sql
        with self._recorder.connection() as connection:
            logs = self._locked(connection, person)
            events = [event for log in logs for event in self._events(person, log, at)]
            keys = connection.execute(sql["destroy"], {"person": person}).fetchall()
            connection.execute(sql["tell_of_erasure"])
            return Erased(len(keys), self._recorder.commit(connection, events, []))

    def _locked(self, connection: Connection[Any], person: Person) -> list[_Log]:
        """Takes the lock. The streams that may hold something of the person, as they are then."""
        logs: dict[StreamName, _Log] = {}
        last, since = None, 0
        for _ in range(ATTEMPTS):
            last = self._recorder.last(connection)
            # The log may be long: it is searched, and read, while others write.
            for name in self._streams(connection, person, since):
                logs.setdefault(name, self._unread(name))
            self._read(connection, person, logs)
            since = last[0] if last else 0
            tail, _ = self._recorder.begin(connection, since, TAIL, [])
            if last and tail[:1] != [last]:  # it is another log: after a failover, say
                logs, since = {}, 0
            elif len(tail) < TAIL and self._follow(connection, person, logs, tail, since):
                return list(logs.values())
            connection.rollback()
        raise Unavailable("Others write too much at the moment. Sending this again is safe.")

    def _read(
        self, connection: Connection[Any], person: Person, logs: dict[StreamName, _Log]
    ) -> None:
        """Reads on, a piece at a time: a stream may be longer than memory should hold."""
        waiting = list(logs)
        while waiting:
            now, waiting = waiting[:TOGETHER], waiting[TOGETHER:]
            most = PIECE // len(now)
            before = {name: logs[name].version for name in now}
            self._add(connection, person, logs, self._recorder.load_after(connection, before, most))
            waiting += [name for name in now if logs[name].version >= before[name] + most]

    def _follow(
        self,
        connection: Connection[Any],
        person: Person,
        logs: dict[StreamName, _Log],
        tail: Sequence[Row],
        since: int,
    ) -> bool:
        """Under the lock, adds what was written since, if that is not much."""
        found = {n: 0 for n in self._streams(connection, person, since) if n not in logs}
        rows = self._recorder.load_after(connection, found, SHORT) if found else []
        if len(rows) >= SHORT:
            return False
        new = [row for row in tail if row[1] in logs]
        logs |= {name: self._unread(name) for name in found}
        self._add(connection, person, logs, new + rows)
        return True

    def _unread(self, name: StreamName) -> _Log:
        aggregate = self._aggregates[name.partition(":")[0]]
        return _Log(name, aggregate, aggregate.initial)

    def _add(
        self,
        connection: Connection[Any],
        person: Person,
        logs: dict[StreamName, _Log],
        rows: Sequence[Row],
    ) -> None:
        """Those that a stream has not got yet."""
        keys = self._recorder.opening(connection, self._mapper.needed(rows))
        for row in rows:
            log = logs[row[1]]
            if row[2] > log.version:
                recorded = self._mapper.recorded(*row, keys=keys)
                log.state = log.aggregate.evolve(log.state, recorded.event, recorded.at)
                log.version = recorded.version
                log.holds = log.holds or person in self._mapper.persons(recorded)

    def _streams(
        self,
        connection: Connection[Any],
        person: Person,
        since: int = 0,
        of: Sequence[str] | None = None,
    ) -> list[StreamName]:
        """Streams with events after the position `since` that may hold something of a person: of
        these aggregates, else of those that can erase."""
        scope, _, id_ = person.rpartition(":")
        names = list(self._aggregates if of is None else of)
        given = {"aggregates": names, "scope": scope, "id": id_, "since": since}
        found = connection.execute(self._recorder.sql["may_hold"], given).fetchall()
        return [stream for (stream,) in found]

    def _events(self, person: Person, log: _Log, at: datetime) -> Iterator[StoredEvent]:
        """The events that erase a person from a stream. There are none where it only names them."""
        if not log.holds and log.stream.rpartition(":")[2] != person:
            return
        erase, scope_id = log.aggregate.erase, log.stream.split(":")[1]
        for i, event in enumerate(erase(log.state, person) if erase else (), 1):
            recorded = Recorded(0, log.stream, log.version + i, event, at, ACTOR, scope_id)
            yield self._mapper.to_stored_event(recorded)
