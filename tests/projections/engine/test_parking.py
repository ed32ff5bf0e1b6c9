"""Streams that a read model cannot go on with, and what becomes of them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.missions import MissionCompleted
from projections.engine import parking
from projections.engine import projector as module
from projections.engine.election import run_elected
from projections.engine.parking import MOST, WITHIN, Parking
from projections.engine.projector import LeadLostError, Projector
from projections.missions.rows import MEMBER_MISSIONS, MISSION_BOARD, MISSION_LEDGER, MemberMission
from projections.read_model import Change, ReadModel
from projections.read_models import READ_MODELS
from tests.boards import clicks, end_of, opening, project, recording
from tests.store import ask
from tests.waiting import eventually

ADA, BEN = "missions:evt_1:ada", "missions:evt_1:ben"


def broken(recorded: Recorded) -> Iterator[Change]:
    """It does not expect that Ada completes a mission."""
    if isinstance(recorded.event, MissionCompleted) and recorded.stream == ADA:
        raise LookupError("who has completed that?")
    yield from MISSION_BOARD.project(recorded)


def too_much(recorded: Recorded) -> Iterator[Change]:
    """A projection whose row of Ada's completed mission does not fit into its table."""
    if isinstance(recorded.event, MissionCompleted) and recorded.stream == ADA:
        key = (*recorded.member, recorded.event.mission_id)
        row = MemberMission(*key, "completed", 2**40, datetime.now(UTC))
        yield Change(MEMBER_MISSIONS, key, lambda old: row)
    else:
        yield from MISSION_BOARD.project(recorded)


def with_board(project_: Callable[[Recorded], Iterator[Change]]) -> list[ReadModel]:
    return [replace(m, project=project_) if m is MISSION_BOARD else m for m in READ_MODELS]


BROKEN = with_board(broken)


def parked(database: str) -> list[tuple[Any, ...]]:
    return ask(database, "SELECT reader, stream, position FROM views.parked ORDER BY 1, 2")


def problem(database: str) -> str:
    ((said,),) = ask(database, "SELECT problem FROM views.parked")
    return str(said)


def board(database: str) -> dict[str, str]:
    return dict(ask(database, "SELECT member_id, status FROM views.member_missions"))


def standing(database: str) -> set[tuple[int, str | None]]:
    return set(ask(database, "SELECT position, problem FROM views.positions"))


def request(database: str, what: str, *of: str) -> None:
    ask(database, "UPDATE views.parked SET asked = %s WHERE stream = ANY(%s)", what, list(of))


# What is parked
@pytest.mark.parametrize(
    ("fails", "why"),
    [
        (broken, "LookupError: who has completed that?"),
        (too_much, "NumericValueOutOfRange: value"),
    ],
)
def test_event_that_cannot_be_applied_parks_its_stream_and_all_else_goes_on(
    database: str, fails: Any, why: str
) -> None:
    with recording(database) as record:
        record(*opening())
        (first,) = record(*clicks(1))
        record(*clicks(1, "ben"), *opening("evt_2"), *clicks(2, "ada", "evt_2"))
        asyncio.run(project(database, with_board(fails)))
        record(*list(clicks(4))[1:], *list(clicks(2, "ben"))[1:])
    asyncio.run(project(database, with_board(fails)))
    assert parked(database) == [("mission_board", ADA, first)]
    assert problem(database).startswith(why)
    assert board(database) == {"ben": "not_started", "ada": "not_started"}  # the other event's
    assert ask(database, "SELECT event_id FROM views.member_missions WHERE member_id = 'ada'") == [
        ("evt_2",)
    ]
    assert standing(database) == {(end_of(database), None)}


def test_event_that_cannot_be_read_parks_its_stream_in_every_read_model(database: str) -> None:
    """Again and again, where there are more of them."""
    unknown = "INSERT INTO events.log VALUES ('missions:evt_1:ada', %s, 'FromTheFuture', '{}')"
    with recording(database) as record:
        *_, last = record(*opening(), *clicks(2))
        ask(database, unknown, 3)
        record(*clicks(1, "ben"))
        ask(database, unknown, 4)
        record(*clicks(1, "eve"))
    asyncio.run(project(database))
    assert parked(database) == sorted((model.name, ADA, last + 1) for model in READ_MODELS)
    assert board(database) == {"ada": "not_started", "ben": "completed", "eve": "completed"}
    assert standing(database) == {(end_of(database), None)}


def test_too_many_are_no_single_events_fault_and_nothing_more_is_parked(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST", 3)

    def hopeless(recorded: Recorded) -> Iterator[Change]:
        raise LookupError("a bug")

    with recording(database) as record:
        record(*opening(), *(c for m in ("a", "b", "c") for c in clicks(1, m)))
    asyncio.run(project(database, with_board(hopeless)))
    ((position, said),) = ask(
        database, "SELECT position, problem FROM views.positions WHERE name = 'mission_board'"
    )
    waiting = parked(database)
    asyncio.run(project(database))

    assert [stream for _, stream, _ in waiting] == [
        "catalogue:evt_1",
        "conference:evt_1",
        "missions:evt_1:a",
    ]
    assert position == 3
    assert said == (
        "TooManyParkedError: 3 streams are parked within 10,000 positions, so this is no one "
        "event's fault: LookupError: a bug"
    )
    assert parked(database) == waiting  # once it is mended the rest goes on; these are replayed
    assert standing(database) == {(end_of(database), None)}


@given(st.lists(st.integers(1, 10**6)), st.integers(1, 10**6))
def test_as_many_are_parked_near_each_other_as_may_be(firsts: Sequence[int], position: int) -> None:
    ours = Parking()
    ours._parked["board"] = {f"x:{i}": first for i, first in enumerate(firsts)}
    near = [first for first in firsts if first > position - WITHIN]
    assert ours.is_full("board", "x:new", position) == (len(near) >= MOST)
    assert not any(ours.is_full("board", stream, position) for stream in ours._parked["board"])


# What is asked for
def test_replay_applies_what_waits_in_its_order_as_if_nothing_had_been(
    database: str, new_database: Callable[[], str]
) -> None:
    untroubled = new_database()
    for url in (database, untroubled):
        with recording(url) as record:
            record(*opening(), *clicks(4), *clicks(1, "ben"))
    asyncio.run(project(database, BROKEN))
    with recording(database) as record:
        record(*clicks(3))
    with recording(untroubled) as record:
        record(*clicks(3))
    request(database, "replay", ADA)
    asyncio.run(project(database))
    asyncio.run(project(untroubled))
    assert parked(database) == []
    assert board(database) == board(untroubled) == {"ada": "completed", "ben": "completed"}


def test_replay_that_fails_leaves_it_parked_and_says_which_event_and_why(database: str) -> None:
    def later(recorded: Recorded) -> Iterator[Change]:
        if recorded.position == fifth:
            raise ValueError("not this one")
        yield from MISSION_BOARD.project(recorded)

    with recording(database) as record:
        record(*opening())
        first, _, fifth = record(*clicks(3))
    asyncio.run(project(database, BROKEN))
    request(database, "replay", ADA)
    asyncio.run(project(database, with_board(later)))
    assert parked(database) == [("mission_board", ADA, first)]
    assert problem(database) == f"at position {fifth}: ValueError: not this one"
    assert ask(database, "SELECT asked FROM views.parked") == [(None,)]
    assert board(database) == {}
    assert standing(database) == {(end_of(database), None)}


def test_drop_skips_what_waits_and_goes_on_with_what_follows(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(2))
        asyncio.run(project(database, BROKEN))
        request(database, "drop", ADA)
        asyncio.run(project(database, BROKEN))
        dropped = board(database), parked(database)
        record(*list(clicks(2))[1:])
        record(*clicks(1))
    asyncio.run(project(database))
    assert dropped == ({}, [])
    assert board(database) == {"ada": "completed"}


@asynccontextmanager
async def leading(database: str, models: Sequence[ReadModel]) -> Any:
    projector = Projector(models)
    try:
        await projector.start(database)
        yield projector
    finally:
        await projector.stop()


def test_leader_that_does_not_know_of_a_replay_has_lost_the_lead(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would leave out what is parked no more, at the very position where it stands."""
    monkeypatch.setattr(module, "BEAT", 0.0)

    async def story() -> None:
        async with leading(database, [broken_board, MISSION_LEDGER]) as stale:
            while await stale.step():
                pass
            request(database, "replay", ADA)
            async with leading(database, [MISSION_BOARD]) as mended:
                await mended.step()
            await asyncio.to_thread(record, *clicks(1))
            with pytest.raises(LeadLostError):
                await stale.step()

    (broken_board,) = (model for model in BROKEN if model.name == MISSION_BOARD.name)
    with recording(database) as record:
        record(*opening(), *clicks(2))
        asyncio.run(story())
    assert parked(database) == []


def test_replay_under_traffic_loses_nothing_and_doubles_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's clicks, and those of whose stream it is, go on all the time."""
    monkeypatch.setattr(module, "BEAT", 0.01)
    ledger = replace(MISSION_LEDGER, project=lambda recorded: fails(recorded))
    ill = True

    def fails(recorded: Recorded) -> Iterator[Any]:
        if ill and recorded.stream == ADA:
            raise LookupError("not now")
        yield from MISSION_LEDGER.project(recorded)

    async def story() -> None:
        nonlocal ill
        task = asyncio.create_task(run_elected(Projector([ledger, MISSION_BOARD]), database))
        try:
            for round_ in range(30):
                await asyncio.to_thread(record, *clicks(2), *clicks(2, "ben"))
                ill = round_ % 3 == 0
                await asyncio.to_thread(request, database, "replay", ADA)
            ill = False

            def replayed() -> bool:
                """The request before it may have met an attempt that was about to fail."""
                request(database, "replay", ADA)
                return parked(database) == []

            await eventually(lambda: asyncio.to_thread(replayed))
            await eventually(lambda: standing(database) == {(end_of(database), None)})
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    with recording(database) as record:
        record(*opening())
        asyncio.run(story())
    counted = "SELECT member_id, count(*), sum(points) FROM views.mission_ledger GROUP BY 1"
    assert sorted(ask(database, counted)) == [("ada", 60, 0), ("ben", 60, 0)]


@pytest.mark.parametrize("type_", ["integer", "timestamptz", "uuid"])
@given(name=st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1))
def test_problem_says_nothing_of_what_was_not_taken(postgres: str, type_: str, name: str) -> None:
    name = f"Zephyrine: {name}"
    with pytest.raises(psycopg.DataError) as refused:
        ask(postgres, f"SELECT %s::text::{type_}", name)
    assert "Zephyrine" in str(refused.value)
    assert parking.said(refused.value).rstrip().endswith(("type integer", "zone", "uuid"))
