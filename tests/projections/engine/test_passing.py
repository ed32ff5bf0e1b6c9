"""Pages of which a projector writes nothing: other capabilities' events."""

import asyncio

import psycopg
import pytest

from projections.engine import projector as module
from projections.engine.projector import LeadLostError
from projections.missions.rows import MISSION_BOARD
from projections.read_model import ReadModel
from projections.sessions.rows import LIVE_SESSIONS, SESSIONS
from tests.boards import clicks, end_of, opening, project, recording
from tests.projections.engine.test_projector import leading, positions
from tests.store import ask, heard


def test_page_of_which_nothing_is_written_is_passed_and_told_once(database: str) -> None:
    async def story(*models: ReadModel) -> float:
        async with leading(database, *models) as projector:
            assert await projector.step()
            return projector.rest

    with recording(database) as record:
        record(*opening())
        asyncio.run(project(database))
        record(*clicks(1))
    with psycopg.connect(database, autocommit=True) as ear:
        ear.execute("LISTEN views")
        assert asyncio.run(story(SESSIONS, LIVE_SESSIONS)) == module.PASSING
        ((position, *names),) = map(str.split, heard(ear, "views"))
    assert int(position) == end_of(database)
    assert {*names} == {"sessions", "live_sessions"}
    assert {positions(database)[name] for name in names} == {end_of(database)}
    assert asyncio.run(story(MISSION_BOARD)) == 0.0


def test_whoever_catches_up_does_not_rest_after_pages_that_it_passes(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with leading(database, SESSIONS) as projector:
            while positions(database)["sessions"] < end_of(database):
                assert await projector.step()
                assert projector.rest == 0.0

    with recording(database) as record:
        record(*opening())
        asyncio.run(project(database))
        monkeypatch.setattr(module, "PAGE", 1)
        record(*clicks(1))
    asyncio.run(story())


@pytest.mark.parametrize("moved", [("sessions",), ("sessions", "live_sessions")])
def test_page_is_not_passed_by_whoever_has_lost_the_lead(
    moved: tuple[str, ...], database: str
) -> None:
    async def story() -> None:
        async with leading(database, SESSIONS, LIVE_SESSIONS) as projector:
            with psycopg.connect(database) as other:
                for name in moved:
                    other.execute(
                        "UPDATE views.positions SET position = 1 WHERE name = %s", (name,)
                    )
            with pytest.raises(LeadLostError):
                await projector.step()

    with recording(database) as record:
        record(*opening())
        asyncio.run(project(database))
        record(*clicks(1))
    asyncio.run(story())


def test_rows_are_on_disk_before_anybody_hears_of_them(database: str) -> None:
    """Else a crash of the server would take them, and members would hear of them twice."""
    with psycopg.connect(database) as connection:
        connection.execute(
            """CREATE TABLE noted (setting text);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO public.noted VALUES (current_setting('synchronous_commit'));
                RETURN NULL;
            END $$;
            CREATE TRIGGER note AFTER INSERT ON views.live_missions EXECUTE FUNCTION note()"""
        )
    with recording(database) as record:
        record(*opening(), *clicks(2))
    asyncio.run(project(database))
    assert {*ask(database, "SELECT setting FROM noted")} == {("on",)}
