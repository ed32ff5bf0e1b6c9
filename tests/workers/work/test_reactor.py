"""Reactions, by a tiny one: what members complete, it counts in the log itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from domain.aggregate import Command, Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.catalogues import PublishCatalogue
from domain.conferences import AnnounceConference
from domain.errors import NotFound, Refused
from domain.missions import MissionCompleted, MissionReopened
from domain.store.recorder import open_recorder
from domain.store.writer import History
from projections.engine.election import run_elected
from sql import statements
from tests.boards import clicks, end_of, opening, recording
from tests.store import ask
from tests.waiting import eventually
from workers.operations import upkeep
from workers.operations.upkeep import Upkeep
from workers.work import reactor as module
from workers.work.reaction import Reaction
from workers.work.reactor import Reactor

ADA, BEN = "missions:evt_1:ada", "missions:evt_1:ben"
NAME = "echo"
React = Callable[[Recorded], Iterable[Command]]


def echo(recorded: Recorded) -> Iterator[Command]:
    """An event of its own for each click."""
    if isinstance(recorded.event, MissionCompleted | MissionReopened):
        echoed = f"echo_{recorded.position}"
        yield AnnounceConference(event_id=echoed, name=echoed, timezone="UTC")


@asynccontextmanager
async def storing(database: str) -> AsyncIterator[History]:
    history = History(open_recorder(database, statements("history")), AGGREGATES, RENAMED)
    try:
        yield history
    finally:
        await asyncio.to_thread(history.close)


@asynccontextmanager
async def reacting(
    database: str, react: React = echo, history: Any = None
) -> AsyncIterator[Reactor]:
    """Stepped by hand."""
    async with storing(database) as own:
        reactor = Reactor(Reaction(NAME, react), history or own)
        try:
            await reactor.start(database)
            yield reactor
        finally:
            await reactor.stop()


async def settle(reactor: Reactor) -> None:
    while await reactor.step():
        pass


def react_all(database: str, react: React = echo) -> None:
    async def story() -> None:
        async with reacting(database, react) as reactor:
            await settle(reactor)

    asyncio.run(story())


def clicked(database: str, stream: str = "missions:%") -> list[int]:
    query = "SELECT notification_id FROM events.log WHERE originator_id LIKE %s ORDER BY 1"
    return [position for (position,) in ask(database, query, stream)]


def echoed(database: str) -> list[int]:
    """What it reacted to, in the order in which it did."""
    rows = ask(
        database,
        "SELECT originator_id FROM events.log WHERE originator_id LIKE 'conference:echo%'"
        " ORDER BY notification_id",
    )
    return [int(stream.rpartition("_")[2]) for (stream,) in rows]


def stand(database: str) -> tuple[Any, ...]:
    ((kind, position, attempts, problem),) = ask(
        database, "SELECT kind, position, attempts, problem FROM views.positions"
    )
    return kind, position, attempts, problem


def parked(database: str) -> list[tuple[Any, ...]]:
    return ask(
        database, "SELECT stream, position, problem, asked FROM views.parked ORDER BY position"
    )


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
    ill = True

    def all_of_them(recorded: Recorded) -> Iterable[Command]:
        if ill and recorded.stream.startswith("missions:"):
            raise LookupError("a bug")
        return echo(recorded)

    async def story() -> None:
        nonlocal ill
        async with reacting(database, all_of_them) as reactor:
            await settle(reactor)
            *_, problem = await asyncio.to_thread(stand, database)
            assert problem == (
                "TooManyParkedError: 3 streams are parked within 10,000 positions, so this is no "
                "one event's fault: LookupError: a bug"
            )
            ill = False
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
    assert problem.startswith("UnreadableEventError: ")
    assert echoed(database) == clicked(database)


@pytest.mark.parametrize("what", ["replay", "drop"])
def test_what_is_parked_is_replayed_in_order_or_dropped(database: str, what: str) -> None:
    ill = True

    def choosy(recorded: Recorded) -> Iterable[Command]:
        if recorded.stream == ADA and ill:
            raise LookupError("not this one")
        return echo(recorded)

    async def story() -> None:
        nonlocal ill
        async with reacting(database, choosy) as reactor:
            await settle(reactor)
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await settle(reactor)
            ((_, _, problem, asked),) = await asyncio.to_thread(parked, database)
            assert (problem, asked) == (f"at position {first}: LookupError: not this one", None)
            ill = False
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


# Deaths
class Dying:
    """A History at which the process ends: before a command is recorded, or after it."""

    def __init__(self, history: History, where: Callable[[int], str]) -> None:
        self._history = history
        self._where = where
        self._calls = 0

    async def execute(self, command: Command, **more: Any) -> Any:
        self._calls += 1
        where = self._where(self._calls)
        if where == "before":
            raise asyncio.CancelledError
        outcome = await self._history.execute(command, **more)
        if where == "after":
            raise asyncio.CancelledError
        return outcome


@pytest.mark.parametrize("where", ["before", "after"])
def test_commands_have_their_effect_once_wherever_the_process_ends(
    database: str, where: str
) -> None:
    """At each of its first commands in turn: others go on from there."""

    async def life(history: History, ends_at: int) -> bool:
        dying = Dying(history, lambda call: where if call == ends_at else "")
        reactor = Reactor(Reaction(NAME, echo), dying)  # type: ignore[arg-type]
        try:
            await reactor.start(database)
            await settle(reactor)
        except asyncio.CancelledError:
            return False
        finally:
            await reactor.stop()
        return True

    async def story() -> None:
        async with storing(database) as history:
            ends_at = 4
            while not await life(history, ends_at):
                ends_at = max(1, ends_at - 1) if ends_at > 1 else 99

    with recording(database) as record:
        record(*opening(), *clicks(6), *clicks(2, "ben"))
    asyncio.run(story())
    assert echoed(database) == clicked(database)
    assert parked(database) == []


def test_event_at_which_the_process_ends_every_time_is_parked_and_none_beside_it(
    database: str,
) -> None:
    deaths = 0

    async def life(history: History, deadly: int) -> bool:
        class Deadly:
            async def execute(self, command: Any, **more: Any) -> Any:
                if command.event_id == f"echo_{deadly}":
                    raise asyncio.CancelledError
                return await history.execute(command, **more)

        reactor = Reactor(Reaction(NAME, echo), Deadly())  # type: ignore[arg-type]
        try:
            await reactor.start(database)
            await settle(reactor)
        except asyncio.CancelledError:
            return False
        finally:
            await reactor.stop()
        return True

    async def story(deadly: int) -> None:
        nonlocal deaths
        async with storing(database) as history:
            while not await life(history, deadly):
                deaths += 1
                assert deaths < 10

    with recording(database) as record:
        record(*opening(), *clicks(3, "ben"))
        (deadly,) = record(*clicks(1))
        record(*clicks(2, "zoe"))
    asyncio.run(story(deadly))
    ((stream, position, problem, _),) = parked(database)
    assert (stream, position) == (ADA, deadly)
    assert problem == f"NeverFinishedError: in {module.ATTEMPTS} attempts"
    assert echoed(database) == [p for p in clicked(database) if p != deadly]
    assert deaths == module.ATTEMPTS + 1


def test_one_leads_and_another_that_still_believes_it_does_is_refused(database: str) -> None:
    async def story() -> None:
        async with reacting(database) as one, reacting(database) as other:
            await settle(one)
            with pytest.raises(module.LeadLostError):
                await other.step()

    with recording(database) as record:
        record(*opening(), *clicks(2))
    asyncio.run(story())
    assert echoed(database) == clicked(database)


# What it remembers
async def tidy(database: str) -> None:
    tidying = Upkeep()
    try:
        await tidying.start(database)
        while await tidying.step():
            pass
    finally:
        await tidying.stop()


OLD = "UPDATE events.command_keys SET recorded_at = now() - interval '30 days'"


def keys(database: str) -> list[int]:
    rows = ask(database, "SELECT key FROM events.command_keys WHERE principal = 'reaction:echo'")
    return sorted(int(key.partition(":")[0]) for (key,) in rows)


def test_what_it_did_is_remembered_for_as_long_as_its_position_is_behind(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is away for a month in the middle of a page does nothing twice; and once it has
    passed them its keys go."""
    monkeypatch.setattr(upkeep, "BATCH", 2)
    sent: list[int] = []

    def twice_told(recorded: Recorded) -> Iterator[Command]:
        """Without its key, each attempt would be another change."""
        for command in echo(recorded):
            sent.append(recorded.position)
            yield PublishCatalogue(event_id=f"echo_{recorded.position}", missions=())
            yield replace_name(command, f"attempt {sent.count(recorded.position)}")

    async def dies(history: History) -> None:
        dying = Dying(history, lambda call: "after" if call == 6 else "")
        reactor = Reactor(Reaction(NAME, twice_told), dying)  # type: ignore[arg-type]
        await reactor.start(database)
        with pytest.raises(asyncio.CancelledError):
            await settle(reactor)
        await reactor.stop()

    async def story() -> None:
        async with storing(database) as history:
            await dies(history)
            await asyncio.to_thread(ask, database, OLD)
            before = await asyncio.to_thread(keys, database)
            await tidy(database)
            assert before == await asyncio.to_thread(keys, database) != []
        async with reacting(database, twice_told) as reactor:
            await settle(reactor)

    with recording(database) as record:
        record(*opening(), *clicks(4))
    asyncio.run(story())
    assert max(map(partial(list.count, sent), sent)) == 2
    assert changes(database) == 4
    ask(database, OLD)
    asyncio.run(tidy(database))
    assert keys(database) == []


def replace_name(command: Any, name: str) -> Command:
    return AnnounceConference(event_id=command.event_id, name=name, timezone="UTC")


def changes(database: str) -> int:
    query = "SELECT count(*) FROM events.log WHERE originator_id LIKE 'conference:echo%'"
    ((count,),) = ask(database, query)
    return int(count)


def test_what_it_did_of_a_parked_stream_is_remembered_until_that_is_replayed(
    database: str,
) -> None:
    ill = True

    def half(recorded: Recorded) -> Iterator[Command]:
        """The second of two commands breaks."""
        for i, command in enumerate(echo(recorded)):
            yield replace_name(command, f"ill: {ill} {i}")
            if recorded.stream == ADA and ill:
                yield Command()

    async def story() -> None:
        nonlocal ill
        async with reacting(database, half) as reactor:
            await settle(reactor)
            await asyncio.to_thread(ask, database, OLD)
            await tidy(database)
            assert await asyncio.to_thread(keys, database) == clicked(database, ADA)[:1]
            ill = False
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await settle(reactor)

    with recording(database) as record:
        record(*opening(), *clicks(2), *clicks(1, "ben"))
    asyncio.run(story())
    assert parked(database) == []
    assert changes(database) == len(clicked(database))
