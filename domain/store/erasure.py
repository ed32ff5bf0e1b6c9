"""Forgetting a person: their keys are destroyed, and each stream that held something of them says
so with an event. One transaction, under the writers' lock: who registers again in the same moment
does so before it and is forgotten, or after it, and is new."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from itertools import groupby
from typing import Any

from eventsourcing.persistence import StoredEvent
from msgspec import Struct
from psycopg import Connection

from domain.aggregate import Aggregate, Recorded, StreamName
from domain.personal import Person, taken_out
from domain.store.envelope import EnvelopeMapper
from domain.store.queue import SYSTEM
from domain.store.recorder import Recorder

ACTOR = f"{SYSTEM}erase"
ACTORS = frozenset({ACTOR, "erase"})  # the latter in versions before, though a member may be it


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
        sql = self._recorder.sql
        with self._recorder.connection() as connection:
            end = self._recorder.end(connection)
            found = self._streams(connection, person)  # of a long log, while others write
            self._recorder.begin(connection, 0, 0, [])
            found += self._streams(connection, person, since=end)
            rows = self._recorder.load(connection, found)
            events = [
                event
                for stream, log in groupby(self._opened(connection, rows), lambda r: r.stream)
                for event in self._events(person, stream, list(log), at)
            ]
            keys = connection.execute(sql["destroy"], {"person": person}).fetchall()
            connection.execute(sql["tell_of_erasure"])
            return Erased(len(keys), self._recorder.commit(connection, events, []))

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

    def _opened(
        self, connection: Connection[Any], rows: list[tuple[Any, ...]]
    ) -> Iterable[Recorded]:
        keys = self._recorder.opening(connection, self._mapper.needed(rows))
        return [self._mapper.recorded(*row, keys=keys) for row in rows]

    def _events(
        self, person: Person, stream: StreamName, log: list[Recorded], at: datetime
    ) -> Iterable[StoredEvent]:
        """The events that erase a person from a stream. There are none where it only names them."""
        own = stream.rpartition(":")[2] == person
        if not own and not any(person in self._mapper.persons(recorded) for recorded in log):
            return
        aggregate = self._aggregates[stream.partition(":")[0]]
        state = reduce(lambda s, r: aggregate.evolve(s, r.event, r.at), log, aggregate.initial)
        erase, last = aggregate.erase, log[-1]
        for i, event in enumerate(erase(state, person) if erase else (), 1):
            recorded = Recorded(0, stream, last.version + i, event, at, ACTOR, last.scope_id)
            yield self._mapper.to_stored_event(recorded)
