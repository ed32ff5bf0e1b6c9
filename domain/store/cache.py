"""Streams folded to their states, as of a position in the log.

`seen` is that position. The first thing that a batch does under the lock is to read which streams
others wrote to since, and to drop those from the cache. So no decision stands on a stale state,
also none that changes nothing, and two of our writers never conflict.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from psycopg import Connection

from domain.aggregate import Aggregate, StreamName
from domain.store.envelope import EnvelopeMapper
from domain.store.recorder import KeyName, KnownReply, Recorder

CACHED = 20_000  # streams whose state is kept
TAIL = 5_000  # events of others that are looked through; with more the cache is emptied


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


class StreamCache:
    def __init__(
        self, recorder: Recorder, aggregates: Mapping[str, Aggregate], mapper: EnvelopeMapper
    ) -> None:
        self.seen = -1  # -1: not known
        self._recorder = recorder
        self._aggregates = aggregates
        self._mapper = mapper
        self._streams: OrderedDict[StreamName, Folded] = OrderedDict()

    def __contains__(self, name: StreamName) -> bool:
        return name in self._streams

    def __len__(self) -> int:
        return len(self._streams)

    def get(self, name: StreamName) -> Folded:
        """One that was loaded."""
        self._streams.move_to_end(name)
        return self._streams[name]

    def clear(self) -> None:
        """Forgets everything: it is not known any more what others wrote since."""
        self._streams.clear()
        self.seen = -1

    def begin(
        self, connection: Connection[Any], keys: Sequence[KeyName]
    ) -> dict[KeyName, KnownReply]:
        """Begins a batch: takes the lock, drops the streams that others wrote to, and finds those
        of the keys that came before."""
        if self.seen < 0:
            self.seen = self._recorder.end(connection)
        tail, known = self._recorder.begin(connection, self.seen, TAIL, keys)
        if len(tail) == TAIL:
            self._streams.clear()
            self.seen = self._recorder.end(connection)
        for name, version, position in tail:
            self.seen = max(self.seen, position)
            if name in self._streams and self._streams[name].version < version:
                del self._streams[name]
        return known

    def load(self, connection: Connection[Any], names: Iterable[StreamName]) -> None:
        """All of them or, where one cannot be read, none: decided on an empty state, what follows
        would be wrong."""
        missing = {name for name in names if name not in self._streams}
        if not missing:
            return
        loaded = {name: Folded(name, 0, 0, self._aggregate(name).initial) for name in missing}
        rows = self._recorder.load(connection, sorted(missing))
        needed = self._mapper.needed(rows)
        keys = self._recorder.opening(connection, needed) if needed else {}
        for row in rows:
            r = self._mapper.recorded(*row, keys=keys)
            state = self._aggregate(r.stream).evolve(loaded[r.stream].state, r.event, r.at)
            loaded[r.stream] = Folded(r.stream, r.version, r.position, state)
        self._streams.update(loaded)

    def keep(self, streams: Iterable[Folded], positions: Sequence[int]) -> None:
        """These were recorded: the batch's events have these positions."""
        for folded in streams:
            position = resolved(folded.position, positions)
            self._streams[folded.stream] = replace(folded, position=position)
            self._streams.move_to_end(folded.stream)
        while len(self._streams) > CACHED:
            self._streams.popitem(last=False)
        self.seen = max(self.seen, *positions) if positions else self.seen

    def _aggregate(self, name: StreamName) -> Aggregate:
        return self._aggregates[name.partition(":")[0]]


def resolved(position: int | InBatch, positions: Sequence[int]) -> int:
    return positions[position.index] if isinstance(position, InBatch) else position
