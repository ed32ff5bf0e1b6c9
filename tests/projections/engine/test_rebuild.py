"""Read models built anew, on a real Postgres."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from msgspec import Raw
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.errors import Refused, Unavailable
from domain.missions import ResetMission
from projections.engine import rebuild as module
from projections.engine.difference import Difference
from projections.engine.election import LeadLostError
from projections.engine.projector import Projector
from projections.engine.rebuild import Different, Observer, Rebuilt, rebuild
from projections.engine.shadow import Shadow, locked
from projections.missions.rows import (
    LIVE_MISSIONS,
    MISSION_BOARD,
    MISSION_LEADERBOARD,
    MISSION_LEDGER,
)
from projections.read_model import Change, ReadModel
from projections.read_models import READ_MODELS
from tests.boards import clicks, end_of, opening, project, recording
from tests.store import ask, heard


def tables_of(database: str) -> list[Any]:
    """Tables, their indexes, keys and checks, as the catalogue has them."""
    return ask(
        database,
        """SELECT 'index', indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'views'
        UNION ALL
        SELECT 'constraint', conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'views'::regnamespace
        UNION ALL
        SELECT 'table', relname, relpersistence::text || coalesce(reloptions::text, '')
        FROM pg_class WHERE relnamespace = 'views'::regnamespace AND relkind = 'r'
        UNION ALL
        SELECT 'column', attrelid::regclass::text || '.' || attname,
            format_type(atttypid, atttypmod) || attnotnull || attcollation
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'views'::regnamespace AND relkind = 'r' AND attnum > 0
        ORDER BY 1, 2, 3""",
    )


def schemas(database: str) -> set[str]:
    rows = ask(database, "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_'")
    return {name for (name,) in rows}


SCHEMAS = {"events", "views", "work", "public", "information_schema"}


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_rebuilt_tables_are_like_those_of_the_migrations(database: str, model: Any) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(30))
    asyncio.run(project(database))
    before = tables_of(database)
    oids = ask(database, "SELECT 'views.leaderboard'::regclass::oid")
    done = asyncio.run(rebuild(database, model))
    assert tables_of(database) == before
    assert schemas(database) == SCHEMAS
    assert (done.position, done.different) == (end_of(database), [])
    moved = ask(database, "SELECT 'views.leaderboard'::regclass::oid") != oids
    assert moved == (model.name == "leaderboard")


def test_what_others_may_read_by_default_they_may_read_when_it_is_rebuilt(database: str) -> None:
    allowed = "SELECT has_table_privilege('public', 'views.leaderboard', 'SELECT')"
    ask(database, "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO public")
    before = ask(database, allowed)
    rebuilt(database, MISSION_LEADERBOARD)
    assert (before, ask(database, allowed)) == ([(False,)], [(True,)])


def content(database: str) -> dict[str, list[Any]]:
    return {
        table.name: ask(
            database,
            f"SELECT v::text FROM views.{table.name} AS v ORDER BY 1",  # noqa: S608 - our names
        )
        for model in READ_MODELS
        for table in model.tables
    }


def rebuilt(database: str, model: ReadModel, **options: Any) -> Rebuilt:
    return asyncio.run(rebuild(database, model, **options))


def test_nobody_is_told_of_positions_that_were_told_before(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(3))
    asyncio.run(project(database))
    with psycopg.connect(database, autocommit=True) as ear:
        ear.execute("LISTEN views")
        ear.execute("LISTEN log")
        for model in READ_MODELS:
            rebuilt(database, model)
        assert heard(ear, "views") == []


# What differs
def test_difference_is_shown_and_refused_unless_accepted(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(1, "ada"), *clicks(1, "ben"), *clicks(1, "cyd"))
    asyncio.run(project(database))
    right = content(database)
    ask(database, "UPDATE views.leaderboard SET points_earned = 11 WHERE member_id = 'ada'")
    ask(database, "DELETE FROM views.leaderboard WHERE member_id = 'ben'")
    ask(database, "UPDATE views.leaderboard SET member_id = 'zoe' WHERE member_id = 'cyd'")
    wrong = content(database)
    with pytest.raises(Different) as refused:
        rebuilt(database, MISSION_LEADERBOARD)
    lines = [line for found in refused.value.differences for line in found.lines()]
    assert content(database) == wrong
    assert schemas(database) == SCHEMAS
    assert [line.split(" {")[0] for line in lines] == [
        *("leaderboard evt_1, ada", "  points_earned: 11 -> 10"),
        *("leaderboard evt_1, ben", "  +"),
        *("leaderboard evt_1, cyd", "  +"),
        *("leaderboard evt_1, zoe", "  -"),
    ]
    assert (
        rebuilt(database, MISSION_LEADERBOARD, accept=True).different == refused.value.differences
    )
    assert content(database) == right


def test_row_of_one_side_is_shown_with_all_its_columns_however_long_one_is() -> None:
    row = {"about": Raw(b'"' + b"x" * 600 + b'"'), "name": Raw(b'"Ada"')}
    for sign, old, new in (("-", row, None), ("+", None, row)):
        found = Difference("attendees", ("evt_1", "ada"), old, new)
        about = '"' + "x" * 499
        assert list(found.lines()) == [
            "attendees evt_1, ada",
            f'  {sign} {{about: {about}..., name: "Ada"}}',
        ]


def test_page_folded_on_rows_that_were_not_right_is_not_written_over_the_right_ones(
    database: str,
) -> None:
    class Slow(Projector):
        """Between what it reads and what it writes, the tables are exchanged."""

        async def _read(self, wanted: Any) -> Any:
            rows = await super()._read(wanted)
            await rebuild(database, MISSION_LEADERBOARD, accept=True)
            return rows

    async def late() -> None:
        projector = Slow([MISSION_LEADERBOARD])
        try:
            await projector.start(database)
            with pytest.raises(LeadLostError):
                await projector.step()
        finally:
            await projector.stop()

    with recording(database) as record:
        record(*opening(), *clicks(1))
        asyncio.run(project(database))
        ask(database, "UPDATE views.leaderboard SET points_earned = 11")
        record(
            *clicks(1, "ben"), ResetMission(event_id="evt_1", member_id="ada", mission_id="goals")
        )
    asyncio.run(late())
    asyncio.run(project(database))
    found = ask(database, "SELECT member_id, points_earned FROM views.leaderboard ORDER BY 1")
    assert found == [("ada", 0), ("ben", 10)]


def test_first_differences_alone_are_shown_of_many(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHOWN", 3)
    with recording(database) as record:
        record(*opening(), *clicks(9))
    asyncio.run(project(database))
    ask(database, "UPDATE views.mission_ledger SET points = points + 1")
    with pytest.raises(Different, match="the first 3 rows"):
        rebuilt(database, MISSION_LEDGER)


@pytest.mark.parametrize(
    "change",
    [
        "leaderboard SET points_earned = points_earned + 1",
        "leaderboard SET reached_at = reached_at + interval '1 microsecond'",
        "leaderboard SET shown = NOT shown",
        "mission_ledger SET cause = cause || ' '",
        "live_missions SET data = (data::text || ' ')::json",
        "mission_catalogues SET missions = missions || '[{}]'",
    ],
)
def test_small_change_of_a_row_is_a_difference(database: str, change: str) -> None:
    table = change.split()[0]
    with recording(database) as record:
        record(*opening(), *clicks(1))
    asyncio.run(project(database))
    ask(database, f"UPDATE views.{change}")
    (model,) = (m for m in READ_MODELS if table in [t.name for t in m.tables])
    with pytest.raises(Different) as refused:
        rebuilt(database, model)
    assert [found.table for found in refused.value.differences] == [table]


# One that does not go on
def test_read_model_that_is_stuck_is_rebuilt_to_the_end_and_goes_on(database: str) -> None:
    with recording(database) as record:
        record(*opening())
        asyncio.run(project(database))
        record(*clicks(3))
    asyncio.run(project(database, [m for m in READ_MODELS if m is not MISSION_BOARD]))
    others = content(database)
    ask(database, "UPDATE views.positions SET problem = 'no more' WHERE name = 'mission_board'")
    heard = Heard()
    done = rebuilt(database, MISSION_BOARD, observer=heard)
    row = ask(database, "SELECT position, problem FROM views.positions WHERE name='mission_board'")
    assert heard.sentences == [
        "mission_board is stuck at 2 of 5 (no more).",
        "It is compared as of there, and then goes on to the end of the log.",
    ]
    assert row == [(done.position, None)] == [(end_of(database), None)]
    asyncio.run(project(database))
    assert others | content(database) == content(database)
    assert ask(database, "SELECT points_earned FROM views.member_missions") == [(10,)]


def test_read_model_that_is_far_behind_is_rebuilt_to_the_end(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 4)
    with recording(database) as record:
        record(*opening(), *clicks(5))
        heard = Heard()
        for model in READ_MODELS:
            rebuilt(database, model, observer=heard)
        filled = content(database)
        asyncio.run(project(database))
        assert content(database) == filled
        assert len(filled["live_missions"]) == 5
    assert heard.sentences[:2] == [
        "conferences is behind, at 0 of 7.",
        "It is compared as of there, and then goes on to the end of the log.",
    ]


def test_rebuild_that_is_cancelled_anywhere_leaves_nothing(database: str) -> None:
    async def story() -> int:
        cancelled, limit = 0, 0.4
        for _ in range(12):
            started = time.monotonic()
            try:
                await asyncio.wait_for(rebuild(database, LIVE_MISSIONS), limit)
            except TimeoutError:
                cancelled += 1
                limit *= 1.25
            else:
                limit = (time.monotonic() - started) * 0.8
            assert schemas(database) == SCHEMAS
        return cancelled

    with recording(database) as record:
        record(*opening(), *clicks(200))
    asyncio.run(project(database))
    before = content(database)
    assert asyncio.run(story()) > 1
    assert content(database) == before


def test_rebuild_that_is_cancelled_while_it_clears_up_leaves_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear, clearings = Shadow.clear, asyncio.Queue[None]()

    async def heard(shadow: Shadow) -> None:
        clearings.put_nowait(None)
        await clear(shadow)

    async def story() -> None:
        task = asyncio.create_task(rebuild(database, LIVE_MISSIONS))
        for _ in ("at its beginning", "at its end"):
            await clearings.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    monkeypatch.setattr(Shadow, "clear", heard)
    asyncio.run(story())
    assert schemas(database) == SCHEMAS


# Beside others
def test_two_rebuilds_of_one_read_model_do_not_meet(database: str) -> None:
    async def story() -> None:
        async with locked(database, "mission_board"):
            with pytest.raises(Refused, match="mission_board is being rebuilt already"):
                await rebuild(database, MISSION_BOARD)
            await rebuild(database, MISSION_LEDGER)

    with recording(database) as record:
        record(*opening(), *clicks(5))
    asyncio.run(project(database))
    asyncio.run(story())
    assert schemas(database) == SCHEMAS


def test_table_that_is_being_read_for_long_is_left_as_it_is(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    with recording(database) as record:
        record(*opening(), *clicks(5))
    asyncio.run(project(database))
    before = content(database)
    with psycopg.connect(database) as dump:
        dump.execute("SELECT FROM views.member_missions")
        with pytest.raises(Unavailable, match="a dump perhaps"):
            rebuilt(database, MISSION_BOARD)
        asyncio.run(project(database))
    assert content(database) == before
    assert schemas(database) == SCHEMAS
    rebuilt(database, MISSION_BOARD)


# Versions
def test_newer_version_takes_the_place_of_the_older_and_never_the_other_way(database: str) -> None:
    def doubled(recorded: Recorded) -> Iterator[Change]:
        for change in MISSION_LEDGER.project(recorded):
            yield Change(change.table, change.key, partial(twice, change))

    def twice(change: Change, old: Any) -> Any:
        row: Any = change.fold(old)
        return replace(row, points=2 * row.points)

    with recording(database) as record:
        record(*opening(), *clicks(3))
        asyncio.run(project(database))
        newer = replace(MISSION_LEDGER, version=2, project=doubled)
        rebuilt(database, newer)
        with pytest.raises(Refused, match="version 2 here, and this program knows only version 1"):
            rebuilt(database, MISSION_LEDGER)
        record(*clicks(1, "ben"))
    asyncio.run(project(database))
    assert ask(database, "SELECT points FROM views.mission_ledger") == [(20,), (-20,), (20,)]
    asyncio.run(project(database, [newer]))
    assert len(ask(database, "SELECT points FROM views.mission_ledger")) == 4


class Heard(Observer):
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)
