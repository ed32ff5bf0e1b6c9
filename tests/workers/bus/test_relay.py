import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from msgspec import Struct
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from domain.catalogues import Mission, PublishCatalogue
from projections.engine.election import StepDownError, run_elected
from tests.boards import EVENT, clicks, opening, project, recording
from tests.restarting import Restarting
from tests.store import AUTHOR, ask
from tests.waiting import eventually
from workers.bus import messages as bus
from workers.bus import relay as module
from workers.bus.relay import Relay

NAME = str(bus.STREAM.name)
ALL = "SELECT notification_id FROM events.log ORDER BY 1"


class Message(Struct, frozen=True):
    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def position(self) -> int:
        return bus.position(self.headers)


@asynccontextmanager
async def jetstream(nats: str) -> AsyncIterator[JetStreamContext]:
    client = await bus.connect(nats, "test")
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def streamed(nats: str) -> list[Message]:
    """The messages of the stream, in order."""
    found = []
    async with jetstream(nats) as js:
        state = (await js.stream_info(NAME)).state
        for sequence in range(max(1, state.first_seq), state.last_seq + 1):
            with suppress(NotFoundError):
                raw = await js.get_msg(NAME, sequence)
                found.append(Message(raw.subject or "", raw.headers or {}, raw.data or b""))
    return found


async def told(nats: str) -> list[int]:
    return [message.position for message in await streamed(nats)]


@asynccontextmanager
async def leading(database: str, nats: str) -> AsyncIterator[Relay]:
    relay = Relay(nats)
    try:
        await relay.start(database)
        yield relay
    finally:
        await relay.stop()


async def tell(database: str, nats: str) -> None:
    """All there is to tell."""
    async with leading(database, nats) as relay:
        while await relay.step():
            pass


@asynccontextmanager
async def relaying(database: str, nats: str) -> AsyncIterator[Relay]:
    relay = Relay(nats)
    task = asyncio.create_task(run_elected(relay, database))
    try:
        yield relay
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def whole(nats: str, positions: list[int]) -> bool:
    with suppress(NotFoundError):
        return await told(nats) == positions
    return False


async def mended(database: str, nats: str, positions: list[int]) -> None:
    """JetStream takes what it knew a moment ago for a double: that can need a second look."""
    async with relaying(database, nats):
        await eventually(lambda: whole(nats, positions))


def filled(database: str, changes: int, event: str = EVENT) -> list[int]:
    """Positions of what was recorded and projected."""
    with recording(database) as record:
        positions = record(*opening(event), *clicks(changes, event_id=event))
    asyncio.run(project(database))
    return positions


def stuck(database: str) -> str | None:
    ((problem,),) = ask(database, "SELECT problem FROM views.positions WHERE name = 'relay'")
    return str(problem) if problem else None


def publish(database: str, *missions: Mission) -> None:
    with recording(database) as record:
        record(PublishCatalogue(event_id=EVENT, missions=missions))
    asyncio.run(project(database))


# What is told
def test_stream_is_a_chain_of_all_events_in_order(database: str, nats: str) -> None:
    positions = filled(database, 20)
    asyncio.run(tell(database, nats))
    messages = asyncio.run(streamed(nats))
    assert [message.position for message in messages] == positions
    assert [message.headers.get(bus.PREVIOUS) for message in messages] == [
        None,
        *map(str, positions[:-1]),
    ]
    assert messages[0].headers["Nats-Expected-Last-Sequence"] == "0"


def test_message_is_a_cloud_event_within_the_trace_of_its_command(database: str, nats: str) -> None:
    *_, position = filled(database, 1, "evt.1")
    asyncio.run(tell(database, nats))
    *_, message = asyncio.run(streamed(nats))
    ((state,),) = ask(
        database, "SELECT state FROM events.log ORDER BY notification_id DESC LIMIT 1"
    )
    assert message.subject == "events.missions.evt%2E1.ada.MissionCompleted"
    assert message.body.startswith(b'{"event":{"mission_id":"goals","points":10,"cause":"member",')
    assert b'"type":"MISSION_UPDATED"' in message.body.replace(b" ", b"")
    assert message.headers.pop("ce-time").encode().removesuffix(b"+00:00") in state
    assert message.headers == {
        bus.POSITION: str(position),
        bus.PREVIOUS: str(position - 1),
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": str(position),
        "ce-source": "/missions/evt.1/ada",
        "ce-type": "MissionCompleted",
        "ce-actor": AUTHOR.actor,
        "ce-tenant": AUTHOR.tenant,
        "traceparent": AUTHOR.trace,
        "Nats-Expected-Stream": NAME,
    }


# More than one relay
def test_two_relays_at_once_neither_double_nor_lose_nor_reorder(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 7)

    async def work(relay: Relay) -> None:
        while relay.position < positions[-1]:
            await relay.step()

    async def story() -> None:
        async with leading(database, nats) as one, leading(database, nats) as two:
            await asyncio.gather(work(one), work(two))

    positions = filled(database, 300)
    asyncio.run(story())
    assert asyncio.run(told(nats)) == positions


def test_relay_that_dies_in_mid_page_is_gone_on_from(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each dies a little later in its page than the one before."""
    monkeypatch.setattr(module, "PAGE", 40)

    async def story() -> int:
        died = 0
        while True:
            async with leading(database, nats) as relay:
                step = asyncio.create_task(relay.step())
                for _ in range(died):
                    await asyncio.sleep(0)
                if not step.done():
                    died += 5
                    step.cancel()
                    await asyncio.gather(step, return_exceptions=True)
                elif relay.position == positions[-1]:  # a page may be refused before that
                    return died

    positions = filled(database, 400)
    assert asyncio.run(story()) > 10
    assert asyncio.run(told(nats)) == positions


# A NATS that is gone for a while, or for good
@pytest.mark.parametrize("wiped", [False, True], ids=["store kept", "store wiped"])
def test_nats_that_was_killed_gets_what_is_missing(
    database: str, restarting: Restarting, wiped: bool
) -> None:
    async def story() -> list[int]:
        nats = restarting.start()
        async with relaying(database, nats.url) as relay:
            await eventually(lambda: relay.position == before)
            restarting.kill(wiped)
            positions = await asyncio.to_thread(filled, database, 30, "evt_2")
            again = restarting.start()
            await eventually(lambda: relay.position == positions[-1], 15)
            return await told(again.url)

    before = filled(database, 30)[-1]
    assert asyncio.run(story()) == [row[0] for row in ask(database, ALL)]


CONNECTED = """
SELECT 1 FROM pg_stat_activity
WHERE application_name = 'rapport relay' AND datname = current_database()
"""


def test_relay_steps_down_where_nobody_answers(
    database: str, restarting: Restarting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "PATIENCE", 0.3)
    nats = restarting.start()
    restarting.kill()
    relay = Relay(nats.url)

    async def story() -> None:
        try:
            with pytest.raises(StepDownError, match="NATS does not answer"):
                await relay.start(database)
        finally:
            await relay.stop()

    asyncio.run(story())
    asyncio.run(eventually(lambda: not ask(database, CONNECTED)))


@pytest.mark.parametrize("lost", [1, 5])
def test_messages_lost_at_the_end_are_told_again(database: str, nats: str, lost: int) -> None:
    async def lose() -> None:
        async with jetstream(nats) as js:
            last = (await js.stream_info(NAME)).state.last_seq
            for sequence in range(last - lost + 1, last + 1):
                await js.delete_msg(NAME, sequence)

    positions = filled(database, 10)
    asyncio.run(tell(database, nats))
    asyncio.run(lose())
    assert asyncio.run(told(nats)) == positions[:-lost]
    asyncio.run(mended(database, nats, positions))


@pytest.mark.parametrize("how", ["purge_stream", "delete_stream"])
def test_stream_that_was_emptied_or_deleted_under_a_relay_is_made_again(
    database: str, nats: str, how: str
) -> None:
    async def story() -> None:
        async with relaying(database, nats) as relay:
            await eventually(lambda: relay.position == positions[-1])
            async with jetstream(nats) as js:
                await getattr(js, how)(NAME)
            await eventually(lambda: whole(nats, positions))

    positions = filled(database, 10)
    asyncio.run(story())


@pytest.mark.parametrize(
    "headers",
    [None, {bus.POSITION: "999999"}, {bus.POSITION: "3"}, {bus.POSITION: "not one of ours"}],
)
def test_stream_that_ends_with_what_is_not_in_the_log_is_made_again(
    database: str, nats: str, headers: dict[str, str] | None
) -> None:
    """From an older backup of Postgres, or by somebody else's hand."""

    async def intrude() -> None:
        async with jetstream(nats) as js:
            await eventually(lambda: published(js))

    async def published(js: JetStreamContext) -> bool:
        ack = await js.publish("events.missions.x.y.Z", b"{}", headers=headers)
        return not ack.duplicate

    positions = filled(database, 5)
    asyncio.run(tell(database, nats))
    asyncio.run(intrude())
    asyncio.run(mended(database, nats, positions))


def test_stream_of_another_past_is_made_again(new_database: Callable[[], str], nats: str) -> None:
    """Its last position is in this log too, and is another event here."""
    one, two = new_database(), new_database()
    positions = filled(one, 5)
    asyncio.run(tell(one, nats))
    assert filled(two, 7, "evt_2")[: len(positions)] == positions
    asyncio.run(tell(two, nats))
    assert {m.headers["ce-source"].split("/")[2] for m in asyncio.run(streamed(nats))} == {"evt_2"}


def test_event_that_nats_does_not_take_is_shown_as_the_problem_and_not_hurried(
    database: str, nats: str
) -> None:
    async def story() -> tuple[list[bool], str | None]:
        async with leading(database, nats) as relay:
            steps = [await relay.step() for _ in range(4)]
            return steps, stuck(database)

    async def take_less() -> None:
        async with jetstream(nats) as js:
            info = await js.stream_info(NAME)
            await js.update_stream(info.config.evolve(max_msg_size=1_000))

    before = filled(database, 3)
    asyncio.run(tell(database, nats))
    asyncio.run(take_less())
    publish(database, Mission("large", "Large", "x" * 4_000, 1, ""))
    steps, problem = asyncio.run(story())
    assert steps[-1] is False
    assert problem is not None
    assert problem.startswith("NATS does not take what follows: ")
    assert asyncio.run(told(nats)) == before


def test_event_that_no_message_has_room_for_is_told_without_its_facts(
    database: str, nats: str
) -> None:
    before = filled(database, 3)
    publish(database, Mission("large", "Large", "x" * 1_200_000, 1, ""))
    asyncio.run(tell(database, nats))
    messages = asyncio.run(streamed(nats))
    assert [message.position for message in messages] == [*before, before[-1] + 1]
    (large,) = (m for m in messages if b'"event":null' in m.body)
    assert large.headers["ce-type"] == "CataloguePublished"


def test_event_that_nobody_can_read_leaves_no_gap_and_holds_up_nothing(
    database: str, nats: str
) -> None:
    """Also where it is the last of the stream."""
    before = filled(database, 3)
    ask(database, "INSERT INTO events.log VALUES ('no stream > of ours', 1, 'Unknown', '{}')")
    asyncio.run(project(database))
    asyncio.run(tell(database, nats))
    after = filled(database, 2, "evt_2")
    asyncio.run(tell(database, nats))
    messages = asyncio.run(streamed(nats))
    assert [message.position for message in messages] == [*before, before[-1] + 1, *after]
    assert messages[len(before)].subject == "events.unreadable.-.-.Unreadable"
    assert messages[len(before)].body == b'{"event":{},"feed":[]}'
