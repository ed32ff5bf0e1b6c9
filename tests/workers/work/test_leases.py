"""Leases, by the database alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from projections.engine.election import connect
from tests.store import ask
from tests.workers.work.desk import subjects, summaries
from workers.work import leases as module
from workers.work.kind import Budget, Kind, Piece
from workers.work.leases import Leases

MANY = 50
FILL = """
    INSERT INTO views.due
    SELECT 'summary', 'evt_1:s' || lpad(i::text, 3, '0'), i, 0,
        now() - make_interval(secs => 100 - i), now()
    FROM generate_series(1, %s) AS i
"""
WIDE = summaries(concurrency=1000)


PARK = """
    UPDATE work.leases SET worker = NULL, retry_at = 'infinity', problem = 'X: y'
    WHERE subject <= %s
"""


@asynccontextmanager
async def workers(database: str, *names: str) -> AsyncIterator[list[Leases]]:
    connections = [await connect(database, name) for name in names]
    try:
        yield [Leases(c, name, 30.0) for c, name in zip(connections, names, strict=True)]
    finally:
        for connection in connections:
            await connection.close()


def story(database: str, of: Callable[..., Awaitable[None]], *names: str) -> None:
    async def main() -> None:
        async with workers(database, *(names or ("one", "two"))) as leases:
            await of(*leases)

    asyncio.run(main())


def test_each_piece_goes_to_one_of_those_who_take_at_once(database: str) -> None:
    ask(database, FILL, MANY)
    names = [f"worker {i}" for i in range(6)]

    async def all_of_it(leases: Leases) -> list[Piece]:
        taken: list[Piece] = []
        while "summary" in await leases.ready([WIDE]):
            taken += await leases.take(WIDE, 3)
        return taken

    async def race(*all_: Leases) -> None:
        taken = [
            piece for pieces in await asyncio.gather(*map(all_of_it, all_)) for piece in pieces
        ]
        assert len(taken) == MANY
        assert sorted(subjects(taken)) == sorted(set(subjects(taken)))

    story(database, race, *names)


def test_longest_scheduled_comes_first(database: str) -> None:
    ask(database, FILL, 5)
    ask(database, "UPDATE views.due SET not_before = now() - interval '1 hour' WHERE wanted = 4")
    ask(database, "UPDATE views.due SET not_before = now() + interval '1 hour' WHERE wanted = 1")

    async def first(one: Leases, two: Leases) -> None:
        assert set(subjects(await one.take(WIDE, 2))) == {"evt_1:s004", "evt_1:s002"}
        assert set(subjects(await two.take(WIDE, 9))) == {"evt_1:s003", "evt_1:s005"}
        assert await two.ready([WIDE]) == []

    story(database, first)


def test_lease_is_taken_over_once_it_has_stalled_and_not_before(database: str) -> None:
    ask(database, FILL, 1)

    async def takeover(one: Leases, two: Leases) -> None:
        (piece,) = await one.take(WIDE, 1)
        await asyncio.to_thread(age, 29)
        assert await two.ready([WIDE]) == await two.take(WIDE, 1) == []
        assert await one.beat([piece]) == {("summary", piece.subject)}
        await asyncio.to_thread(age, 29)
        assert await two.take(WIDE, 1) == []
        await asyncio.to_thread(age, 2)
        (again,) = await two.take(WIDE, 1)
        assert (again.subject, again.attempts) == (piece.subject, 2)
        assert await one.beat([piece]) == set()
        await one.settle(piece, 1)  # it is not its own any more: nothing happens
        assert await one.ready([WIDE]) == []
        ((worker,),) = await asyncio.to_thread(ask, database, "SELECT worker FROM work.leases")
        assert worker == "two"

    def age(seconds: int) -> None:
        ask(
            database,
            "UPDATE work.leases SET beat_at = beat_at - make_interval(secs => %s)",
            seconds,
        )

    story(database, takeover)


def test_what_is_settled_is_not_taken_though_the_read_model_is_behind(database: str) -> None:
    ask(database, FILL, 1)

    async def settled(one: Leases, two: Leases) -> None:
        (piece,) = await one.take(WIDE, 1)
        await one.settle(piece, piece.wanted)
        assert await two.ready([WIDE]) == await two.take(WIDE, 1) == []
        await asyncio.to_thread(ask, database, "UPDATE views.due SET wanted = 2")
        assert subjects(await two.take(WIDE, 1)) == [piece.subject]

    story(database, settled)


def test_kind_has_no_more_pieces_in_work_than_it_allows(database: str) -> None:
    ask(database, FILL, MANY)
    kind = summaries(concurrency=4)

    async def bounded(*all_: Leases) -> None:
        taken = await asyncio.gather(*(leases.take(kind, 3) for leases in all_))
        taken += [await leases.take(kind, 3) for leases in all_]
        assert sum(map(len, taken)) == 4
        who, first = next((i, pieces[0]) for i, pieces in enumerate(taken[:3]) if pieces)
        await all_[who].settle(first, first.wanted)
        assert [len(await leases.take(kind, 3)) for leases in all_] == [1, 0, 0]

    story(database, bounded, "one", "two", "three")


def test_budget_of_a_day_is_never_exceeded_and_outlives_who_spent_it(database: str) -> None:
    ask(database, FILL, MANY)
    kind = summaries(concurrency=1000, budget=Budget(a_day=100, each=30))

    async def spend(one: Leases, two: Leases) -> None:
        taken = await asyncio.gather(one.take(kind, 2), two.take(kind, 2))
        taken += [await one.take(kind, 2), await two.take(kind, 2)]
        assert sum(map(len, taken)) == 3

    async def nothing_is_left(one: Leases, two: Leases) -> None:
        assert await one.take(kind, 9) == []
        assert spent() == [90]
        ask(database, "UPDATE work.budgets SET day = day - 1")
        assert len(await one.take(kind, 9)) == 3

    def spent() -> list[int]:
        return [spent for (spent,) in ask(database, "SELECT spent FROM work.budgets")]

    story(database, spend)
    story(database, nothing_is_left)


def test_mark_of_what_is_done_at_most_once_is_given_once(database: str) -> None:
    ask(database, FILL, 1)

    async def mark(one: Leases, two: Leases) -> None:
        (piece,) = await one.take(WIDE, 1)
        assert not await two.begin(piece)
        assert await one.begin(piece)
        assert not await one.begin(piece)
        ask(database, "UPDATE work.leases SET beat_at = beat_at - interval '1 hour'")
        (again,) = await two.take(WIDE, 1)
        assert again.begun == piece.wanted
        assert not await two.begin(again)

    story(database, mark)


def test_kind_of_which_many_are_parked_stops_until_somebody_replays_them(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PARKED", 3)
    ask(database, FILL, 6)

    async def stopped(one: Leases, two: Leases) -> None:
        await one.take(WIDE, 4)
        ask(database, PARK, "evt_1:s002")
        assert len(await two.take(WIDE, 1)) == 1
        ask(database, PARK, "evt_1:s003")
        assert await two.take(WIDE, 1) == []
        ask(database, "UPDATE work.leases SET retry_at = now() WHERE subject = 'evt_1:s001'")
        assert subjects(await two.take(WIDE, 1)) == ["evt_1:s001"]

    story(database, stopped)


def test_poll_finds_the_kinds_of_which_there_is_something(database: str) -> None:
    ask(database, FILL, 1)
    other: Kind = summaries(concurrency=1)

    async def poll(one: Leases, two: Leases) -> None:
        unknown = Kind("another", other.work)
        assert await one.ready([unknown, other]) == ["summary"]
        await two.take(other, 1)
        assert await one.ready([unknown, other]) == []

    story(database, poll)


def test_what_was_not_spent_goes_back_into_the_budget(database: str) -> None:
    ask(database, FILL, 3)
    kind = summaries(concurrency=1000, budget=Budget(a_day=90, each=30))

    async def unspent(one: Leases, two: Leases) -> None:
        first, second, third = await one.take(kind, 3)
        await one.give_back(first, 0.0, unspent=30)
        await one.fail(second, "X: y", None, 0, unspent=30)
        await one.give_back(third, 0.0, unspent=0)
        await one.give_back(third, 0.0, unspent=30)  # it is not ours any more
        assert ask(database, "SELECT spent FROM work.budgets") == [(30,)]

    story(database, unspent)


@pytest.mark.parametrize(("a_day", "each"), [(10, 0), (10, 11), (-1, -1)])
def test_budget_that_allows_no_attempt_is_refused(a_day: int, each: int) -> None:
    with pytest.raises(ValueError, match="budget"):
        Budget(a_day, each)


@pytest.mark.parametrize("bounds", [{"concurrency": 0}, {"deadline": 0.0}, {"backoff": (-1.0,)}])
def test_kind_with_bounds_that_allow_no_attempt_is_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="summary"):
        summaries(**bounds)
