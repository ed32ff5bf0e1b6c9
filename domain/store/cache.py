"""Streams folded to their states, as of a position in the log.

`seen` is that position. The first thing that a batch does under the lock is to read what others
wrote since, so that no decision stands on a stale state, also none that changes nothing, and two of
our writers never conflict. What others wrote to a stream that is kept here is folded onto it once
it is needed. Long streams are folded by the loader, before the lock is taken.

Whether the log is still the one that was read before shows in its last event that was seen: what
others wrote is read from that one on. After a failover or the restore of a backup it may be gone,
and its position may be that of another event. Streams are read before the lock is taken, and may
show more than was seen: the last event of theirs has to be there as well.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from msgspec.structs import replace
from psycopg import Connection

from domain.aggregate import StreamName
from domain.store.envelope import Row
from domain.store.erasure import ACTORS as ERASES
from domain.store.folding import Folded, Folder, ReadSoFar, resolved
from domain.store.recorder import KeyName, KnownReply, Recorder

CACHED = 20_000  # streams whose state is kept
TAIL = 5_000  # events of others that are looked through at once
SHORT = 250  # events of a stream that are folded while others wait; at least 2
PIECE = 2_000  # the same, of all streams of a batch
LEAST = 4  # the same, where there are so many of them that a piece is not enough
ROUND = 20  # events of each stream that are worth another round trip
NOTED = 20  # events of others that are kept for a stream until it is needed: then it is read again
NOTED_OF_ALL = 50_000  # the same, of all streams


class OutdatedError(Exception):
    """The log has moved on by more than the cache could follow: the batch has to begin again."""


class ChangedPastError(OutdatedError):
    """The last event that was seen is not in the log any more. Nothing is kept of what was."""


class LongStreamsError(Exception):
    """These streams take longer to fold than others may wait for."""

    def __init__(self, streams: Sequence[ReadSoFar]) -> None:
        super().__init__(f"{len(streams)} streams are too long to be folded under the lock")
        self.streams = streams


class StreamCache:
    def __init__(self, recorder: Recorder, folder: Folder) -> None:
        self._recorder = recorder
        self._folder = folder
        self._known = False  # whether `_last` is
        self._last: Row | None = None  # the last event that was seen
        self._ahead: Row | None = None  # the last event that was read and is not seen yet
        self._streams: OrderedDict[StreamName, Folded] = OrderedDict()
        # What others added to streams that are kept, not yet folded; None: not known.
        self._added: dict[StreamName, list[Row] | None] = {}
        self._noted = 0  # rows in it, at most
        self._unchecked: dict[StreamName, ReadSoFar] = {}  # those that were folded elsewhere
        self.moved = False  # whether others wrote something that the last `begin` read

    def __contains__(self, name: StreamName) -> bool:
        return name in self._streams and name not in self._added

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def end(self) -> int:
        """The position of the last event that was seen; -1 while it is not known to be there."""
        return self.seen if self._known else -1

    @property
    def seen(self) -> int:
        return self._last[0] if self._last else 0

    def get(self, name: StreamName) -> Folded:
        """One that was loaded."""
        return self._streams[name]

    def clear(self) -> None:
        """Forgets everything: it is not known any more what others wrote since."""
        self._streams.clear()
        self._added.clear()
        self._unchecked.clear()
        self._ahead = None
        self._known = False

    def begin(
        self, connection: Connection[Any], keys: Sequence[KeyName]
    ) -> dict[KeyName, KnownReply]:
        """Begins a batch: takes the lock, notes what others wrote, and finds those of the keys that
        came before. Raises OutdatedError."""
        self._look(connection)
        tail, known = self._recorder.begin(connection, self.seen, TAIL, keys)
        is_whole = len(tail) < TAIL
        is_changed = self._last is not None and tail[:1] != [self._last]
        if is_changed or (self._ahead and is_whole and self._ahead not in tail):
            self.clear()
            raise ChangedPastError("the log is not the one that was read before")
        if not is_whole:
            self._follow(connection, tail)
            raise OutdatedError("others wrote more than is looked through at once")
        if self._last:
            del tail[0]
        self._ahead = None
        self.moved = bool(tail)
        for row in tail:
            self._note(row)
        if tail:
            self._last = tail[-1]
        return known

    def _follow(self, connection: Connection[Any], tail: Sequence[Row]) -> None:
        """Under the lock, where what others wrote is too much to be looked through."""
        if self._ahead and self._ahead not in tail:
            self.clear()
        self._ahead = None
        self._last, self._known = self._recorder.last(connection), True
        for name in [n for n in self._streams if self._folder.aggregate(n).erase]:
            self._drop(name)  # it is not known who was erased
        self._added = dict.fromkeys(self._streams)

    def load(self, connection: Connection[Any], names: Iterable[StreamName]) -> Sequence[ReadSoFar]:
        """Folds all that is missing of these streams, but for long ones, which are given back as
        far as they were read. Where one cannot be read, none is: decided on an empty state, what
        follows would be wrong."""
        missing, added = [], self._added
        used = self._streams.move_to_end
        for name in names:
            try:
                used(name)
            except KeyError:
                missing.append(name)
            else:
                if name in added:
                    missing.append(name)
        return self._load(connection, missing) if missing else ()

    def _look(self, connection: Connection[Any]) -> None:
        """Where it is not known, up to where the log is seen: before any stream is read of it, for
        what others add to that stream is looked for after it."""
        if not self._known:
            self._last, self._known = self._recorder.last(connection), True

    def _load(self, connection: Connection[Any], missing: list[StreamName]) -> Sequence[ReadSoFar]:
        """In rounds: what short streams leave of a piece is for the longer ones."""
        self._look(connection)
        known = {name: rows for name in missing if (rows := self._added.get(name))}
        keys = self._folder.keys(connection, (row for rows in known.values() for row in rows))
        folded = {n: self._folder.add(self._streams[n], rows, keys) for n, rows in known.items()}
        to_read = {name: self._so_far(name) for name in missing if name not in known}
        long: list[ReadSoFar] = []
        most, left, short = min(SHORT, max(LEAST, PIECE // len(missing))), PIECE, SHORT
        while to_read:
            read = self._read(connection, to_read, most)
            left, short = left - sum(map(len, read.values())), short - most
            keys = self._folder.keys(connection, (row for rows in read.values() for row in rows))
            unfinished = {}
            for name, rows in read.items():
                before = to_read[name]
                new = rows[1:] if before.last else rows
                if not before.is_followed_by(rows) or self._is_erased(before.folded, new):
                    long.append(ReadSoFar(self._folder.nothing(name)))
                    continue
                after = self._folder.add(before.folded, rows, keys)
                if len(rows) < most:
                    folded[name] = after
                else:
                    unfinished[name] = ReadSoFar(after, rows[-1])
            most = min(short, left // len(unfinished)) if unfinished else 0
            if most < ROUND:
                long += unfinished.values()
                break
            to_read = unfinished
        self._streams.update(folded)
        for name in folded:
            self._added.pop(name, None)
            self._unchecked.pop(name, None)
        return long

    def _so_far(self, name: StreamName) -> ReadSoFar:
        if unchecked := self._unchecked.get(name):
            return unchecked
        return ReadSoFar(self._streams.get(name) or self._folder.nothing(name))

    def _read(
        self, connection: Connection[Any], streams: Mapping[StreamName, ReadSoFar], most: int
    ) -> dict[StreamName, list[Row]]:
        """Up to `most` events of each of these."""
        versions = {name: so_far.after for name, so_far in streams.items()}
        rows = self._recorder.load_after(connection, versions, most)
        if rows and (last := max(rows))[0] > max(self.seen, self._ahead[0] if self._ahead else 0):
            self._ahead = last
        read: dict[StreamName, list[Row]] = {name: [] for name in streams}
        for row in rows:
            read[row[1]].append(row)
        return read

    def add(self, so_far: ReadSoFar) -> None:
        """One that was folded elsewhere; what was added to it meanwhile is not known."""
        name = so_far.folded.stream
        if name not in self:
            self._streams[name] = so_far.folded
            self._unchecked[name] = so_far
            self._added[name] = None

    def keep(
        self,
        streams: Iterable[Folded],
        positions: Sequence[int],
        stored: Sequence[StoredEvent],
    ) -> None:
        """These were recorded: the batch's events, which are `stored`, have these positions."""
        for folded in streams:
            position = resolved(folded.position, positions)
            self._streams[folded.stream] = replace(folded, position=position)
            self._streams.move_to_end(folded.stream)
        while len(self._streams) > CACHED:
            self._drop(next(iter(self._streams)))
        if stored:
            e = stored[-1]
            stream = str(e.originator_id)
            self._last = (positions[-1], stream, e.originator_version, e.topic, e.state)

    def _note(self, row: Row) -> None:
        """An event that another process recorded."""
        name = row[1]
        kept = self._streams.get(name)
        if kept is None or row[2] <= kept.version:
            return
        if self._is_erased(kept, [row]):
            self._drop(name)
            return
        known = self._added.setdefault(name, [])
        if known is not None:
            known.append(row)
            self._noted += 1
            if len(known) > NOTED:
                self._added[name] = None
        if self._noted > NOTED_OF_ALL:
            self._noted = sum(len(rows) for rows in self._added.values() if rows)
            if self._noted > NOTED_OF_ALL / 2:
                self._added = dict.fromkeys(self._added)
                self._noted = 0

    def _drop(self, name: StreamName) -> None:
        del self._streams[name]
        self._added.pop(name, None)
        self._unchecked.pop(name, None)

    def _is_erased(self, folded: Folded, rows: Iterable[Row]) -> bool:
        """Whether one of these rows erases somebody from the stream. Then nothing is kept of what
        the state was made of, whatever it forgets by itself."""
        if not folded.version or not self._folder.aggregate(folded.stream).erase:
            return False
        return any(self._folder.actor(row) in ERASES for row in rows)
