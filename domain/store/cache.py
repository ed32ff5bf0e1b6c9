"""Streams folded to their states, as of a position in the log.

`seen` is that position. The first thing that a batch does under the lock is to read what others
wrote since, so that no decision stands on a stale state, also none that changes nothing, and two of
our writers never conflict. What others wrote to a stream that is kept here is folded onto it once
it is needed. Long streams are folded by the loader, before the lock is taken.

Whether the log is still the one that was read before shows in its last event that was seen: what
others wrote is read from that one on. After a failover or the restore of a backup it may be gone,
and its position may be that of another event.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from msgspec.structs import replace
from psycopg import Connection

from domain.aggregate import StreamName
from domain.store.envelope import Row
from domain.store.erasure import ACTOR as ERASES
from domain.store.folding import Folded, Folder, resolved
from domain.store.recorder import KeyName, KnownReply, Recorder

CACHED = 20_000  # streams whose state is kept
TAIL = 5_000  # events of others that are looked through at once
SHORT = 250  # events of a stream that are folded while others wait
PIECE = 2_000  # the same, of all streams of a batch


class OutdatedError(Exception):
    """The log has moved on by more than the cache could follow: the batch has to begin again."""


class ChangedPastError(OutdatedError):
    """The last event that was seen is not in the log any more. Nothing is kept of what was."""


class LongStreamsError(Exception):
    """These streams take longer to fold than others may wait for; `streams` are as far as they
    are folded."""

    def __init__(self, streams: Sequence[Folded]) -> None:
        super().__init__(f"{len(streams)} streams are too long to be folded under the lock")
        self.streams = streams


class StreamCache:
    def __init__(self, recorder: Recorder, folder: Folder) -> None:
        self._recorder = recorder
        self._folder = folder
        self._known = False  # whether `_last` is
        self._last: Row | None = None  # the last event that was seen
        self._streams: OrderedDict[StreamName, Folded] = OrderedDict()
        # What others added to streams that are kept, not yet folded; None: not known.
        self._added: dict[StreamName, list[Row] | None] = {}
        self.moved = False  # whether others wrote something that the last `begin` read

    def __contains__(self, name: StreamName) -> bool:
        return name in self._streams and name not in self._added

    def __len__(self) -> int:
        return len(self._streams)

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
        self._known = False

    def begin(
        self, connection: Connection[Any], keys: Sequence[KeyName]
    ) -> dict[KeyName, KnownReply]:
        """Begins a batch: takes the lock, notes what others wrote, and finds those of the keys that
        came before. Raises OutdatedError."""
        self._look(connection)
        tail, known = self._recorder.begin(connection, self.seen, TAIL, keys)
        if self._last:
            if not tail or tail[0] != self._last:
                self.clear()
                raise ChangedPastError("the log is not the one that was read before")
            del tail[0]
        if len(tail) >= TAIL - 1:
            self._added = dict.fromkeys(self._streams)
            self._known = False
            raise OutdatedError("others wrote more than is looked through at once")
        self.moved = bool(tail)
        for row in tail:
            self._note(row)
        if tail:
            self._last = tail[-1]
        return known

    def load(self, connection: Connection[Any], names: Iterable[StreamName]) -> Sequence[Folded]:
        """Folds all that is missing of these streams, but for long ones, which are given back as
        far as they are folded. Where one cannot be read, none is: decided on an empty state, what
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

    def _load(self, connection: Connection[Any], missing: list[StreamName]) -> Sequence[Folded]:
        self._look(connection)
        rows: dict[StreamName, list[Row]] = {name: [] for name in missing}
        to_read = {}
        for name in missing:
            if known := self._added.get(name):
                rows[name] = known
            else:
                to_read[name] = self._streams.get(name) or self._folder.nothing(name)
        most = min(SHORT, max(4, PIECE // len(missing)))
        for row in self._read(connection, to_read, most):
            rows[row[1]].append(row)
        keys = self._folder.keys(connection, (row for added in rows.values() for row in added))
        folded = {
            name: self._folder.add(to_read.get(name) or self._streams[name], rows[name], keys)
            for name in missing
        }
        long = [folded[name] for name in to_read if len(rows[name]) == most]
        long += [self._folder.nothing(n) for n, f in to_read.items() if self._is_erased(f, rows[n])]
        for one in long:
            folded.pop(one.stream, None)
        self._streams.update(folded)
        for name in folded:
            self._added.pop(name, None)
        return long

    def _read(
        self, connection: Connection[Any], streams: Mapping[StreamName, Folded], most: int
    ) -> Iterable[Row]:
        if not streams:
            return ()
        versions = {name: folded.version for name, folded in streams.items()}
        return self._recorder.load_after(connection, versions, most)

    def add(self, folded: Folded) -> None:
        """One that was folded elsewhere; what was added to it meanwhile is not known."""
        if folded.stream not in self:
            self._streams[folded.stream] = folded
            self._added[folded.stream] = None

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
            name, _ = self._streams.popitem(last=False)
            self._added.pop(name, None)
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
            del self._streams[name]
            self._added.pop(name, None)
            return
        known = self._added.setdefault(name, [])
        if known is not None:
            known.append(row)
            if len(known) > SHORT:
                self._added[name] = None

    def _is_erased(self, folded: Folded, rows: Iterable[Row]) -> bool:
        """Whether one of these rows erases somebody from the stream. Then nothing is kept of what
        the state was made of, whatever it forgets by itself."""
        if not folded.version or not self._folder.aggregate(folded.stream).erase:
            return False
        return any(self._folder.actor(row) == ERASES for row in rows)
