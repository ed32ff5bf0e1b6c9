"""The commands that follow from an event are sent at once by whoever recorded it, and have their
effect once, also where the reactor sends them again."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from domain.aggregate import Command, Recorded
from domain.conferences import AnnounceConference
from domain.errors import NotFound, Refused, Unavailable
from domain.missions import CompleteMission
from domain.store.writer import Author, Outcome
from tests.boards import MISSION, end_of, opening, recording
from tests.workers.work.echo import NAME, clicked, echo, echoed, react_all, storing
from workers.work.following import follow
from workers.work.reaction import Reaction

BY = Author("ada", "evt_1")
ECHO = (Reaction(NAME, echo),)


def complete(member: str) -> CompleteMission:
    return CompleteMission(event_id="evt_1", member_id=member, mission_id=MISSION.id)


@pytest.fixture
def opened(database: str) -> str:
    with recording(database) as record:
        record(*opening())
    return database


def test_what_follows_is_there_at_once_and_once(opened: str) -> None:
    async def story() -> tuple[Outcome, int, int]:
        async with storing(opened) as history:
            outcome = await history.execute(complete("ada"), by=BY)
            first = await follow(history, ECHO, outcome.recorded)
            again = await follow(history, ECHO, outcome.recorded)
            return outcome, first, again

    outcome, first, again = asyncio.run(story())
    assert [one.position for one in outcome.recorded] == clicked(opened) == echoed(opened)
    assert outcome.position < first == again == end_of(opened)
    react_all(opened)
    assert echoed(opened) == clicked(opened)
    assert end_of(opened) == first


def test_nothing_follows_from_other_events(opened: str) -> None:
    async def story() -> int:
        async with storing(opened) as history:
            command = AnnounceConference(event_id="evt_2", name="Another", timezone="UTC")
            outcome = await history.execute(command, by=BY)
            return await follow(history, ECHO, outcome.recorded)

    assert asyncio.run(story()) == 0


@pytest.mark.parametrize("problem", [Refused("a rule"), NotFound(), Unavailable(), LookupError()])
def test_what_cannot_be_sent_is_left_to_the_reactor(opened: str, problem: Exception) -> None:
    class Failing:
        async def execute(self, command: Command, **more: Any) -> None:
            raise problem

    def breaks(recorded: Recorded) -> Iterator[Command]:
        raise LookupError("not this one")

    async def story() -> list[int]:
        async with storing(opened) as history:
            outcome = await history.execute(complete("ada"), by=BY)
            failing: Any = Failing()
            return [
                await follow(failing, ECHO, outcome.recorded),
                await follow(history, (Reaction("another", breaks),), outcome.recorded),
            ]

    assert asyncio.run(story()) == [0, 0]
    assert echoed(opened) == []
    react_all(opened)
    assert echoed(opened) == clicked(opened)
