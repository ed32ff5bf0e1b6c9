"""Folds long streams in a thread of its own, so that nobody waits for them who does not need them.

It does so in pieces: it reads as many events as others may well wait for, folds them with pauses in
which other threads have the interpreter to themselves, and takes the streams in turns. So a short
one is there soon, however long another is.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct
from psycopg import Connection
from psycopg_pool import PoolTimeout

from domain.aggregate import StreamName
from domain.store.envelope import SealKeys
from domain.store.folding import Folder, ReadSoFar
from domain.store.recorder import AWAY, Recorder, Rows

log = logging.getLogger(__name__)

PIECE = 1_000  # events that are read at once
TOGETHER = 50  # streams of which these are
CHUNK = 40  # events that are folded without a pause: half a millisecond, or a little more
PAUSE = 0.0005  # seconds
ATTEMPTS = 3  # without a piece between them, until those who wait hear that the store is away
RETRY = 0.1  # seconds before the second attempt; twice that before the third


class _Load(Struct, frozen=True):
    so_far: ReadSoFar
    generation: int

    @property
    def stream(self) -> StreamName:
        return self.so_far.folded.stream


class Loader:
    """`loading` are the streams that were asked for and not yet taken. All methods are the
    writer's, and `wake` is called in the loader's thread when there is something to take."""

    def __init__(self, recorder: Recorder, folder: Folder, wake: Callable[[], None]) -> None:
        self.loading: set[StreamName] = set()
        self._recorder = recorder
        self._folder = folder
        self._wake = wake
        self._generation = 0
        self._ended = False
        self._folded = 0  # events since the last pause
        self._asked: queue.SimpleQueue[_Load | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[_Load, ReadSoFar | Exception]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def load(self, so_far: ReadSoFar) -> None:
        """Folds the rest of a stream."""
        load = _Load(so_far, self._generation)
        if load.stream in self.loading:
            return
        self.loading.add(load.stream)
        self._asked.put(load)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
            self._thread.start()

    def take(self) -> Iterator[tuple[StreamName, ReadSoFar | Exception]]:
        """Streams that were read since, or why they cannot be had. They lack what was recorded
        meanwhile."""
        while not self._done.empty():
            load, result = self._done.get()
            if load.generation == self._generation:
                self.loading.discard(load.stream)
                yield load.stream, result

    def forget(self) -> None:
        """Gives up all that it is at: what is in the log may be something else by now."""
        self._generation += 1
        self.loading.clear()

    def close(self) -> None:
        self._ended = True
        self._asked.put(None)
        if self._thread:
            self._thread.join(timeout=5)

    # The loader's thread
    def _run(self) -> None:
        loads: deque[_Load] = deque()
        failed = 0
        while not self._ended:
            self._accept(loads)
            try:
                with self._recorder.connection() as connection:
                    while loads and not self._ended:
                        self._try_piece(connection, loads)
                        self._accept(loads, wait=False)
                        failed = 0
            except (*AWAY, PoolTimeout) as e:
                failed += 1
                log.warning("cannot load %d streams, attempt %d: %s", len(loads), failed, e)
                if failed == ATTEMPTS:
                    failed = 0
                    self._finish((load, e) for load in loads)
                    loads.clear()
                else:
                    time.sleep(RETRY * failed)

    def _accept(self, loads: deque[_Load], *, wait: bool = True) -> None:
        """Waits for one where there is none."""
        if not loads and wait and (load := self._asked.get()):
            loads.append(load)
        while not self._asked.empty():
            if load := self._asked.get():
                loads.append(load)

    def _try_piece(self, connection: Connection[Any], loads: deque[_Load]) -> None:
        """Where what is read cannot be opened, say, those streams fail, and others go on."""
        streams = list(loads)[:TOGETHER]
        try:
            self._piece(connection, loads)
        except (*AWAY, PoolTimeout):
            raise
        except Exception as e:
            connection.rollback()
            failed = [load for load in streams if load in loads]
            for load in failed:
                loads.remove(load)
            self._finish((load, e) for load in failed)

    def _piece(self, connection: Connection[Any], loads: deque[_Load]) -> None:
        """The next events of the first few streams. Those that are not done come last then."""
        for given_up in [load for load in loads if load.generation != self._generation]:
            loads.remove(given_up)
        now = {load.stream: load for load in list(loads)[:TOGETHER]}
        if not now:
            return
        most = max(2, PIECE // len(now))
        versions = {name: load.so_far.after for name, load in now.items()}
        rows = self._recorder.load_after(connection, versions, most)
        keys = self._folder.keys(connection, rows)
        for name, load in now.items():
            theirs = [row for row in rows if row[1] == name]
            try:
                result = self._add(load.so_far, theirs, keys)
            except Exception as e:
                loads.popleft()
                self._finish([(load, e)])
                continue
            loads.popleft()
            if result and len(theirs) < most:
                self._finish([(load, result)])
            else:
                again = result or ReadSoFar(self._folder.nothing(name))
                loads.append(_Load(again, load.generation))

    def _add(self, so_far: ReadSoFar, rows: Rows, keys: SealKeys) -> ReadSoFar | None:
        """The stream with these rows; None where what was read of it before was lost meanwhile."""
        if not so_far.is_followed_by(rows):
            return None
        folded = so_far.folded
        for i in range(0, len(rows), CHUNK):
            folded = self._folder.add(folded, rows[i : i + CHUNK], keys)
            self._folded += len(rows[i : i + CHUNK])
            if self._folded >= CHUNK:
                self._folded = 0
                time.sleep(PAUSE)
        return ReadSoFar(folded, rows[-1] if rows else None)

    def _finish(self, done: Any) -> None:
        for one in done:
            self._done.put(one)
        self._wake()
