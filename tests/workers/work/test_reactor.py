"""Reactions, by a tiny one: what members complete, it counts in the log itself."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from domain.aggregate import Command, Recorded
from domain.errors import NotFound, Refused
from projections.engine.election import run_elected
from tests.boards import clicks, end_of, opening, recording
from tests.projections.engine.test_newer_events import older
from tests.store import ask
from tests.waiting import eventually
from tests.workers.work.echo import (
    ADA,
    BEN,
    NAME,
    clicked,
    echo,
    echoed,
    parked,
    react_all,
    reacting,
    settle,
    stand,
    storing,
)
from workers.work import reactor as module
from workers.work.reaction import Reaction
from workers.work.reactor import Reactor


def test_each_event_is_reacted_to_once_and_in_order(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(20), *clicks(5, "ben"))
        react_all(database)
        record(*clicks(3, "zoe"))
        react_all(database)
    react_all(database)
    assert echoed(database) == clicked(database)
    assert stand(database) == ("reaction", end_of(database), 0, None)


def test_postgres_rings(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.engine.election.POLL_SECONDS", 600.0)

    async def story() -> None:
        async with storing(database) as history:
            reactor = Reactor(Reaction(NAME, echo), history)
            task = asyncio.create_task(run_elected(reactor, database))
            try:
                await eventually(lambda: asyncio.to_thread(idle))
                await asyncio.to_thread(record, *opening(), *clicks(1))
                await eventually(lambda: asyncio.to_thread(echoed, database))
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def idle() -> bool:
        return bool(ask(database, "SELECT 1 FROM views.positions WHERE name = %s", NAME))

    with recording(database) as record:
        asyncio.run(story())


# What is no
@pytest.mark.parametrize("problem", [Refused("a rule"), NotFound("nobody")])
def test_what_a_rule_refuses_is_an_answer(database: str, problem: Exception) -> None:
    class Refusing:
        async def execute(self, command: Command, **more: Any) -> None:
            raise problem

    async def story() -> None:
        async with reacting(database, history=Refusing()) as reactor:
            await settle(reactor)

    with recording(database) as record:
        record(*opening(), *clicks(2))
    asyncio.run(story())
    assert parked(database) == []
    assert stand(database)[1] == end_of(database)


# What fails
def test_event_that_fails_holds_up_its_own_stream_and_no_other_from_the_first_time_on(
    database: str,
) -> None:
    tried: list[int] = []

    def choosy(recorded: Recorded) -> Iterable[Command]:
        if recorded.stream == ADA:
            tried.append(recorded.position)
            raise LookupError("not this one")
        return echo(recorded)

    with recording(database) as record:
        *_, first = record(*opening(), *clicks(1))
        record(*clicks(4, "ben"), *clicks(2))
    react_all(database, choosy)
    assert parked(database) == [(ADA, first, "LookupError: not this one", None)]
    assert echoed(database) == clicked(database, BEN)
    assert stand(database)[1] >= max(clicked(database))


def test_twenty_bad_streams_hold_a_good_one_up_for_no_time(database: str) -> None:
    """One after another, each with its backoff, took a quarter of an hour once."""

    def choosy(recorded: Recorded) -> Iterable[Command]:
        if recorded.stream.startswith("missions:evt_1:bad"):
            raise LookupError("not this one")
        return echo(recorded)

    async def story() -> int:
        steps = 0
        async with reacting(database, choosy) as reactor:
            while await reactor.step():
                steps += 1
        return steps

    with recording(database) as record:
        record(*opening(), *(c for i in range(20) for c in clicks(1, f"bad_{i}")), *clicks(1))
    assert asyncio.run(story()) <= 23
    assert len(parked(database)) == 20
    assert echoed(database) == clicked(database, ADA)


def test_very_many_bad_streams_are_no_single_events_fault(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.0)
    monkeypatch.setattr("projections.engine.parking.MOST", 3)
    is_broken = True

    def all_of_them(recorded: Recorded) -> Iterable[Command]:
        if is_broken and recorded.stream.startswith("missions:"):
            raise LookupError("a bug")
        return echo(recorded)

    async def story() -> None:
        nonlocal is_broken
        async with reacting(database, all_of_them) as reactor:
            await settle(reactor)
            *_, problem = await asyncio.to_thread(stand, database)
            assert problem == (
                "TooManyParkedError: 3 streams are parked within 10,000 positions, so this is no "
                "one event's fault: LookupError: a bug"
            )
            is_broken = False
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await settle(reactor)

    with recording(database) as record:
        record(*opening(), *(c for i in range(5) for c in clicks(1, f"usr_{i}")))
    asyncio.run(story())
    assert sorted(echoed(database)) == clicked(database)
    assert parked(database) == []


def test_command_that_breaks_parks_its_stream(database: str) -> None:
    def breaking(recorded: Recorded) -> Iterator[Command]:
        if recorded.stream == ADA:
            yield Command()  # which does not say what it is about
        yield from echo(recorded)

    with recording(database) as record:
        record(*opening(), *clicks(1), *clicks(1, "ben"))
    react_all(database, breaking)
    ((stream, *_),) = parked(database)
    assert stream == ADA
    assert echoed(database) == clicked(database, BEN)


def test_event_that_cannot_be_read_parks_its_stream(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(1))
        ask(database, "INSERT INTO events.log VALUES ('odd:evt_1', 1, 'Odd', '{}')")
        record(*clicks(1, "ben"))
    react_all(database)
    ((stream, _, problem, _),) = parked(database)
    assert stream == "odd:evt_1"
    assert problem == "waits for a program that knows the event Odd"
    assert echoed(database) == clicked(database)


def test_what_a_newer_version_recorded_waits_for_one_and_is_reacted_to_then(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(2), *(c for i in range(30) for c in clicks(1, f"usr_{i}")))
    with older():
        react_all(database)
    streams = {stream for stream, *_ in parked(database)}
    assert (len(streams), echoed(database)) == (31, [])
    assert stand(database)[3] is None
    with recording(database) as record:
        record(*clicks(1))
    react_all(database)
    assert parked(database) == []
    assert sorted(echoed(database)) == clicked(database)


@pytest.mark.parametrize("what", ["replay", "drop"])
def test_what_is_parked_is_replayed_in_order_or_dropped(database: str, what: str) -> None:
    is_broken = True

    def choosy(recorded: Recorded) -> Iterable[Command]:
        if recorded.stream == ADA and is_broken:
            raise LookupError("not this one")
        return echo(recorded)

    async def story() -> None:
        nonlocal is_broken
        async with reacting(database, choosy) as reactor:
            await settle(reactor)
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await settle(reactor)
            ((_, _, problem, asked),) = await asyncio.to_thread(parked, database)
            assert (problem, asked) == (f"at position {first}: LookupError: not this one", None)
            is_broken = False
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = %s", what)
            await settle(reactor)
            await asyncio.to_thread(record, *clicks(1, "ben"))
            await settle(reactor)

    with recording(database) as record:
        *_, first = record(*opening(), *clicks(1))
        record(*clicks(2))
        asyncio.run(story())
    assert parked(database) == []
    of_ada = clicked(database, ADA) if what == "replay" else []
    assert echoed(database) == [*of_ada, *clicked(database, BEN)]
