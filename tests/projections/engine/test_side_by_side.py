"""Two versions of the program on one database, as while one takes the other's place."""

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from domain.agenda import CancelItem
from domain.errors import Invalid, Refused
from projections.engine import projector as module
from projections.engine import tables
from projections.engine.election import connect, run_elected
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from projections.live_feed import LIVE_FEED
from projections.missions.rows import LIVE_MISSIONS
from projections.read_models import FEEDS, READ_MODELS
from projections.sessions.rows import LIVE_SESSIONS
from sql.migrate import HERE, migrate
from tests.boards import EVENT, clicks, end_of, opening, project, recording, session, star
from tests.conftest import of
from tests.store import ask
from tests.waiting import eventually
from workers.background import background
from workers.operations.set_aside import set_aside
from workers.proof.tables import difference, pure, stored
from workers.run import projectors

PARKED = "SELECT reader, stream FROM views.parked"
ADA = f"missions:{EVENT}:ada"
_numbers = count()


async def differences(database: str) -> list[str]:
    """Between the tables and the fold of the log."""
    async with await connect(database, "test") as connection:
        log = await module.event_log.page(connection, 0, 10_000)
        rows = pure(log)
        found = [
            difference(table, await stored(connection, table, EVENT), of_table)
            for table, of_table in rows.items()
        ]
    return [one for one in found if one]


SPLIT = ("live_missions", "live_sessions")  # what the feed before has become

# A column that a newer version has added
WRITTEN = "UPDATE views.{} SET x = 8"
TABLES = [table.name for model in READ_MODELS for table in model.tables]


@pytest.fixture
def widened(database: str) -> str:
    for table in TABLES:
        ask(database, f"ALTER TABLE views.{table} ADD COLUMN x int NOT NULL DEFAULT 7")
    return database


def test_column_with_a_default_parks_nothing(widened: str) -> None:
    with recording(widened) as record:
        record(*opening(), session("s1"))
        record(*clicks(3), star("s1"))
        record(session("s1", hours=1))
        asyncio.run(project(widened))
        record(*clicks(3))
    asyncio.run(project(widened))
    assert ask(widened, PARKED) == []
    assert asyncio.run(differences(widened)) == []
    assert ask(widened, "SELECT DISTINCT x FROM views.member_missions") == [(7,)]
    assert ask(widened, "SELECT count(*) FROM views.live_missions WHERE x = 7") == [(5,)]


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_column_with_a_default_is_no_difference_for_a_rebuild(
    widened: str, model: module.ReadModel
) -> None:
    """Nor what the newer version has written into it."""
    with recording(widened) as record:
        record(*opening(), session("s1"))
        record(*clicks(3), star("s1"))
        record(session("s1", hours=1))
    asyncio.run(project(widened))
    ask(widened, WRITTEN.format(model.tables[0].name))
    done = asyncio.run(rebuild(widened, model))
    asyncio.run(project(widened))
    assert (done.different, done.position) == ([], end_of(widened))
    assert asyncio.run(differences(widened)) == []


def test_what_is_parked_is_replayed_into_a_table_with_one_more_column(widened: str) -> None:
    with recording(widened) as record:
        record(*opening(), *clicks(1))
        asyncio.run(project(widened))
        ask(
            widened,
            "INSERT INTO views.parked (reader, stream, position, problem, asked) "
            "SELECT name, %s, position + 1, '', NULL FROM views.positions",
            ADA,
        )
        record(*clicks(2))
    asyncio.run(project(widened))
    assert asyncio.run(differences(widened)) != []
    ask(widened, "UPDATE views.parked SET asked = 'replay'")
    asyncio.run(project(widened))
    assert ask(widened, PARKED) == []
    assert asyncio.run(differences(widened)) == []


# Leads of two versions
def test_leads_by_another_name_on_the_same_read_models_are_harmless(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The version before keeps all of them under one lead: the position rows are the fence."""
    monkeypatch.setattr(module, "PAGE", 3)
    monkeypatch.setattr("projections.engine.election.PAUSE", 0.01)
    monkeypatch.setattr("projections.engine.election.LONGEST_PAUSE", 0.05)

    async def story(record: Callable[..., list[int]]) -> None:
        before = Projector((*READ_MODELS, LIVE_FEED))
        async with background(*(run_elected(p, database) for p in (before, *projectors()))):
            for i in range(40):
                more = (session("s1", hours=i), star("s1", f"usr_{i}"))
                await asyncio.to_thread(record, *clicks(2), *clicks(2, "ben"), *more)
            await eventually(lambda: set(ask(database, STANDING)) == {(end_of(database),)}, 30)

    with recording(database) as record:
        record(*opening(), session("s1"))
        asyncio.run(story(record))
    assert ask(database, PARKED) == []
    assert asyncio.run(differences(database)) == []
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert any("no longer at" in message for message in caplog.messages)


STANDING = "SELECT DISTINCT position FROM views.positions"


# The live feed of the version before
@pytest.fixture
def earlier(postgres: str, tmp_path: Path) -> str:
    """A database of the version before."""
    name = f"rapport_earlier_{next(_numbers)}"
    ask(postgres, f"CREATE DATABASE {name}")
    for file in sorted((HERE / "migrations").glob("*.sql")):
        if int(file.name[:4]) < 9:
            shutil.copy(file, tmp_path / file.name)
    migrate(of(postgres, name), tmp_path)
    return of(postgres, name)


def feeds(database: str) -> list[tuple[Any, ...]]:
    """All that was ever said."""
    rows = [row for feed in FEEDS for row in ask(database, SAID + feed.messages.name)]
    return sorted(rows, key=lambda row: (row[2], row[1]))


def of_before(database: str) -> list[tuple[Any, ...]]:
    return sorted(ask(database, SAID + "live_feed"), key=lambda row: (row[2], row[1]))


def project_before(database: str) -> None:
    """The projector of the version before, which has one feed and knows of no other."""
    insert = """INSERT INTO views.positions (name, kind) VALUES (%s, 'read_model')
        ON CONFLICT DO NOTHING"""
    for model in OLD:
        ask(database, insert, model.name)

    async def story() -> None:
        projector = Projector(OLD, enrols=False)
        try:
            await projector.start(database)
            while await projector.step():
                pass
        finally:
            await projector.stop()

    asyncio.run(story())


SAID = "SELECT event_id, member_id, position, type, data::text FROM views."
OLD = [*(model for model in READ_MODELS if model not in FEEDS), LIVE_FEED]


def said(record: Callable[..., list[int]], hours: Sequence[int]) -> None:
    record(*clicks(3), *clicks(4, "ben"))
    for hour in hours:
        record(session("s1", hours=hour))


def positions(database: str) -> dict[str, int]:
    return dict(ask(database, "SELECT name, position FROM views.positions"))


def test_feeds_begin_where_the_one_before_stands_and_nothing_is_folded_again(earlier: str) -> None:
    with recording(earlier) as record:
        record(*opening(), session("s1"))
        record(star("s1", "ada"), star("s1", "eve"))
        said(record, (1, 2))
        project_before(earlier)
        stands = end_of(earlier)
        record(*clicks(2, "cy"))  # the old one does not know of it yet
        ask(earlier, "UPDATE views.live_feed SET data = '{}' WHERE position = %s", stands)
        migrate(earlier)
        asyncio.run(enrolled(earlier))
        assert {positions(earlier)[name] for name in SPLIT} == {stands}
        assert feeds(earlier) == of_before(earlier)
        said(record, (3,))
        record(CancelItem(event_id=EVENT, item_id="s1"))
    asyncio.run(project(earlier, [*READ_MODELS, LIVE_FEED]))
    assert feeds(earlier) == of_before(earlier)
    wrong = asyncio.run(differences(earlier))
    assert len(wrong) == 1
    assert wrong[0].startswith("live_sessions is not the fold of the log: none missing, none too")


async def enrolled(database: str) -> None:
    projector = Projector(READ_MODELS)
    await projector.start(database)
    await projector.stop()


def test_version_before_stays_ready_until_the_new_projectors_run(earlier: str) -> None:
    """It takes every position for one that its own projector keeps."""
    with recording(earlier) as record:
        record(*opening(), *clicks(2))
    project_before(earlier)
    migrate(earlier)
    assert positions(earlier).keys() == {model.name for model in OLD}


def test_read_models_that_are_set_aside_go_on_from_there(earlier: str) -> None:
    """The version before may take the new one's place for a while."""
    aside = [feed.name for feed in FEEDS]
    with recording(earlier) as record:
        record(*opening(), session("s1"), star("s1"), *clicks(1))
        project_before(earlier)
        migrate(earlier)
        record(*clicks(2), session("s1", hours=1))
        asyncio.run(project(earlier, [*READ_MODELS, LIVE_FEED]))
        ask(earlier, "UPDATE views.positions SET beat_at = now() - interval '1 minute'")
        assert set_aside(earlier, aside) == sorted(aside)
        assert positions(earlier).keys() == {model.name for model in OLD}
        record(*clicks(2), session("s1", hours=2))
        project_before(earlier)
        asyncio.run(project(earlier, [*READ_MODELS, LIVE_FEED]))
        assert ask(earlier, "SELECT name FROM views.set_aside") == []
    assert set(positions(earlier).values()) == {end_of(earlier)}
    assert ask(earlier, PARKED) == []
    assert asyncio.run(differences(earlier)) == []
    assert feeds(earlier) == of_before(earlier)


def test_read_model_that_somebody_keeps_is_not_set_aside(database: str) -> None:
    asyncio.run(project(database))
    with pytest.raises(Refused, match="Stop the workers"):
        set_aside(database, ["live_missions"])
    with pytest.raises(Invalid, match="Nothing here is called nobody"):
        set_aside(database, ["nobody"])
    assert "live_missions" in positions(database)


def test_what_the_feed_before_has_parked_waits_in_the_feed_that_it_is_of(earlier: str) -> None:
    with recording(earlier) as record:
        record(*opening(), *clicks(1))
        project_before(earlier)
        for stream in (ADA, f"agenda:{EVENT}"):
            ask(
                earlier,
                "INSERT INTO views.parked (reader, stream, position, problem) "
                "VALUES ('live_feed', %s, %s, 'why')",
                stream,
                end_of(earlier) + 1,
            )
        record(*clicks(2), session("s1"))
        project_before(earlier)
        migrate(earlier)
        of_new = "SELECT reader, stream, problem FROM views.parked WHERE reader <> 'live_feed'"
        assert sorted(ask(earlier, of_new)) == [
            (LIVE_MISSIONS.name, ADA, "why"),
            (LIVE_SESSIONS.name, f"agenda:{EVENT}", "why"),
        ]
        ask(earlier, "UPDATE views.parked SET asked = 'replay'")
        record(*clicks(2))
    asyncio.run(project(earlier, [*READ_MODELS, LIVE_FEED]))
    assert asyncio.run(differences(earlier)) == []
    assert feeds(earlier) == of_before(earlier)


def test_feed_before_is_kept_where_it_was_and_not_begun_where_it_was_not(
    earlier: str, database: str
) -> None:
    async def kept(url: str) -> None:
        for projector in projectors():
            try:
                await projector.start(url)
                while await projector.step():
                    pass
            finally:
                await projector.stop()

    with recording(earlier) as record:
        record(*opening(), *clicks(1))
        project_before(earlier)
        migrate(earlier)
        record(*clicks(2))
    with recording(database) as record:
        record(*opening(), *clicks(3))
    asyncio.run(kept(earlier))
    asyncio.run(kept(database))
    assert positions(earlier)[LIVE_FEED.name] == end_of(earlier)
    assert of_before(earlier) == feeds(earlier)
    assert positions(database) == {model.name: end_of(database) for model in READ_MODELS}
    assert of_before(database) == []


# A page that fans out
@pytest.mark.parametrize(("batch", "piece"), [(1, 1), (3, 2), (7, 500)])
def test_rows_are_the_same_whatever_they_are_written_in(
    database: str, monkeypatch: pytest.MonkeyPatch, batch: int, piece: int
) -> None:
    """And no statement takes more rows than a batch."""
    monkeypatch.setattr(tables, "BATCH", batch)
    monkeypatch.setattr(module, "PIECE", piece)
    written: list[int] = []
    plain = tables.batches

    def batches(rows: Any, size: int) -> Any:
        for one in plain(rows, size):
            written.append(len(one))
            yield one

    monkeypatch.setattr(tables, "batches", batches)
    with recording(database) as record:
        record(*opening(), session("s1"))
        record(*(star("s1", f"usr_{i}") for i in range(10)))
        said(record, (1, 2, 3))
    asyncio.run(project(database))
    assert asyncio.run(differences(database)) == []
    assert max(written) <= batch
