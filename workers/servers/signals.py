"""Signals for a main loop, which sleeps until one comes or a child ends."""

import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """A signal asked us to end. Not an Exception, so that no `except Exception` catches it."""


class Signals:
    """Counts signals that ask us to end. The first raises Stop where the main thread is; with the
    second, `hurry` is true."""

    received = 0

    def __enter__(self) -> Self:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        # `nohup` makes a program ignore SIGHUP: then we go on ignoring it.
        ending = [s for s in ENDING if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]
        self._before = {s: signal.signal(s, self._on_end) for s in ending}
        # Without a handler the end of a child would not wake us; it has nothing else to do.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._reader.close()
        self._writer.close()

    @property
    def hurry(self) -> bool:
        return self.received > 1

    def wait(self, timeout: float | None) -> None:
        """Sleeps until a signal comes or a child ends, `timeout` seconds at most (None: for
        ever)."""
        if select.select([self._reader], [], [], timeout)[0]:
            self._reader.recv(4096)

    def _on_end(self, number: int, frame: FrameType | None) -> None:
        self.received += 1
        if self.received == 1:
            raise Stop


@contextmanager
def interrupted() -> Iterator[None]:
    """Turns every signal to end into SIGINT, at which asyncio ends what runs."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
