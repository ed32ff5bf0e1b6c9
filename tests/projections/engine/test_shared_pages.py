import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest

from domain.aggregate import Recorded
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
    monkeypatch.setattr(module, "KEPT", 5)
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


def test_page_is_not_kept_for_long(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold what somebody asks to be erased."""
    counted = Counted(monkeypatch)
    monkeypatch.setattr(module, "FRESH", 0.0)

    async def story() -> None:
        pages = SharedPages()
        async with connected(filled, 1) as (connection,):
            assert await pages(connection, 0, 7) == await pages(connection, 0, 7)

    asyncio.run(story())
    assert len(counted.asked) == 2


def test_page_leaves_the_memory_though_nobody_asks_for_another(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH", 0.2)

    async def story() -> None:
        pages = SharedPages()
        async with connected(filled, 1) as (connection,):
            await pages(connection, 0, 7)
            assert len(pages._pages) == 1
            await eventually(lambda: not pages._pages, 5)

    asyncio.run(story())
