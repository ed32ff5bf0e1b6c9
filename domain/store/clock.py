"""The time that events are stamped with."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

HELD = timedelta(seconds=1)
# Goes on while the machine is suspended, which is no step of its clock. So does the monotonic clock
# of macOS, though not that of Linux, nor Python's there.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """Seconds since some moment in the past."""
    return time.clock_gettime(CLOCK)


class SteadyClock:
    """Never goes back where the machine's clock does so by a second or less, as it does when it is
    adjusted. A step of more than that, either way, is followed and logged: one into a wrong year
    must not last longer than the clock is wrong."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._last: datetime | None = None
        self._at = 0.0

    def now(self) -> datetime:
        now, at = self._clock(), self._elapsed()
        if self._last is not None:
            step = now - self._last - timedelta(seconds=at - self._at)
            if abs(step) > HELD:
                log.warning("the clock was put %+.1f s: it says %s", step.total_seconds(), now)
            elif now < self._last:
                return self._last
        self._last, self._at = now, at
        return now
