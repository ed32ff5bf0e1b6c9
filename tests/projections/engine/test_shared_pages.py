import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregate import Recorded
from domain.missions import MissionStarted
from projections.engine import event_log
from projections.engine import shared_pages as module
from projections.engine.election import connect
from projections.engine.event_log import END, Connection
from projections.engine.shared_pages import SharedPages
from tests.boards import clicks, opening, recording
from tests.waiting import eventually


@pytest.fixture
def filled(database: str) -> str:
    with recording(database) as record:
        record(*opening(), *clicks(20))
    return database


@asynccontextmanager
async def connected(database: str, number: int) -> AsyncIterator[list[Connection]]:
    async with AsyncExitStack() as stack:
        opened = [await connect(database, "test") for _ in range(number)]
        for connection in opened:
            stack.push_async_callback(connection.close)
        yield opened


class Counted:
    """Reads of the log that Postgres was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[int, int, int]] = []
        self._page = event_log.page
        monkeypatch.setattr(event_log, "page", self)

    async def __call__(
        self, connection: Connection, after: int, most: int, until: int = END
    ) -> list[Recorded]:
        self.asked.append((after, most, until))
        return await self._page(connection, after, most, until)


@pytest.mark.parametrize("together", [True, False])
def test_readers_at_one_position_get_the_same_page_that_is_read_once(
    filled: str, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    counted = Counted(monkeypatch)

    async def walk(pages: SharedPages, connection: Connection) -> list[Recorded]:
        log: list[Recorded] = []
        while page := await pages(connection, event_log.last(log), 7):
            log += page
        return log

    async def story() -> list[list[Recorded]]:
        pages = SharedPages()
        async with connected(filled, 3) as connections:
            if together:
                return await asyncio.gather(*(walk(pages, one) for one in connections))
            return [await walk(pages, one) for one in connections]

    logs = asyncio.run(story())
    assert [recorded.position for recorded in logs[0]] == list(range(1, 23))
    assert logs[0] == logs[1] == logs[2]
    full = [one for one in counted.asked if one[0] < 22]
    assert len(full) == len(set(full)) == 4


def test_end_of_the_log_is_looked_for_each_time(database: str) -> None:
    async def story() -> list[int]:
        pages = SharedPages()
        async with connected(database, 1) as (connection,):
            seen = [len(await pages(connection, 0, 7))]
            with recording(database) as record:
                await asyncio.to_thread(record, *opening())
            return [*seen, len(await pages(connection, 0, 7))]

    assert asyncio.run(story()) == [0, 2]


@pytest.mark.parametrize("how", ["cancelled", "cut off", "slow"])
def test_reader_does_not_depend_on_the_one_who_reads_for_it(
    filled: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    plain, hold = event_log.page, asyncio.Event()

    async def held(
        connection: Connection, after: int, most: int, until: int = END
    ) -> list[Recorded]:
        if connection is first:
            await hold.wait()
            if how == "cut off":
                raise psycopg.OperationalError("planted")
        return await plain(connection, after, most, until)

    first: Connection | None = None

    async def story() -> int:
        nonlocal first
        monkeypatch.setattr(event_log, "page", held)
        pages = SharedPages()
        async with connected(filled, 2) as (first, second):
            reading = asyncio.create_task(pages(first, 0, 7))
            await asyncio.sleep(0)
            waiting = asyncio.create_task(pages(second, 0, 7))
            await asyncio.sleep(0)
            if how == "cancelled":
                reading.cancel()
            elif how == "cut off":
                hold.set()
            found = await waiting
            hold.set()
            await asyncio.gather(reading, return_exceptions=True)
        return len(found)

    monkeypatch.setattr(module, "PATIENCE", 0.05 if how == "slow" else 60)
    assert asyncio.run(story()) == 7


@given(st.data())
def test_whoever_stands_anywhere_gets_what_follows_without_a_gap(data: st.DataObject) -> None:
    """The log has gaps, where a transaction drew a number and recorded nothing."""
    log = [at(p) for p in sorted(data.draw(st.sets(st.integers(1, 40), min_size=1)))]

    async def page(_: Any, after: int, most: int, until: int = END) -> list[Recorded]:
        return [r for r in log if after < r.position <= until][:most]

    async def story() -> None:
        pages = SharedPages()
        for _ in range(data.draw(st.integers(1, 12))):
            after = data.draw(st.sampled_from([0, *(r.position for r in log)]) | st.integers(0, 45))
            most = data.draw(st.integers(1, 9))
            until = data.draw(st.integers(after, 45) | st.just(END))
            found = await pages(cast(Any, None), after, most, until)
            expected = await page(None, after, most, until)
            assert found == expected[: len(found)]
            assert bool(found) == bool(expected)
            assert pages._kept == sum(map(len, pages._pages.values())) <= 20

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(event_log, "page", page)
        patched.setattr(module, "KEPT", 20)
        asyncio.run(story())


def at(position: int) -> Recorded:
    fact = MissionStarted("mission_1")
    return Recorded(position, "board:evt_1:ada", position, fact, datetime.now(UTC), "ada", "evt_1")


def test_what_others_read_is_not_read_again_though_they_stood_elsewhere(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)

    async def story() -> list[Recorded]:
        pages = SharedPages()
        async with connected(filled, 1) as (connection,):
            for after in (0, 3, 6, 9):
                await pages(connection, after, 3)
            return await pages(connection, 1, 100)

    assert [recorded.position for recorded in asyncio.run(story())] == list(range(2, 13))
    assert len(counted.asked) == 4


def test_page_leaves_the_memory_though_nobody_asks_for_another(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may hold what somebody asks to be erased."""
    monkeypatch.setattr(module, "FRESH", 0.2)

    async def story() -> None:
        pages = SharedPages()
        async with connected(filled, 1) as (connection,):
            await pages(connection, 0, 7)
            assert len(pages._pages) == 1
            assert pages._kept == 7
            await eventually(lambda: not pages._pages, 5)
            assert pages._kept == 0

    asyncio.run(story())
