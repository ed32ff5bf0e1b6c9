"""Reads of a whole scope as it was: a few at once, and in nobody's way."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from api import services
from api.reads import as_of as module
from domain.errors import Unavailable
from projections.engine.election import connect
from projections.missions.leaderboard import PAST_LEADERBOARD, LeaderboardAsk
from tests.product import Product


class Untouched:
    def connection(self) -> Any:
        raise AssertionError("a connection was asked for")


def test_more_than_a_few_at_once_are_asked_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those at work go on, and no connection is taken from anybody."""
    monkeypatch.setattr(module, "PATIENCE", 0.05)

    async def ask() -> Unavailable:
        busy = SimpleNamespace(past_reads=asyncio.Semaphore(0), past_pool=Untouched())
        request: Any = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(services=busy)))
        of_ada = LeaderboardAsk("evt_1", "ada")
        with pytest.raises(Unavailable) as refused:
            await module._of_scope(request, PAST_LEADERBOARD, of_ada, 1, None)
        assert busy.past_reads._value == 0
        return refused.value

    assert asyncio.run(ask()).retry_after == 2


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
