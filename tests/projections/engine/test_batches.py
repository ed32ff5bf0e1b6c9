"""Reads that come at once are read together, and each as if it had come alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.missions import CompleteMission
from projections.engine import batches as module
from projections.engine import reading
from projections.engine.batches import AT_ONCE, Batches
from projections.engine.reading import answer_of
from projections.missions.leaderboard import LEADERBOARD, LeaderboardAsk
from projections.missions.questions import BOARD
from projections.question import MemberAsk
from tests.boards import EVENT, MISSION, Record, opening, project, recording
from tests.store import ask as ask_database

ADA, BOB, CYD = (MemberAsk(EVENT, name) for name in ("ada", "bob", "cyd"))


@asynccontextmanager
async def pooled(url: str, most: int = 8) -> AsyncIterator[Any]:
    async with AsyncConnectionPool(
        url, min_size=0, max_size=most, timeout=0.2, open=False, kwargs={"autocommit": True}
    ) as pool:
        yield pool


@pytest.fixture
def recorded(database: str) -> str:
    """Ada has completed the one mission that there is."""
    with recording(database) as record:
        record(*opening(), complete("ada"))
    asyncio.run(project(database))
    return database


def complete(member: str) -> CompleteMission:
    return CompleteMission(event_id=EVENT, member_id=member, mission_id=MISSION.id)


def run(url: str, use: Callable[[Batches], Awaitable[Any]], most: int = 8) -> Any:
    async def within() -> Any:
        async with pooled(url, most) as pool:
            return await use(Batches(pool))

    return asyncio.run(within())


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many asks each statement answered."""
    sizes: list[int] = []
    original = module.read

    async def read(connection: Any, question: Any, asks: Any) -> Any:
        sizes.append(len(asks))
        return await original(connection, question, asks)

    monkeypatch.setattr(module, "read", read)
    return sizes


def completed(ask: MemberAsk, found: Any) -> int:
    board: Any = answer_of(BOARD, ask, found)
    assert board.member_id == ask.member_id
    return int(board.progress.missions_completed)


def test_everybody_gets_the_answer_to_what_they_asked(
    recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = counted(monkeypatch)
    asks = [ADA, BOB, CYD] * 100

    async def ask_all(batches: Batches) -> list[Any]:
        return await asyncio.gather(*(batches.read(BOARD, ask) for ask in asks))

    found = run(recorded, ask_all)
    assert [completed(ask, one) for ask, one in zip(asks, found, strict=True)] == [1, 0, 0] * 100
    assert sum(sizes) == len(asks)
    assert max(sizes) == BOARD.together
    assert len(sizes) <= len(asks) / BOARD.together + AT_ONCE


def test_one_alone_waits_for_nobody(recorded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = counted(monkeypatch)

    async def ask_in_turn(batches: Batches) -> list[Any]:
        return [await batches.read(BOARD, ADA) for _ in range(3)]

    assert [completed(ADA, one) for one in run(recorded, ask_in_turn)] == [1, 1, 1]
    assert sizes == [1, 1, 1]


def test_what_was_recorded_before_it_was_asked_concerns_it(recorded: str) -> None:
    """Also where statements that began before are under way."""

    async def ask(batches: Batches, record: Record) -> None:
        for _ in range(20):
            asked_before = [batches.read(BOARD, BOB) for _ in range(50)]
            await asyncio.sleep(0)
            (told,) = await asyncio.to_thread(record, complete("bob"))
            assert (await batches.read(BOARD, BOB)).concerned >= told
            await asyncio.gather(*asked_before)

    with recording(recorded) as record:
        run(recorded, lambda batches: ask(batches, record))


def test_who_goes_away_takes_nobody_along(recorded: str) -> None:
    async def ask(batches: Batches) -> int:
        gone, stays = (asyncio.ensure_future(batches.read(BOARD, ADA)) for _ in range(2))
        gone.cancel()
        return completed(ADA, await stays)

    assert run(recorded, ask) == 1


def test_store_that_is_away_is_said_to_all_who_asked_and_the_next_are_answered(
    recorded: str,
) -> None:
    async def ask(batches: Batches) -> int:
        await batches.read(BOARD, ADA)  # on a connection that is lost then
        ask_database(
            recorded,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        lost = await asyncio.gather(
            *(batches.read(BOARD, ADA) for _ in range(5)), return_exceptions=True
        )
        assert {isinstance(one, psycopg.OperationalError) for one in lost} == {True}
        return completed(ADA, await batches.read(BOARD, ADA))

    assert run(recorded, ask, most=1) == 1


def test_pool_that_has_no_connection_left_is_waited_for_only_so_long(
    recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)

    async def ask() -> list[Any]:
        async with pooled(recorded, most=1) as pool, pool.connection():
            reads = (Batches(pool).read(BOARD, ADA) for _ in range(3))
            return await asyncio.gather(*reads, return_exceptions=True)

    assert [type(one) for one in asyncio.run(ask())] == [PoolTimeout] * 3


def test_who_came_later_is_not_failed_with_who_came_first(
    recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has as long as any other, also where the pool gives no connection meanwhile."""
    monkeypatch.setattr(module, "PATIENCE", 0.6)

    async def ask() -> tuple[Any, Any]:
        async with pooled(recorded, most=1) as pool:
            batches = Batches(pool)
            async with pool.connection():
                first = batches.read(BOARD, ADA)
                (failed,) = await asyncio.gather(first, return_exceptions=True)
                later = [batches.read(BOARD, ADA) for _ in range(20)]
                pool_gave_up = asyncio.create_task(pool.getconn())
                await asyncio.gather(pool_gave_up, return_exceptions=True)
                assert not any(one.done() for one in later)
            return failed, await asyncio.gather(*later)

    failed, found = asyncio.run(ask())
    assert isinstance(failed, PoolTimeout)
    assert [completed(ADA, one) for one in found] == [1] * 20


def test_statement_that_hangs_fails_whoever_waits_for_it_and_whoever_comes_meanwhile(
    recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)

    async def ask(batches: Batches) -> tuple[list[Any], int]:
        with psycopg.connect(recorded) as connection:
            connection.execute("LOCK TABLE views.member_missions")
            asks = [batches.read(BOARD, ADA) for _ in range(20)]
            await asyncio.sleep(0)
            asks += [batches.read(BOARD, ADA) for _ in range(200)]
            async with asyncio.timeout(3):
                hung = await asyncio.gather(*asks, return_exceptions=True)
        return hung, completed(ADA, await batches.read(BOARD, ADA))

    hung, later = run(recorded, ask)
    assert [type(one) for one in hung] == [PoolTimeout] * 220
    assert later == 1


def test_ask_that_postgres_does_not_take_is_said_to_who_asked_and_to_nobody_else(
    recorded: str,
) -> None:
    """JSON can have what text has not. The edge lets no such id in."""
    wrong = MemberAsk(EVENT, "a\0b")

    async def ask(batches: Batches) -> list[Any]:
        asks = (ADA, wrong, BOB)
        reads = (batches.read(BOARD, ask) for ask in asks)
        return await asyncio.gather(*reads, return_exceptions=True)

    of_ada, of_wrong, of_bob = run(recorded, ask)
    assert isinstance(of_wrong, psycopg.DataError)
    assert [completed(ADA, of_ada), completed(BOB, of_bob)] == [1, 0]


def test_ask_for_which_a_statement_gives_no_row_is_nobody_elses_fault(
    recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement is to give one. Where it does not, only who asked that hears of it."""
    statement = "SELECT count(*) AS ahead FROM views.leaderboard WHERE {} HAVING count(*) > 0"
    of_member = statement.format("member_id = %(member_id)s")
    monkeypatch.setattr(reading, "statements", lambda file: {"found": of_member})
    question = replace(LEADERBOARD, statement=("toys", "found"), answer=lambda ask, found: found)
    asks = [LeaderboardAsk(EVENT, name) for name in ("bob", "ada", "cyd")]

    async def ask(batches: Batches) -> list[Any]:
        return await asyncio.gather(*(batches.read(question, ask) for ask in asks))

    of_bob, of_ada, of_cyd = run(recorded, ask)
    assert [one.columns for one in (of_bob, of_ada, of_cyd)] == [[None], ['{"ahead":1}'], [None]]
    with pytest.raises(LookupError, match="leaderboard"):
        answer_of(question, asks[0], of_bob)


@pytest.mark.parametrize("name", ["n", "concerns", "refolded"])
def test_ask_has_no_field_that_the_statement_has_itself(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        msgspec.defstruct("Toy", [(name, int)], bases=(MemberAsk,), frozen=True)
