import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from domain.aggregate import Recorded
from projections.engine import projector as module
from projections.engine.election import run_elected
from projections.engine.projector import LeadLostError, Projector
from projections.missions.rows import MISSION_BOARD, MISSION_LEADERBOARD, MISSION_LEDGER
from projections.read_model import Change, ReadModel
from projections.read_models import READ_MODELS
from tests.boards import Record, clicks, end_of, opening, project, recording
from tests.store import ask, heard
from tests.waiting import eventually


@asynccontextmanager
async def leading(database: str, *models: ReadModel) -> AsyncIterator[Projector]:
    projector = Projector(models or READ_MODELS)
    try:
        await projector.start(database)
        yield projector
    finally:
        await projector.stop()


def positions(database: str) -> dict[str, int]:
    return dict(ask(database, "SELECT name, position FROM views.positions"))


def problems(database: str) -> dict[str, str]:
    return dict(
        ask(database, "SELECT name, problem FROM views.positions WHERE problem IS NOT NULL")
    )


def test_positions_advance_on_every_event_seen_also_on_those_ignored(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(5))
    asyncio.run(project(database))
    assert positions(database) == {model.name: end_of(database) for model in READ_MODELS}


def test_page_is_one_transaction_with_its_position(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(5))
    asyncio.run(project(database))
    written = ask(
        database,
        """SELECT xmin::text FROM views.member_missions
        UNION SELECT xmin::text FROM views.mission_ledger
        UNION SELECT xmin::text FROM views.positions
        WHERE name IN ('mission_board', 'live_missions')
        UNION SELECT xmin::text FROM views.live_missions""",
    )
    assert len(written) == 1


def test_each_page_tells_its_position_and_whom_it_concerns(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(1))
    with psycopg.connect(database, autocommit=True) as ear:
        ear.execute("LISTEN views")
        asyncio.run(project(database, [MISSION_BOARD, MISSION_LEDGER]))
        told = heard(ear, "views")
    assert told == [f"{end_of(database)} mission_board mission_ledger"]


def test_lost_notification_costs_a_second(database: str) -> None:
    async def story() -> float:
        projector = Projector(READ_MODELS)
        task = asyncio.create_task(run_elected(projector, database))
        try:
            await eventually(lambda: set(projector.positions.values()) == {end_of(database)})
            ask(
                database,
                """INSERT INTO events.log (originator_id, originator_version, topic, state)
                SELECT originator_id, 2, topic, state FROM events.log WHERE originator_version = 1
                AND topic = 'ConferenceAnnounced'""",
            )
            return await eventually(lambda: set(projector.positions.values()) == {end_of(database)})
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    with recording(database) as record:
        record(*opening())
    assert asyncio.run(story()) < 2


# The lead
@pytest.mark.parametrize("models", [READ_MODELS, READ_MODELS[::-1]], ids=["as is", "reversed"])
@pytest.mark.parametrize("changes", [1, 3])
def test_stale_leader_steps_down_and_leaves_nothing(
    database: str, models: tuple[ReadModel, ...], changes: int
) -> None:
    async def story(record: Record) -> None:
        async with leading(database, *models) as stale:
            while await stale.step():
                pass
            await asyncio.to_thread(record, *clicks(changes))
            assert await project(database) == {m.name: end_of(database) for m in READ_MODELS}
            with pytest.raises(LeadLostError):
                await stale.step()

    with recording(database) as record:
        record(*opening())
        asyncio.run(story(record))
    ledger = ask(database, "SELECT points FROM views.mission_ledger ORDER BY position")
    assert ledger == [(10,), (-10,), (10,)][:changes]
    assert problems(database) == {}


def test_two_projectors_by_turns_apply_each_page_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the one that lost steps down and starts again, as its follower would."""
    monkeypatch.setattr(module, "PAGE", 3)

    async def story() -> int:
        lost = 0
        async with leading(database) as one, leading(database) as two:
            while set(positions(database).values()) != {end_of(database)}:
                for projector in (one, two):
                    try:
                        await projector.step()
                    except LeadLostError:
                        lost += 1
                        await projector.stop()
                        await projector.start(database)
        return lost

    with recording(database) as record:
        record(*opening(), *clicks(30))
    assert asyncio.run(story()) > 3
    assert ask(database, "SELECT count(*), sum(points) FROM views.mission_ledger") == [(30, 0)]
    assert ask(database, "SELECT points_earned FROM views.leaderboard") == [(0,)]


def test_connection_lost_in_mid_page_leaves_nothing_and_is_caught_up(database: str) -> None:
    async def story() -> None:
        async with leading(database) as projector:
            ask(database, "SELECT pg_terminate_backend(%s)", projector._connection.info.backend_pid)
            with pytest.raises(psycopg.OperationalError):
                await projector.step()
        assert set(positions(database).values()) == {0}
        await project(database)

    with recording(database) as record:
        record(*opening(), *clicks(2))
    asyncio.run(story())
    assert set(positions(database).values()) == {end_of(database)}


# A read model that cannot go on
@contextmanager
def without(database: str, table: str) -> Iterator[None]:
    """Which is no event's fault."""
    ask(database, f"ALTER TABLE views.{table} RENAME TO elsewhere")
    yield
    ask(database, f"ALTER TABLE views.elsewhere RENAME TO {table}")


def test_read_model_without_its_table_gets_stuck_alone_and_goes_on_when_mended(
    database: str,
) -> None:
    with recording(database) as record:
        *_, before = record(*opening())
        record(*clicks(4), *opening("evt_2"))
    with without(database, "member_missions"):
        asyncio.run(project(database))
        stuck, said = positions(database), problems(database)
    asyncio.run(project(database))

    others = {m.name: end_of(database) for m in READ_MODELS if m is not MISSION_BOARD}
    assert stuck == others | {"mission_board": before}
    assert list(said) == ["mission_board"]
    assert said["mission_board"].startswith("UndefinedTable: relation")
    assert set(positions(database).values()) == {end_of(database)}
    assert problems(database) == {}
    assert ask(database, "SELECT * FROM views.parked") == []


def test_stuck_read_model_shows_signs_of_life_and_of_more_to_see(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT", 0.0)

    async def story() -> None:
        async with leading(database, MISSION_BOARD) as projector:
            while await projector.step():
                pass
            before = ask(database, beat)
            await projector.step()
            assert ask(database, beat) > before

    beat = "SELECT beat_at FROM views.positions WHERE name = 'mission_board'"
    with recording(database) as record:
        _, before, completed = record(*opening(), *clicks(1))
    with without(database, "member_missions"):
        asyncio.run(story())
    row = ask(database, "SELECT position, seen FROM views.positions WHERE name = 'mission_board'")
    assert row == [(before, completed)]


def test_read_model_that_was_mended_beats_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself, where the failure was of the moment."""
    monkeypatch.setattr(module, "RETRY", 0.0)
    failures = iter([LookupError("not now")])

    def sometimes(recorded: Recorded) -> Iterator[Change]:
        for failure in failures:
            raise failure
        yield from MISSION_BOARD.project(recorded)

    with recording(database) as record:
        record(*opening())
    asyncio.run(project(database, [replace(MISSION_BOARD, project=sometimes)]))
    assert positions(database) == {"mission_board": end_of(database)}
    assert problems(database) == {}


# A read model that is new
def test_new_read_model_catches_up_beside_the_others_and_then_goes_with_them(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 4)

    async def story() -> list[tuple[int, int]]:
        seen = []
        async with leading(database, MISSION_LEDGER, MISSION_LEADERBOARD) as projector:
            busy = True
            while busy:
                seen.append((projector.positions["mission_ledger"], projector.positions[late]))
                if len(seen) < 4:  # meanwhile life goes on
                    await asyncio.to_thread(record, *clicks(1, f"usr_{len(seen)}"))
                busy = await projector.step()
        return seen

    late = MISSION_LEADERBOARD.name
    with recording(database) as record:
        record(*opening(), *clicks(14))
        asyncio.run(project(database, [MISSION_LEDGER]))
        behind = end_of(database)
        seen = asyncio.run(story())
    end = end_of(database)
    assert seen[0] == (behind, 0)
    assert [ledger for ledger, _ in seen[:4]] == [behind, behind + 1, behind + 2, behind + 3]
    assert [board for _, board in seen[:4]] == [0, 4, 8, 12]
    assert seen[-1] == (end, end)


def test_rows_are_the_same_whatever_the_pages_were(
    new_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for size in (1, 3, 1_000):
        monkeypatch.setattr(module, "PAGE", size)
        database = new_database()
        with recording(database) as record:
            for i in range(3):
                record(*opening(f"evt_{i}"), *clicks(3, "ada", f"evt_{i}"))
        asyncio.run(project(database))
        found.append(
            ask(
                database,
                """SELECT event_id, member_id, position, type, data::text FROM views.live_missions
                UNION ALL SELECT event_id, member_id, reached_position, name, points_earned::text
                FROM views.leaderboard ORDER BY 1, 2, 3, 4""",
            )
        )
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 12


# A read model of another version
@pytest.mark.parametrize("stored", [1, 3])
def test_read_model_of_another_version_is_left_alone_until_it_is_of_ours(
    database: str, monkeypatch: pytest.MonkeyPatch, stored: int
) -> None:
    monkeypatch.setattr(module, "BEAT", 0.0)
    models = [replace(m, version=2) if m is MISSION_BOARD else m for m in READ_MODELS]

    async def story() -> None:
        async with leading(database, *models) as projector:
            while await projector.step():
                pass
            left_alone.update(positions(database))
            ask(database, "UPDATE views.positions SET version = 2 WHERE name = 'mission_board'")
            while "mission_board" not in projector.positions or await projector.step():
                await projector.step()

    left_alone: dict[str, int] = {}
    with recording(database) as record:
        *_, before = record(*opening())
        of_stored = [replace(m, version=stored) if m is MISSION_BOARD else m for m in READ_MODELS]
        asyncio.run(project(database, of_stored))
        record(*clicks(3))
    asyncio.run(story())
    end = end_of(database)
    assert left_alone == {m.name: before if m is MISSION_BOARD else end for m in READ_MODELS}
    assert set(positions(database).values()) == {end}


def test_version_that_changes_under_way_takes_the_lead_away(database: str) -> None:
    async def story() -> None:
        async with leading(database) as projector:
            ask(database, "UPDATE views.positions SET version = 2 WHERE name = 'leaderboard'")
            with pytest.raises(LeadLostError):
                await projector.step()
        await project(database)

    with recording(database) as record:
        record(*opening())
    asyncio.run(story())
    others = {m.name: end_of(database) for m in READ_MODELS if m is not MISSION_LEADERBOARD}
    assert positions(database) == others | {"leaderboard": 0}


def test_others_of_the_process_have_their_turn_between_pieces_of_a_page(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", 5)
    monkeypatch.setattr(module.event_log, "PIECE", 5)
    decoded = module.event_log.mapper.recorded
    turns = 0
    worked: Counter[tuple[str, int]] = Counter()

    def decode(*columns: Any, **keys: Any) -> Recorded:
        worked["decoded", turns] += 1
        return decoded(*columns, **keys)

    def project_one(recorded: Recorded) -> Iterator[Any]:
        worked["projected", turns] += 1
        yield from MISSION_LEDGER.project(recorded)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def story() -> None:
        async with leading(database, replace(MISSION_LEDGER, project=project_one)) as projector:
            other = asyncio.create_task(others())
            try:
                assert await projector.step()
            finally:
                other.cancel()

    monkeypatch.setattr(module.event_log.mapper, "recorded", decode)
    with recording(database) as record:
        record(*opening(), *clicks(40))
    asyncio.run(story())
    assert sum(worked.values()) == 2 * end_of(database)
    assert max(worked.values()) <= 5
