"""Signals as a main loop wants them: asleep until there is something to do."""

import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """We were asked to end. Not an Exception, so that no `except Exception` on the way keeps it."""


class Signals:
    """The first signal to end raises Stop, wherever we are; the later ones mean: faster."""

    asked = 0

    def __enter__(self) -> Self:
        self._ear, self._mouth = socket.socketpair()
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        # `nohup` has a program ignore that its terminal closed; so it stays.
        ending = [s for s in ENDING if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]
        self._before = {s: signal.signal(s, self._ask) for s in ending}
        # A handler is needed for the end of a child to wake us up; the waking is all it is for.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._ear.close()
        self._mouth.close()

    @property
    def hurry(self) -> bool:
        return self.asked > 1

    def wait(self, timeout: float | None) -> None:
        """Until a signal comes or a child ends, or so many seconds."""
        if select.select([self._ear], [], [], timeout)[0]:
            self._ear.recv(4096)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1
        if self.asked == 1:
            raise Stop


@contextmanager
def interrupted() -> Iterator[None]:
    """Every signal to end is as Ctrl-C, with which asyncio knows how to end."""

    def ask(number: int, frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    before[signal.SIGTERM] = signal.signal(signal.SIGTERM, ask)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
