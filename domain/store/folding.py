"""Rows of the log folded to the states of streams."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from psycopg import Connection

from domain.aggregate import Aggregate, StreamName
from domain.store.envelope import EnvelopeMapper, Row, SealKeys
from domain.store.recorder import Recorder


class InBatch(Struct, frozen=True):
    """The place of an event in the batch that is being written, from 0. It has a position once the
    batch is recorded."""

    index: int


class Folded(Struct, frozen=True):
    """A stream up to a version, which is 0 where there are no events; `position` is that of the
    last of them."""

    stream: StreamName
    version: int
    position: int | InBatch
    state: Any


class ReadSoFar(Struct, frozen=True):
    """A stream as far as it was read. `last` is the row of the last event that was: whoever reads
    on begins with it, for where it is gone meanwhile, the state is of a past that was lost."""

    folded: Folded
    last: Row | None = None

    @property
    def after(self) -> int:
        """The version after which to read on."""
        return self.folded.version - (self.last is not None)

    def is_followed_by(self, rows: Sequence[Row]) -> bool:
        return self.last is None or (bool(rows) and rows[0] == self.last)


def resolved(position: int | InBatch, positions: Sequence[int]) -> int:
    return positions[position.index] if isinstance(position, InBatch) else position


class Folder:
    def __init__(
        self, recorder: Recorder, aggregates: Mapping[str, Aggregate], mapper: EnvelopeMapper
    ) -> None:
        self._recorder = recorder
        self._aggregates = aggregates
        self._mapper = mapper

    def aggregate(self, name: StreamName) -> Aggregate:
        return self._aggregates[name.partition(":")[0]]

    def nothing(self, name: StreamName) -> Folded:
        """A stream before its first event."""
        return Folded(name, 0, 0, self.aggregate(name).initial)

    def keys(self, connection: Connection[Any], rows: Iterable[Row]) -> SealKeys:
        """The keys that open what is sealed in these rows."""
        needed = self._mapper.needed(rows)
        return self._recorder.opening(connection, needed) if needed else {}

    def add(self, folded: Folded, rows: Iterable[Row], keys: SealKeys) -> Folded:
        """The stream with these rows of it, in order, as far as it has not got them. Raises
        UnreadableEventError."""
        version, position, state = folded.version, folded.position, folded.state
        evolve = self.aggregate(folded.stream).evolve
        for row in rows:
            if row[2] > version:
                recorded = self._mapper.recorded(*row, keys=keys)
                state = evolve(state, recorded.event, recorded.at)
                version, position = recorded.version, recorded.position
        return Folded(folded.stream, version, position, state)

    def actor(self, row: Row) -> str:
        return self._mapper.actor(row[4])
