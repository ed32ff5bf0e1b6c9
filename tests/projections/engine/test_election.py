import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from projections.engine import election as module
from projections.engine.election import StepDownError, run_elected
from tests.store import ask
from tests.waiting import eventually
from workers.background import background


class Counting:
    """Counts its steps; `busy`: there is always more to do."""

    channel = "counting"
    rest = 0.0

    def __init__(self, name: str = "counting", busy: bool = False) -> None:
        self.name = name
        self.busy = busy
        self.fails: Exception | None = None
        self.started = self.steps = self.stopped = 0

    @property
    def leads(self) -> bool:
        return self.started > self.stopped

    async def start(self, database_url: str) -> None:
        self.started += 1
        if self.fails:
            raise self.fails

    async def step(self) -> bool:
        self.steps += 1
        if self.fails:
            raise self.fails
        await asyncio.sleep(0)
        return self.busy

    async def stop(self) -> None:
        self.stopped += 1


def following(database: str, *followers: Counting) -> AbstractAsyncContextManager[Any]:
    return background(*(run_elected(f, database) for f in followers))


CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
    WHERE a.datname = current_database() AND l.locktype = 'advisory' AND l.granted
"""
STANDING_BY = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%pg_try_advisory_lock%' AND state = 'idle'
"""


def test_one_leads_and_the_others_stand_by(database: str) -> None:
    async def story() -> None:
        async with following(database, *team):
            await eventually(lambda: any(f.steps > 2 for f in team))
            assert sorted(f.started for f in team) == [0, 0, 1]
        assert sorted(f.stopped for f in team) == [0, 0, 1]

    team = [Counting(), Counting(), Counting()]
    asyncio.run(story())


@pytest.mark.parametrize("busy", [False, True])
def test_leader_that_is_cut_off_steps_down_and_the_lead_is_taken(database: str, busy: bool) -> None:
    """Also where it never pauses to listen."""

    async def story() -> float:
        async with following(database, *team):
            await eventually(lambda: any(f.leads for f in team))
            (leader,) = (f for f in team if f.leads)
            ask(database, CUT_OFF)
            await eventually(lambda: leader.stopped)
            return await eventually(lambda: sum(f.started for f in team) == 2)

    team = [Counting(busy=busy), Counting(busy=busy)]
    assert asyncio.run(story()) <= 3


def test_standby_takes_over_from_a_leader_that_is_gone(database: str) -> None:
    async def story() -> float:
        leading = asyncio.create_task(run_elected(leader, database))
        await eventually(lambda: leader.leads)
        async with following(database, standby):
            await eventually(lambda: ask(database, STANDING_BY))
            leading.cancel()
            return await eventually(lambda: standby.leads)

    leader, standby = Counting(), Counting()
    assert asyncio.run(story()) <= 0.9  # feeds are silent meanwhile


def test_leader_that_stands_still_loses_the_lead(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is there, and says nothing: the server ends it."""

    class Frozen(Counting):
        async def step(self) -> bool:
            await eventually(lambda: standby.leads)
            return False

    async def story() -> None:
        async with following(database, frozen):
            await eventually(lambda: frozen.leads)
            async with following(database, standby):
                await eventually(lambda: standby.leads and not frozen.leads)

    soon = {"end_silent_session": "SET idle_session_timeout = '300ms'"}
    monkeypatch.setattr(module, "SQL", module.SQL | soon)
    monkeypatch.setattr(module, "STANDBY", 0.1)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)
    frozen, standby = Frozen(), Counting()
    asyncio.run(story())


def test_notification_is_heard_at_once_and_a_lost_one_within_a_second(database: str) -> None:
    async def story() -> tuple[float, float]:
        async with following(database, follower):
            await eventually(lambda: follower.steps)
            before = follower.steps
            ask(database, "NOTIFY counting")
            heard = await eventually(lambda: follower.steps > before)
            before = follower.steps
            looked = await eventually(lambda: follower.steps > before)
            return heard, looked

    follower = Counting()
    heard, looked = asyncio.run(story())
    assert heard < 0.8
    assert looked < 2


@pytest.mark.parametrize("error", [StepDownError("it has to be"), OSError("away"), KeyError("x")])
def test_follower_that_fails_is_tried_again_and_always_stopped(
    database: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        follower.fails = error
        async with following(database, follower):
            await eventually(lambda: follower.started > 1)
            follower.fails = None
            await eventually(lambda: follower.steps)

    follower = Counting()
    asyncio.run(story())
    assert follower.started == follower.stopped
    expected = "ERROR" if isinstance(error, KeyError) else "WARNING"
    first = next(r for r in caplog.records if "stopped" in r.getMessage())
    assert first.levelname == expected
    assert first.getMessage() == f"counting stopped: {error}"


def test_followers_of_different_names_lead_side_by_side(database: str) -> None:
    async def story() -> None:
        async with following(database, *team):
            await eventually(lambda: all(f.steps for f in team))

    team = [Counting("one"), Counting("two")]
    asyncio.run(story())


class Forgetful(Counting):
    """Its first cancellation is lost, as Python 3.11 does where something else comes with it."""

    async def step(self) -> bool:
        self.steps += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return True
        return False


def test_cancellation_that_is_forgotten_below_ends_it_all_the_same(database: str) -> None:
    async def story() -> Counting:
        follower = Forgetful()
        task = asyncio.create_task(run_elected(follower, database))
        await eventually(lambda: follower.steps)
        task.cancel()
        await asyncio.wait_for(task, 5)
        return follower

    follower = asyncio.run(story())
    assert (follower.steps, follower.started, follower.stopped) == (1, 1, 1)
