"""Read models of an older version, rebuilt in processes of their own."""

import asyncio
import logging
import os
import signal
from typing import Any

import pytest

from projections.engine.election import connect
from projections.engine.shadow import locked
from projections.missions.rows import MISSION_BOARD
from projections.read_models import READ_MODELS
from tests.boards import clicks, opening, project, recording
from tests.projections.engine.test_rebuild import SCHEMAS, content, schemas
from tests.store import ask
from tests.waiting import eventually
from workers.background import background
from workers.operations import renewal
from workers.operations.renewal import renew
from workers.servers.processes import Process

OLDER = "UPDATE views.positions SET version = 0 WHERE name = 'mission_board'"
VERSION = "SELECT version FROM views.positions WHERE name = 'mission_board'"
# Until this is unlocked a rebuild cannot make its tables.
HELD = "LOCK TABLE views.member_missions IN ACCESS EXCLUSIVE MODE"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The processes in which read models are rebuilt."""
    start, processes = renewal._started, list[Process]()

    def noted(*about: Any) -> Process:
        processes.append(start(*about))
        return processes[-1]

    monkeypatch.setattr(renewal, "_started", noted)
    monkeypatch.setattr(renewal, "POLL_SECONDS", 0.05)
    return processes


@pytest.fixture
def older(database: str) -> str:
    """Its tables are of an older version, and do not hold the same."""
    with recording(database) as record:
        record(*opening(), *clicks(5))
    asyncio.run(project(database))
    ask(database, OLDER)
    ask(database, "UPDATE views.member_missions SET points_earned = 7")
    return database


def at_work(database: str) -> bool:
    """Whether a rebuild waits for a table that somebody holds."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM "
    return ask(database, f"{waiting} pg_database WHERE datname = current_database())") != [(0,)]


def test_process_that_is_killed_is_told_of_and_the_next_one_rebuilds(
    older: str, started: list[Process], caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with background(renew(older, READ_MODELS)) as tasks:
            async with await connect(older, "test") as holder, holder.transaction():
                await holder.execute(HELD)
                await eventually(lambda: at_work(older))
                os.kill(started[0].pid, signal.SIGKILL)
                await eventually(lambda: "it will be tried again" in caplog.text.lower())
                assert not started[0].alive()
            await eventually(lambda: ask(older, VERSION) == [(1,)])
            assert not tasks[0].done()
            await eventually(lambda: not started[-1].alive())

    before = content(older)
    asyncio.run(story())
    (told,) = (r.getMessage() for r in caplog.records if r.levelno == logging.ERROR)
    assert told == (
        "mission_board stays as it is, for the process that rebuilt it was killed (SIGKILL): does "
        "it want for memory? It will be tried again."
    )
    assert before["member_missions"] != content(older)["member_missions"]
    assert ask(older, "SELECT points_earned FROM views.member_missions") == [(10,)]
    assert schemas(older) == SCHEMAS


def test_process_ends_with_whoever_started_it_and_leaves_nothing(
    older: str, started: list[Process]
) -> None:
    async def story() -> None:
        async with await connect(older, "test") as holder, holder.transaction():
            async with background(renew(older, READ_MODELS)):
                await holder.execute(HELD)
                await eventually(lambda: at_work(older))
            assert not started[0].alive()

    before = content(older)
    asyncio.run(story())
    assert (len(started), content(older), ask(older, VERSION)) == (1, before, [(0,)])
    asyncio.run(eventually(lambda: schemas(older) == SCHEMAS))


def test_no_process_is_started_for_what_somebody_rebuilds_already(
    older: str, started: list[Process]
) -> None:
    async def story() -> None:
        async with locked(older, MISSION_BOARD.name):
            assert not await renewal.rebuilt_apart(older, MISSION_BOARD)
        assert started == []
        assert await renewal.rebuilt_apart(older, MISSION_BOARD)

    asyncio.run(story())
    assert ask(older, VERSION) == [(1,)]
