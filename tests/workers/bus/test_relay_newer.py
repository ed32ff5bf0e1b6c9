"""A relay and events that a newer version has recorded: how it tells of them, and how it goes on
after a relay that did not know them."""

import asyncio

from projections.engine import event_log
from tests.boards import project
from tests.projections.engine.test_newer_events import older
from tests.store import ask
from tests.workers.bus.test_relay import ALL, Message, filled, jetstream, streamed, tell
from workers.bus import messages as bus


def told(database: str, nats: str) -> list[Message]:
    asyncio.run(tell(database, nats))
    return asyncio.run(streamed(nats))


def identity(message: Message) -> dict[str, str]:
    return {name: value for name, value in message.headers.items() if name.startswith("ce-")}


def test_relay_that_does_not_know_an_event_tells_it_as_one_that_does(
    database: str, nats: str
) -> None:
    """Others hear its facts; what a feed will say of it is for Postgres to say."""
    filled(database, 3)
    with older():
        of_older = told(database, nats)
    asyncio.run(emptied(nats))
    of_newer = told(database, nats)
    assert [m.subject for m in of_older] == [m.subject for m in of_newer]
    assert [identity(m) for m in of_older] == [identity(m) for m in of_newer]
    event = b'"feed":'
    assert [m.body.partition(event)[0] for m in of_older] == [
        m.body.partition(event)[0] for m in of_newer
    ]


async def emptied(nats: str) -> None:
    async with jetstream(nats) as js:
        await js.delete_stream(bus.STREAM.name)


def test_stream_of_a_relay_that_did_not_know_its_last_event_is_gone_on_with(
    database: str, nats: str
) -> None:
    """The version before told it as one that nobody can read. It is not made again."""
    filled(database, 2)
    asyncio.run(unreadable_last(database, nats))
    before = asyncio.run(streamed(nats))
    more = filled(database, 1, "evt_2")
    after = told(database, nats)
    assert after[: len(before)] == before
    assert [m.position for m in after[len(before) :]] == more


async def unreadable_last(database: str, nats: str) -> None:
    """Writes the stream as a relay of before did, which could read none of it."""
    positions = [position for (position,) in ask(database, ALL)]
    async with jetstream(nats) as js:
        await js.add_stream(bus.STREAM)
        previous = ""
        for position in positions:
            message = bus.unreadable(position)
            headers = bus.headers(message, None)
            headers |= {bus.PREVIOUS: previous} if previous else {}
            await js.publish(bus.subject(message), b'{"event":{},"feed":[]}', headers=headers)
            previous = str(position)


def test_stream_that_ends_with_what_was_unreadable_in_another_past_is_made_again(
    database: str, nats: str
) -> None:
    """The event of that position was recorded long after the message."""
    filled(database, 2)
    asyncio.run(unreadable_last(database, nats))
    later = """UPDATE events.log SET state = convert_to(regexp_replace(
        convert_from(state, 'UTF8'), '"at":"20', '"at":"30'), 'UTF8')"""
    ask(database, "ALTER TABLE events.log DISABLE TRIGGER USER")
    ask(database, later)
    asyncio.run(project(database))
    types = {m.headers["ce-type"] for m in told(database, nats)}
    assert "Unreadable" not in types
    assert types <= set(event_log.mapper.topics)
