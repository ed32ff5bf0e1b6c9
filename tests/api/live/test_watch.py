import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.live import watch as module
from api.live.watch import Watch
from tests.boards import clicks, end_of, opening, project, recording
from tests.store import ask
from tests.waiting import eventually


@asynccontextmanager
async def watching(database: str) -> AsyncIterator[Watch]:
    watch = Watch(database)
    task = asyncio.create_task(watch.run())
    try:
        await eventually(lambda: ask(database, LISTENING))
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


LISTENING = """
    SELECT 1 FROM pg_stat_activity WHERE application_name = 'rapport watch' AND state = 'idle'
    AND datname = current_database() AND query LIKE '%max(notification_id)%'
"""
CUT_OFF = LISTENING.replace("SELECT 1", "SELECT pg_terminate_backend(pid)")


def test_position_is_known_as_soon_as_it_is_shown(database: str) -> None:
    async def story() -> bool:
        async with watching(database) as watch:
            reaching = asyncio.create_task(watch.reach("mission_board", end_of(database), 5))
            await project(database)
            return await reaching

    with recording(database) as record:
        record(*opening(), *clicks(3))
    assert asyncio.run(story())


def test_position_that_nobody_tells_of_is_seen_within_a_second(database: str) -> None:
    async def story() -> bool:
        async with watching(database) as watch:
            ask(database, "UPDATE views.positions SET position = 7")
            return await watch.reach("leaderboard", 7, 2)

    asyncio.run(project(database))
    assert asyncio.run(story())


def test_lost_connection_is_replaced(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)

    async def story() -> bool:
        async with watching(database) as watch:
            ask(database, CUT_OFF)
            ask(database, "UPDATE views.positions SET position = 7")
            return await watch.reach("leaderboard", 7, 5)

    asyncio.run(project(database))
    assert asyncio.run(story())


def test_notification_of_long_ago_takes_nothing_back(database: str) -> None:
    async def story() -> int:
        async with watching(database) as watch:
            await eventually(lambda: watch.positions["leaderboard"] == 7)
            ask(database, "SELECT pg_notify('views', '9 mission_board')")
            ask(database, "SELECT pg_notify('views', '3 leaderboard')")
            ask(database, "SELECT pg_notify('views', '9 conferences')")
            assert await watch.reach("conferences", 9, 2)
            return watch.positions["leaderboard"]

    asyncio.run(project(database))
    ask(database, "UPDATE views.positions SET position = 7")
    assert asyncio.run(story()) == 7


def test_read_model_that_begins_anew_is_no_older_backup(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)

    async def story() -> list[int]:
        await project(database)
        older: list[int] = []
        async with watching(database) as watch:
            watch.on_older = older.append
            await eventually(lambda: watch.positions["live_missions"] == end_of(database))
            ask(database, "UPDATE views.positions SET position = 0 WHERE name = 'live_missions'")
            await eventually(lambda: watch.positions["live_missions"] == 0)
        return older

    with recording(database) as record:
        record(*opening())
    assert asyncio.run(story()) == []


def test_those_who_gave_up_do_not_pile_up() -> None:
    async def story() -> int:
        watch = Watch("")
        patient = asyncio.create_task(watch.reach("leaderboard", 5, 5))
        for _ in range(50):
            await asyncio.gather(*(watch.reach("leaderboard", 9, 0) for _ in range(20)))
        left = len(watch._waiting["leaderboard"])
        watch._see("leaderboard", 5)
        assert await patient
        return left

    assert asyncio.run(story()) <= 3


def test_erasure_is_heard_of_and_suspected_whenever_nobody_listened(database: str) -> None:
    async def story() -> None:
        async with watching(database) as watch:
            heard: list[bool] = []
            watch.on_erased = lambda: heard.append(True)
            ask(database, "NOTIFY people")
            await eventually(lambda: heard == [True])
            ask(database, CUT_OFF)
            await eventually(lambda: heard == [True, True])

    asyncio.run(story())


@given(st.lists(st.sampled_from(["goes", "gives up", "waits"]), max_size=60))
def test_those_who_wait_no_more_are_not_kept(waiters: list[str]) -> None:
    """At most as many as those who wait, behind a read model that does not move."""
    watch = Watch("")

    async def story() -> None:
        tasks = [
            asyncio.create_task(watch.reach("leaderboard", 1, 0.0 if how == "gives up" else 60.0))
            for how in waiters
        ]
        await asyncio.sleep(0)
        for task, how in zip(tasks, waiters, strict=True):
            if how == "goes":
                task.cancel()
        left = [task for task, how in zip(tasks, waiters, strict=True) if how == "waits"]
        gone = [task for task in tasks if task not in left]
        await asyncio.gather(*gone, return_exceptions=True)
        assert len(watch._waiting.get("leaderboard", [])) <= 2 * len(left)
        watch._see("leaderboard", 1)
        assert await asyncio.gather(*left) == [True] * len(left)

    asyncio.run(story())
