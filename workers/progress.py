"""Progress of long work: a bar on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

WIDTH = 30
ON_TERMINAL, IN_FILE = 0.1, 10.0  # seconds between lines


class Progress:
    """`total` and `start` are in `unit`s, as is what `reached` is called with."""

    def __init__(
        self,
        total: int,
        unit: str,
        start: int = 0,
        out: TextIO = sys.stdout,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._unit, self._start = total, unit, start
        self._out, self._clock = out, clock
        self._terminal = out.isatty()
        self._started = self._shown = clock()

    def reached(self, done: int) -> None:
        now = self._clock()
        if now - self._shown >= (ON_TERMINAL if self._terminal else IN_FILE):
            self._shown = now
            rate = (done - self._start) / (now - self._started)
            self._say(line(done, self._total, self._unit, rate))

    def finish(self) -> None:
        """Clears the bar on a terminal."""
        if self._terminal:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _say(self, text: str) -> None:
        self._out.write(f"\r{text}\x1b[K" if self._terminal else f"{text}\n")
        self._out.flush()


def line(done: int, total: int, unit: str, rate: float) -> str:
    """`[###...] 45 %, 68,912 of 153,371 contacts, 5,120/s, 0:16 left`. Seconds have no rate."""
    share = done / total if total else 1.0
    bar = "#" * int(share * WIDTH)
    left = _clock(round((total - done) / rate)) if rate else "?"
    speed = "" if unit == "s" else f" {rate:,.0f}/s,"
    return f"[{bar:.<{WIDTH}}] {share:4.0%}, {done:,} of {total:,} {unit},{speed} {left} left"


def _clock(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
