"""Reads of a whole scope as it was: a few at once, and in nobody's way."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from api import services
from api.reads import as_of as module
from api.turns import Turns
from domain.errors import Unavailable
from projections.engine.election import connect
from projections.engine.reading import past_answer
from projections.missions.leaderboard import PAST_LEADERBOARD, LeaderboardAsk
from tests.product import Product


class Untouched:
    def connection(self) -> Any:
        raise AssertionError("a connection was asked for")


def asking(turns: Turns, pool: Any) -> Any:
    """Ada's request to a process with these."""
    at_home = SimpleNamespace(past_reads=turns, past_pool=pool)
    app = SimpleNamespace(state=SimpleNamespace(services=at_home))
    return SimpleNamespace(app=app, user=SimpleNamespace(sub="ada"))


OF_ADA = LeaderboardAsk("evt_1", "ada")


@pytest.mark.parametrize("others", [("bob", "cyd"), ("ada",)])
def test_more_than_a_few_at_once_or_two_of_one_member_are_asked_to_come_back(
    monkeypatch: pytest.MonkeyPatch, others: tuple[str, ...]
) -> None:
    """Those at work go on, and no connection is taken from anybody."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)

    async def ask() -> Unavailable:
        turns = Turns(2)
        async with AsyncExitStack() as held:
            for sub in others:
                await held.enter_async_context(turns.of(sub, 1))
            request = asking(turns, Untouched())
            with pytest.raises(Unavailable) as refused:
                await module._of_scope(request, PAST_LEADERBOARD, OF_ADA, 1, None)
        return refused.value

    assert asyncio.run(ask()).retry_after == 2


def test_member_who_asks_many_times_at_once_leaves_a_turn_to_others() -> None:
    async def ask() -> None:
        turns = Turns(2)

        async def again() -> None:
            async with turns.of("ada", 5):
                await done.wait()

        done = asyncio.Event()
        of_ada = [asyncio.create_task(again()) for _ in range(10)]
        await asyncio.sleep(0)
        async with turns.of("bob", 0.05):
            done.set()
        await asyncio.gather(*of_ada)
        async with turns.of("bob", 0.05), turns.of("cyd", 0.05):
            pass

    asyncio.run(ask())


def test_read_that_takes_too_long_gives_its_turn_and_its_connection_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.3)

    async def forever(connection: Any, *about: Any) -> Any:
        await connection.execute("SELECT pg_sleep(1000)")

    async def ask() -> int:
        pool: Any = AsyncConnectionPool(database, min_size=0, max_size=1, timeout=2, open=False)
        async with pool:
            request = asking(Turns(1), pool)
            monkeypatch.setattr(module, "past_answer", forever)
            with pytest.raises(Unavailable):
                await module._of_scope(request, PAST_LEADERBOARD, OF_ADA, 0, None)
            monkeypatch.setattr(module, "past_answer", past_answer)
            monkeypatch.setattr(module, "LONGEST", 10)
            position, _ = await module._of_scope(request, PAST_LEADERBOARD, OF_ADA, 0, None)
        return position

    assert asyncio.run(ask()) == 0


def test_statement_that_goes_through_a_whole_scope_ends_after_30_seconds(database: str) -> None:
    async def settings() -> list[Any]:
        async with await connect(database, "past") as connection:
            await services._bounded(connection)
            names = b"SHOW statement_timeout", b"SHOW jit"
            shown = [await connection.execute(name) for name in names]
            return [await cursor.fetchone() for cursor in shown]

    assert asyncio.run(settings()) == [("30s",), ("off",)]


def test_turns_are_given_back_also_by_reads_that_are_refused(product: Product) -> None:
    """More of them than may be at work at once."""
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}/leaderboard?as_of="
    with product.member(event, "ada") as ada, ThreadPoolExecutor(8) as pool:
        far = list(pool.map(lambda _: ada.get(path + "9" * 18), range(16)))
        now = list(pool.map(lambda _: ada.get(path + "9999-01-01T00:00:00Z"), range(16)))
    assert {answer.status_code for answer in far} == {400}
    assert {answer.status_code for answer in now} == {200}
