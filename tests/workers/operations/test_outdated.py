"""Read models that a migration says are to be built anew once, under the version that they have."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from projections.engine import event_log
from projections.read_models import READ_MODELS
from tests.boards import clicks, opening, project, recording, session, star
from tests.product import ROOT
from tests.projections.engine.test_side_by_side import differences
from tests.store import ask
from tests.waiting import eventually
from workers.background import background
from workers.operations import renewal as module
from workers.operations.renewal import renew
from workers.operations.renewing import outdated

FILE = ROOT / "sql/migrations/0017_outdated.sql"
OUTDATED = "SELECT name FROM views.outdated ORDER BY 1"
VERSIONS = "SELECT name, version FROM views.positions ORDER BY 1"
OTHERWISE = "UPDATE views.live_missions SET data = '{}' WHERE position = 4"


@contextmanager
def leading(database: str, events: str) -> Iterator[None]:
    """A program of before."""
    name = f"rapport projector missions{events}"
    with psycopg.connect(database, autocommit=True, application_name=name) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")
        yield


def names(database: str) -> list[str]:
    return [model.name for model in asyncio.run(outdated(database, READ_MODELS))]


@pytest.fixture
def changed(database: str) -> str:
    """Tables that hold other than what is made of the log now."""
    with recording(database) as record:
        record(*opening(), *clicks(3), session("s1"), star("s1"))
    asyncio.run(project(database))
    ask(database, OTHERWISE)
    ask(database, "DROP TABLE views.outdated")
    ask(database, FILE.read_text())
    return database


def test_what_earlier_programs_made_is_made_anew_once_none_of_them_leads(
    changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)

    async def story() -> None:
        async with background(renew(changed, READ_MODELS)):
            await eventually(lambda: ask(changed, OUTDATED) == [])

    assert ask(changed, OUTDATED) == [("live_missions",), ("sessions",)]
    assert len(asyncio.run(differences(changed))) == 1
    versions = ask(changed, VERSIONS)
    for older in ("", f" {len(event_log.mapper.topics) - 1}"):
        with leading(changed, older):
            assert names(changed) == []
    with leading(changed, f" {len(event_log.mapper.topics)}"):
        assert names(changed) == ["live_missions", "sessions"]
        asyncio.run(story())
    assert asyncio.run(differences(changed)) == []
    assert ask(changed, VERSIONS) == versions


def test_database_that_is_new_has_nothing_to_be_made_anew(
    new_database: Callable[[], str],
) -> None:
    database = new_database()
    assert ask(database, OUTDATED) == []
    asyncio.run(project(database))
    assert names(database) == []
