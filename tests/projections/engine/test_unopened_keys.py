"""A key of a person that no master key opens: what it seals waits, and nothing else does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from domain.attendees import Profile, SaveProfile
from domain.errors import Unavailable
from domain.store import master_key
from domain.store.master_key import KEY_SIZE, MasterKeys
from projections.engine import lag
from projections.engine.election import connect
from projections.engine.parking import MOST
from projections.engine.rebuild import rebuild
from projections.missions.rows import MISSION_LEADERBOARD
from projections.read_models import READ_MODELS
from tests.boards import EVENT, clicks, end_of, opening, project, recording
from tests.projections.engine.test_parking import parked, request, standing
from tests.projections.engine.test_side_by_side import differences
from tests.store import ask
from tests.workers.bus.test_relay import tell, told

OWN, OTHER = MasterKeys(bytes(KEY_SIZE)), MasterKeys(b"o" * KEY_SIZE)
ADA = f"attendee:{EVENT}:ada"


def save(member_id: str, name: str = "") -> SaveProfile:
    return SaveProfile(event_id=EVENT, member_id=member_id, profile=Profile(name or member_id))


@pytest.fixture(autouse=True)
def own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_key, "_in_use", [OWN])


@contextmanager
def unopened(database: str, person: str = "%") -> Iterator[None]:
    """Keys that came from somewhere else, a restore of a part say."""
    found = ask(
        database, "SELECT person, number, key FROM events.person_keys WHERE person LIKE %s", person
    )
    change = "UPDATE events.person_keys SET key = %s WHERE person = %s AND number = %s"
    for name, number, key in found:
        ask(database, change, OTHER.wrap(OWN.unwrap(key), OTHER.check_value), name, number)
    yield
    for name, number, key in found:
        ask(database, change, key, name, number)


async def fares(database: str) -> set[tuple[str, int]]:
    async with await connect(database, "test") as connection:
        return {(one.word, one.parked) for one in await lag.read(connection)}


def problems(database: str) -> set[Any]:
    return {problem for (problem,) in ask(database, "SELECT problem FROM views.parked")}


def test_stream_waits_all_else_goes_on_and_a_replay_mends_it_once_the_key_opens(
    database: str,
) -> None:
    with recording(database) as record:
        record(*opening(), save("ben"))
        (first,) = record(save("ada"))
        record(*clicks(3), *clicks(1, "ben"), save("ben", "Ben"))
        with unopened(database, "ada"):
            asyncio.run(project(database))
            assert parked(database) == sorted((m.name, ADA, first) for m in READ_MODELS)
            assert standing(database) == {(end_of(database), None)}
            assert asyncio.run(fares(database)) == {("parked", 1)}
            (problem,) = problems(database)
            assert "opens with no MASTER_KEY" in problem
            assert "then `parked replay`" in problem
            names = "SELECT name FROM views.leaderboard ORDER BY 1"
            assert ask(database, names) == [("Ben",), ("ada",)]
            request(database, "replay", ADA)
            asyncio.run(project(database))
            assert len(parked(database)) == len(READ_MODELS)
    request(database, "replay", ADA)
    asyncio.run(project(database))
    assert parked(database) == []
    assert asyncio.run(differences(database)) == []


def test_rebuild_parks_it_too(database: str) -> None:
    with recording(database) as record:
        record(*opening(), save("ada"), save("ben"), *clicks(2))
    with unopened(database, "ada"):
        asyncio.run(project(database))
        asyncio.run(rebuild(database, MISSION_LEADERBOARD))
        assert [reader for reader, *_ in parked(database)].count("leaderboard") == 1


def test_relay_needs_no_key(database: str, nats: str) -> None:
    """Also where the last event of the stream is one that cannot be opened."""
    with recording(database) as record:
        record(*opening(), save("ben"), save("ada"))
    with unopened(database):
        asyncio.run(project(database))
        asyncio.run(tell(database, nats))
        before = asyncio.run(told(nats))
        asyncio.run(tell(database, nats))
        assert before == asyncio.run(told(nats)) == list(range(1, end_of(database) + 1))


def test_keys_of_many_are_no_single_events_fault(database: str) -> None:
    members = [f"usr_{i}" for i in range(MOST + 2)]
    with recording(database) as record:
        record(*opening(), *map(save, members))
    with unopened(database):
        asyncio.run(project(database))
        assert asyncio.run(fares(database)) == {("stuck", MOST)}


def test_process_with_another_master_key_parks_nothing_and_says_why_it_is_stuck(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording(database) as record:
        record(*opening(), save("ada"))
    monkeypatch.setattr(master_key, "_in_use", [OTHER])
    with pytest.raises(Unavailable, match="another MASTER_KEY"):
        asyncio.run(project(database))
    assert parked(database) == []
    assert asyncio.run(fares(database)) == {("stuck", 0)}
    ((problem,),) = set(ask(database, "SELECT problem FROM views.positions"))
    assert "Give it the one that all others have" in problem
    monkeypatch.setattr(master_key, "_in_use", [OWN])
    asyncio.run(project(database))
    assert standing(database) == {(end_of(database), None)}
