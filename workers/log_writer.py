"""Log lines are written by a thread of their own: an event loop never waits for whoever reads them.

A pipe whose other end is not read holds at most 64 KiB, and then whoever writes to it stands still.
So lines wait in a queue; where very many do, those that come are counted instead, and the count is
written once there is room. A file has no other end: it gets each line at once.
"""

import logging
import os
import stat
import sys
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO

MOST = 20_000  # lines that may wait
PATIENCE = 1.0  # seconds that the end of the process waits for them
GATHERING = 0.01  # seconds between writes, so that a busy process is not switched for each line
ATOMIC = 4096  # bytes that a pipe takes whole, beside those of other processes (PIPE_BUF)


class LogWriter(logging.Handler):
    """Formats a record where it is made, in its context, and writes it elsewhere."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stderr
        self._is_file = _is_file(self._stream)
        self._lines: SimpleQueue[str | threading.Event | None] = SimpleQueue()
        self._lost = 0  # counted where lines are made
        self._told = 0  # of those, counted where they are written
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if self._is_file:
            self._write([line])
        elif self._lines.qsize() >= MOST:
            self._lost += 1
        else:
            self._lines.put(line)

    def flush(self) -> None:
        """Waits until all lines before are written, for PATIENCE at most."""
        written = threading.Event()
        self._lines.put(written)
        written.wait(PATIENCE)

    def close(self) -> None:
        self.flush()
        self._lines.put(None)
        super().close()

    def _run(self) -> None:
        ended = False
        while not ended:
            taken = [self._lines.get()]
            with suppress(Empty):
                while True:
                    taken.append(self._lines.get_nowait())
            self._write([line for line in taken if isinstance(line, str)])
            while lost := self._lost - self._told:
                self._told += lost
                self._write([self._told_of(lost)])
            waiting = [each for each in taken if isinstance(each, threading.Event)]
            for event in waiting:
                event.set()
            ended = None in taken
            if not waiting:  # which is at the end
                time.sleep(GATHERING)

    def _told_of(self, lost: int) -> str:
        told = "%s lines were lost: nobody read"
        name = __name__
        return self.format(logging.LogRecord(name, logging.WARNING, "", 0, told, (lost,), None))

    def _write(self, lines: list[str]) -> None:
        piece: list[bytes] = []
        for line in (f"{line}\n".encode(errors="backslashreplace") for line in lines):
            if sum(map(len, piece)) + len(line) > ATOMIC:
                self._put(b"".join(piece))
                piece = []
            piece.append(line)
        self._put(b"".join(piece))

    def _put(self, piece: bytes) -> None:
        """Past the buffer of the stream: the end of the interpreter would wait for its lock."""
        try:
            place = self._stream.fileno()
        except (OSError, ValueError, AttributeError):  # a stream of tests
            with suppress(ValueError):
                self._stream.write(piece.decode())
            return
        with suppress(OSError):  # nobody is there any more
            while piece:
                try:
                    piece = piece[os.write(place, piece) :]
                except BlockingIOError:  # whoever started us made it so
                    time.sleep(GATHERING)


def _is_file(stream: IO[str]) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False
