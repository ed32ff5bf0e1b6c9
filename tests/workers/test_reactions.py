"""A message or a sync of the product's own completes meet_attendees, once, whoever else reports it
and however often the reactor comes by."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.aggregate import Command, Recorded
from domain.attendees import Profile, SaveProfile
from domain.blocks import BlockMember
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.meeting import MEET_ATTENDEES, Action
from domain.messages import SendMessage
from domain.missions import ResetMission
from domain.reports import RecordTelemetry
from domain.store.writer import Author
from domain.syncs import RequestSync
from tests.boards import EVENT, NINE, end_of
from tests.store import ask
from tests.workers.work.echo import settle, storing
from workers.operations.set_aside import set_aside
from workers.reactions import REACTIONS
from workers.work.following import follow
from workers.work.reactor import Reactor

SEND = SendMessage(
    event_id=EVENT,
    member_id="ada",
    target_member_id="ben",
    message_id="m1",
    text="Shall we meet?",
    at=NINE,
)
ASK = RequestSync(
    event_id=EVENT,
    member_id="ada",
    target_member_id="ben",
    sync_id="s1",
    minutes=30,
    proposals=(NINE + timedelta(hours=1),),
    at=NINE,
)
ACTS: tuple[tuple[Command, Action], ...] = ((SEND, "message_sent"), (ASK, "sync_created"))
RESET = ResetMission(event_id=EVENT, member_id="ada", mission_id=MEET_ATTENDEES)
BLOCK = BlockMember(event_id=EVENT, member_id="ben", blocked_member_id="ada")
CAUSES = """
    SELECT convert_from(state, 'UTF8')::json -> 'data' ->> 'cause' FROM events.log
    WHERE topic = 'MissionCompleted' AND originator_id = 'missions:evt_1:ada'
"""


def opening() -> Sequence[Command]:
    mission = Mission(MEET_ATTENDEES, "Meet the attendees", "", 15, "")
    return (
        AnnounceConference(event_id=EVENT, name="A conference", timezone="UTC"),
        PublishCatalogue(event_id=EVENT, missions=(mission,)),
        *(
            SaveProfile(event_id=EVENT, member_id=one, profile=Profile(one.title()))
            for one in ("ada", "ben")
        ),
    )


async def recorded(database: str, *commands: Command, follows: bool) -> int:
    """The position as of which all that follows is there, where it is sent at once."""
    position = 0
    async with storing(database) as history:
        for command in commands:
            outcome = await history.execute(command, by=Author("ada", EVENT))
            events: Sequence[Recorded] = outcome.recorded
            position = await follow(history, REACTIONS, events) if follows else outcome.position
    return position


async def react(database: str) -> None:
    async with storing(database) as history:
        for reaction in REACTIONS:
            reactor = Reactor(reaction, history)
            try:
                await reactor.start(database)
                await settle(reactor)
            finally:
                await reactor.stop()


def told(action: Action) -> RecordTelemetry:
    return RecordTelemetry(
        event_id=EVENT,
        member_id="ada",
        target_member_id="ben",
        action=action,
        ts=NINE + timedelta(seconds=1),
    )


def causes(database: str) -> list[str]:
    return [cause for (cause,) in ask(database, CAUSES)]


@pytest.mark.parametrize(("act", "action"), ACTS)
@pytest.mark.parametrize("follows", [True, False])
def test_act_completes_the_mission_at_once_or_else_by_the_reactor(
    database: str, follows: bool, act: Command, action: Action
) -> None:
    async def story() -> int:
        position = await recorded(database, *opening(), act, follows=follows)
        assert causes(database) == [action] * follows
        await react(database)
        return position

    position = asyncio.run(story())
    assert causes(database) == [action]
    assert follows is (end_of(database) == position)


@pytest.mark.parametrize(("act", "action"), ACTS)
@pytest.mark.parametrize("is_told_first", [True, False])
def test_act_and_telemetry_of_it_complete_the_mission_once(
    database: str, is_told_first: bool, act: Command, action: Action
) -> None:
    async def story() -> None:
        both = (told(action), act) if is_told_first else (act, told(action))
        await recorded(database, *opening(), *both, follows=True)
        await react(database)

    asyncio.run(story())
    assert causes(database) == [action]


def test_mission_that_was_left_since_is_not_completed_by_the_message_of_before(
    database: str,
) -> None:
    async def story() -> None:
        await recorded(database, *opening(), SEND, RESET, follows=True)
        end = end_of(database)
        await react(database)
        await recorded(database, SEND, follows=True)
        assert end_of(database) == end

    asyncio.run(story())
    assert causes(database) == ["message_sent"]


def test_message_to_who_has_blocked_its_author_since_completes_nothing(database: str) -> None:
    async def story() -> None:
        await recorded(database, *opening(), SEND, BLOCK, follows=False)
        await react(database)

    asyncio.run(story())
    assert causes(database) == []
    assert ask(database, "SELECT reader FROM views.parked") == []


def test_reaction_that_is_set_aside_goes_on_from_there(database: str) -> None:
    async def story() -> None:
        await recorded(database, *opening(), follows=False)
        await react(database)
        before = positions()
        ask(database, "UPDATE views.positions SET beat_at = now() - interval '1 minute'")
        assert set_aside(database, list(before)) == list(before)
        assert positions() == {}
        await recorded(database, SEND, follows=False)
        await react(database)
        assert positions().keys() == before.keys()

    def positions() -> dict[str, int]:
        return dict(ask(database, "SELECT name, position FROM views.positions"))

    asyncio.run(story())
    assert causes(database) == ["message_sent"]
