"""A reaction whose process ends: its commands have their effect once, and what it did is remembered
for as long as it has to be."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from domain.aggregate import Command, Recorded
from domain.catalogues import PublishCatalogue
from domain.conferences import AnnounceConference
from domain.store.writer import History
from tests.boards import clicks, opening, recording
from tests.store import ask
from tests.workers.work.echo import (
    ADA,
    NAME,
    Dying,
    clicked,
    echo,
    echoed,
    parked,
    react_all,
    reacting,
    settle,
    storing,
)
from workers.operations import upkeep
from workers.operations.upkeep import Upkeep
from workers.work import reactor as module
from workers.work.reaction import Reaction
from workers.work.reactor import Reactor


# Deaths
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
    assert sorted(echoed(database)) == clicked(database)
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
    is_broken = True

    def half(recorded: Recorded) -> Iterator[Command]:
        """The second of two commands breaks."""
        for i, command in enumerate(echo(recorded)):
            yield replace_name(command, f"is_broken: {is_broken} {i}")
            if recorded.stream == ADA and is_broken:
                yield Command()

    async def story() -> None:
        nonlocal is_broken
        async with reacting(database, half) as reactor:
            await settle(reactor)
            await asyncio.to_thread(ask, database, OLD)
            await tidy(database)
            assert await asyncio.to_thread(keys, database) == clicked(database, ADA)[:1]
            is_broken = False
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await settle(reactor)

    with recording(database) as record:
        record(*opening(), *clicks(2), *clicks(1, "ben"))
    asyncio.run(story())
    assert parked(database) == []
    assert changes(database) == len(clicked(database))


def test_retries_while_it_is_stuck_are_no_deaths(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY", 0.0)
    monkeypatch.setattr("projections.engine.parking.MOST", 1)

    def broken(recorded: Recorded) -> Iterator[Command]:
        if recorded.stream.startswith("missions:"):
            raise LookupError("a bug")
        yield from echo(recorded)

    async def story() -> None:
        async with reacting(database, broken) as reactor:
            for _ in range(2 * module.ATTEMPTS):
                await reactor.step()
        async with reacting(database) as mended:
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await settle(mended)

    with recording(database) as record:
        record(*opening(), *clicks(2), *clicks(2, "ben"))
    asyncio.run(story())
    assert parked(database) == []
    assert sorted(echoed(database)) == clicked(database)


def test_replay_at_which_the_process_ends_every_time_is_given_up(database: str) -> None:
    deaths = 0

    def failing(recorded: Recorded) -> Iterator[Command]:
        if recorded.stream == ADA:
            raise LookupError("not this one")
        yield from echo(recorded)

    async def life(history: History) -> bool:
        """Whether it got through."""
        dying = Dying(history, lambda call: "before")
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
        nonlocal deaths
        async with reacting(database, failing) as reactor:
            await settle(reactor)
        await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
        async with storing(database) as history:
            while not await life(history):
                deaths += 1
                assert deaths <= module.ATTEMPTS

    with recording(database) as record:
        *_, first = record(*opening(), *clicks(1))
    asyncio.run(story())
    problem = f"at position {first}: NeverFinishedError: in {module.ATTEMPTS} attempts"
    assert parked(database) == [(ADA, first, problem, None)]
    assert deaths == module.ATTEMPTS


def test_it_starts_also_where_what_comes_next_cannot_be_read(database: str) -> None:
    with recording(database) as record:
        record(*opening())
        react_all(database)
        ask(database, "INSERT INTO events.log VALUES ('odd:evt_1', 1, 'Odd', '{}')")
        ask(database, "UPDATE views.positions SET attempts = 1 WHERE name = 'echo'")
        record(*clicks(2))
    react_all(database)
    assert [stream for stream, *_ in parked(database)] == ["odd:evt_1"]
    assert echoed(database) == clicked(database)


def test_step_ends_in_time_and_goes_on_where_it_ended(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though each command of a page takes long, whoever leads is heard of meanwhile."""
    monkeypatch.setattr(module, "STEP", 0.0)

    def to_one(recorded: Recorded) -> Iterator[Command]:
        for command in echo(recorded):
            yield AnnounceConference(event_id="echo_1", name=f"{recorded.position}", timezone="UTC")
            assert command

    async def story() -> int:
        steps = 0
        async with reacting(database, to_one) as reactor:
            while await reactor.step():
                steps += 1
        return steps

    with recording(database) as record:
        record(*opening(), *clicks(6))
    assert asyncio.run(story()) >= 6
    assert changes(database) == len(clicked(database))


def test_problem_of_the_machinery_parks_nothing(database: str) -> None:
    class Full:
        async def execute(self, command: Any, **more: Any) -> Any:
            raise MemoryError

    async def story() -> None:
        async with reacting(database, history=Full()) as reactor:
            with pytest.raises(module.StepDownError):
                await settle(reactor)

    with recording(database) as record:
        record(*opening(), *clicks(1))
    asyncio.run(story())
    assert parked(database) == []
