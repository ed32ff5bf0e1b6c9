import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.store.clock import HELD, SteadyClock
from tests.store import log_of, opened, take

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

# What the machine's clock says, and how long ago it was asked before: both in seconds.
small = st.floats(-0.5, 0.5)
moments = st.lists(st.tuples(st.floats(0, 100), small), min_size=1)


def told(asked: list[tuple[float, float]]) -> tuple[list[datetime], list[datetime]]:
    """The times that the clock says, and those of the machine: each some seconds later, and off by
    some from what is true."""
    elapsed = [sum(seconds for seconds, _ in asked[: i + 1]) for i in range(len(asked))]
    machine = [
        START + timedelta(seconds=at + off) for at, (_, off) in zip(elapsed, asked, strict=True)
    ]
    clock = SteadyClock(iter(machine).__next__, iter(elapsed).__next__)
    return [clock.now() for _ in asked], machine


@given(moments)
def test_time_never_goes_back_while_a_clock_is_adjusted(asked: list[tuple[float, float]]) -> None:
    shown, machine = told(asked)
    assert shown == sorted(shown)
    assert all(abs(a - b) <= HELD for a, b in zip(shown, machine, strict=True))


@given(moments, st.floats(-1e9, 1e9).filter(lambda off: abs(off) > 3), moments)
def test_time_is_wrong_for_no_longer_than_the_clock(
    before: list[tuple[float, float]], off: float, after: list[tuple[float, float]]
) -> None:
    """Whichever way it was put, and when it is put right again."""
    wrong = [(seconds, off + by) for seconds, by in before]
    shown, machine = told([*before, *wrong, *after])
    assert all(abs(a - b) <= HELD for a, b in zip(shown, machine, strict=True))


def test_step_of_the_clock_is_logged_once_each_way(caplog: pytest.LogCaptureFixture) -> None:
    told([(1, 0), (1, 0), (1, 126230400), (1, 126230400.5), (1, 0), (1, -0.5)])
    assert [record.message for record in caplog.records] == [
        "the clock was put +126230400.0 s: it says 2030-11-01 12:00:03+00:00",
        "the clock was put -126230400.5 s: it says 2026-11-01 12:00:05+00:00",
    ]


def test_machine_that_slept_logs_no_step(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its clock is right when it wakes up; a monotonic one has stood still."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("only Linux tells the two apart")
    slept = {time.CLOCK_BOOTTIME: 3600.0, time.CLOCK_MONOTONIC: 0.0}
    begun = {which: time.clock_gettime(which) for which in slept}
    moments = iter([START, START + 3600 * SECOND])
    clock = SteadyClock(lambda: next(moments))
    clock.now()
    monkeypatch.setattr(time, "clock_gettime", lambda which: begun[which] + slept[which])
    assert clock.now() == START + 3600 * SECOND
    assert caplog.records == []


def test_events_are_stamped_in_order_but_for_a_step_of_the_clock(database: str) -> None:
    clock = iter([START, START - SECOND / 2, START - 60 * SECOND])
    with opened(database, clock=lambda: next(clock)) as history:
        for who in ("ada", "ben", "cleo"):
            asyncio.run(take(history, who))
    assert [r.at for r in log_of(database)] == [START, START, START - 60 * SECOND]
