"""What NATS or Postgres lose and nobody tells of. What they tell of is in test_live.py."""

import asyncio

import pytest

from api import live as module
from tests.api.hearing import recorded, serving, working
from tests.boards import Record, end_of, opening, project, recording
from tests.waiting import eventually
from workers import bus

FOREIGN = (None, {}, {bus.POSITION: "not one of ours"}, {bus.POSITION: "-1"}, {bus.POSITION: "²"})
OURS = {bus.POSITION: "1000"}


async def tell(nats: str, *messages: tuple[dict[str, str] | None, bytes]) -> None:
    client = await bus.connect(nats, "test")
    try:
        for headers, body in messages:
            await client.publish("events.x", body, headers=headers)
        await client.flush()
    finally:
        await client.close()


def test_foreign_messages_are_ignored(
    database: str, nats: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> int:
        await project(database)
        async with serving(database, nats) as process:
            await eventually(lambda: process.watch.positions["live_feed"] == end_of(database))
            await tell(nats, *((headers, b"?") for headers in FOREIGN), (OURS, b'{"event":null}'))
            await eventually(lambda: process.live.counts["messages"])
            return process.live.counts["messages"]

    with recording(database) as record:
        record(*opening())
    assert (asyncio.run(story()), caplog.messages) == (1, [])


def test_loss_of_the_last_message_is_noticed_without_another(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.1)

    async def story(record: Record) -> None:
        async with serving(database, nats) as process:
            told = await process.read()
            async with working(database, nats):
                of_ada = await recorded(record, 4)
                await eventually(lambda: process.live.counts["messages"] and told == of_ada)
            gaps = process.live.counts["gaps"]
            of_ada += await recorded(record, 4)
            await project(database)  # and no relay tells of it
            await eventually(lambda: told == of_ada)
            assert process.live.counts["gaps"] > gaps

    with recording(database) as record:
        record(*opening())
        asyncio.run(story(record))
