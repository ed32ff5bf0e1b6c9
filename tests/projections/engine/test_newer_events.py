"""Events that a newer version of the program has recorded, and this one does not know."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from domain.capabilities import AGGREGATES, RENAMED
from domain.missions import MissionCompleted
from domain.store.envelope import EnvelopeMapper
from projections.engine import event_log, lag
from projections.engine.election import connect, run_elected
from projections.engine.parking import MOST
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from projections.missions.rows import LIVE_MISSIONS, MISSION_BOARD
from projections.read_models import READ_MODELS
from tests.boards import EVENT, clicks, end_of, opening, project, recording, session, star
from tests.projections.engine.test_side_by_side import differences
from tests.store import ask
from tests.waiting import eventually
from workers.background import background

MEMBERS = [f"usr_{i}" for i in range(MOST + 10)]
BEFORE = (
    "UnreadableEventError: the event at position 7 cannot be read: "
    "no event here is, or was, called MissionCompleted"
)


@contextmanager
def older(unknown: type = MissionCompleted) -> Iterator[None]:
    """The program before, which does not know that missions are completed, say."""
    known = [
        replace(one, events=tuple(e for e in one.events if e is not unknown)) for one in AGGREGATES
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_log, "mapper", EnvelopeMapper(known, RENAMED))
        yield


def parked(database: str) -> list[Any]:
    return ask(database, "SELECT reader, stream FROM views.parked ORDER BY 1, 2")


def standing(database: str) -> set[Any]:
    return set(ask(database, "SELECT position, problem FROM views.positions"))


async def fares(database: str) -> set[tuple[str, int, int]]:
    async with await connect(database, "test") as connection:
        return {(one.word, one.parked, one.waiting) for one in await lag.read(connection)}


@pytest.fixture
def waiting(database: str) -> Iterator[tuple[str, Callable[..., list[int]]]]:
    """Many members' streams wait; the rest is shown."""
    with recording(database) as record:
        record(*opening(), session("s1"))
        record(*(click for member in MEMBERS for click in clicks(3, member)))
        record(star("s1", MEMBERS[0]), session("s1", hours=1))
        with older():
            asyncio.run(project(database))
        yield database, record


def test_it_is_waited_for_however_many_there_are_and_nothing_gets_stuck(
    waiting: tuple[str, Callable[..., list[int]]],
) -> None:
    database, record = waiting
    streams = sorted(f"missions:{EVENT}:{member}" for member in MEMBERS)
    assert parked(database) == sorted((m.name, s) for m in READ_MODELS for s in streams)
    assert standing(database) == {(end_of(database), None)}
    assert asyncio.run(fares(database)) == {("waiting", 0, len(MEMBERS))}
    assert ask(database, "SELECT count(*) FROM views.live_sessions") == [(1,)]
    with older():
        record(*clicks(2, MEMBERS[0]), session("s1", hours=2))
        asyncio.run(project(database))
    assert standing(database) == {(end_of(database), None)}
    assert ask(database, "SELECT count(*) FROM views.live_sessions") == [(2,)]


def test_program_that_knows_it_takes_it_back_by_itself(
    waiting: tuple[str, Callable[..., list[int]]],
) -> None:
    database, record = waiting
    record(*clicks(3, MEMBERS[0]), *clicks(1, "ben"))
    asyncio.run(project(database))
    assert parked(database) == []
    assert asyncio.run(differences(database)) == []
    assert asyncio.run(fares(database)) == {("live", 0, 0)}


def test_what_a_program_before_has_parked_for_that_reason_is_taken_back_too(
    waiting: tuple[str, Callable[..., list[int]]],
) -> None:
    database, _ = waiting
    ask(database, "UPDATE views.parked SET problem = %s", BEFORE)
    asyncio.run(project(database))
    assert parked(database) == []
    assert asyncio.run(differences(database)) == []


def test_stream_that_cannot_be_applied_stays_parked_and_the_others_are_taken_back(
    waiting: tuple[str, Callable[..., list[int]]],
) -> None:
    database, _ = waiting
    poison = f"missions:{EVENT}:{MEMBERS[7]}"

    def broken(recorded: Any) -> Any:
        if recorded.stream == poison:
            raise LookupError("not this one")
        return MISSION_BOARD.project(recorded)

    models = [replace(m, project=broken) if m is MISSION_BOARD else m for m in READ_MODELS]
    asyncio.run(project(database, models))
    assert parked(database) == [(MISSION_BOARD.name, poison)]
    assert standing(database) == {(end_of(database), None)}


def test_what_feeds_say_belated_is_noted_for_whoever_has_passed_it(
    waiting: tuple[str, Callable[..., list[int]]],
) -> None:
    database, _ = waiting
    asyncio.run(project(database))
    said = "SELECT event_id, member_id, position FROM views."
    belated = ask(database, said + "belated WHERE reader = %s ORDER BY position", "live_missions")
    assert len(belated) == len(MEMBERS) * 3
    assert sorted(belated) == sorted(ask(database, said + LIVE_MISSIONS.messages.name))


def test_rebuild_by_the_older_program_lets_them_wait_as_before(
    waiting: tuple[str, Callable[..., list[int]]],
) -> None:
    database, _ = waiting
    before = parked(database)
    with older():
        done = asyncio.run(rebuild(database, MISSION_BOARD))
    assert done.different == []
    assert parked(database) == before
    asyncio.run(project(database))
    assert asyncio.run(differences(database)) == []


def test_dropped_it_stays_left_out(waiting: tuple[str, Callable[..., list[int]]]) -> None:
    database, _ = waiting
    stream = f"missions:{EVENT}:{MEMBERS[0]}"
    ask(database, "UPDATE views.parked SET asked = 'drop' WHERE stream = %s", stream)
    with older():
        asyncio.run(project(database))
        assert stream not in {of for _, of in parked(database)}
        asyncio.run(rebuild(database, MISSION_BOARD))
        assert (MISSION_BOARD.name, stream) not in parked(database)
    asyncio.run(project(database))
    assert parked(database) == []


LEADS = "SELECT pg_try_advisory_lock(hashtextextended('rapport.projector', 0))"


@pytest.mark.parametrize("waits", [True, False])
def test_lead_is_taken_from_an_older_program_where_something_waits_for_us(
    waiting: tuple[str, Callable[..., list[int]]], waits: bool
) -> None:
    database, _ = waiting
    if not waits:
        asyncio.run(project(database))

    async def story(leader: psycopg.Connection[Any]) -> None:
        async with background(run_elected(Projector(READ_MODELS), database)):
            if waits:
                await eventually(lambda: parked(database) == [])
            else:
                await asyncio.sleep(1.5)  # it looks once a second, and leaves things as they are
                leader.execute("SELECT 1")

    name = "rapport projector"
    with psycopg.connect(database, autocommit=True, application_name=name) as leader:
        assert leader.execute(LEADS).fetchone() == (True,)
        asyncio.run(story(leader))
        if waits:
            with pytest.raises(psycopg.OperationalError):
                leader.execute("SELECT 1")


def test_program_that_knows_no_more_takes_the_lead_from_nobody(
    waiting: tuple[str, Callable[..., list[int]]],
) -> None:
    database, _ = waiting

    async def wanted(projector: Projector) -> list[str]:
        async with await connect(database, "test") as connection:
            return await projector.is_wanted(connection)

    projector = Projector(READ_MODELS)
    assert asyncio.run(wanted(projector)) == [model.name for model in READ_MODELS]
    with older():
        assert asyncio.run(wanted(projector)) == []
