"""What NATS or Postgres lose and nobody tells of. What they tell of is in test_live.py."""

import asyncio

import pytest

from tests.api.hearing import serving
from tests.waiting import eventually
from workers import bus

FOREIGN = (None, {}, {bus.POSITION: "not one of ours"}, {bus.POSITION: "-1"}, {bus.POSITION: "²"})
OURS = {bus.POSITION: "1"}


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
    async def story() -> dict[str, int]:
        async with serving(database, nats) as process:
            await tell(nats, *((headers, b"?") for headers in FOREIGN), (OURS, b'{"event":null}'))
            await eventually(lambda: process.live.counts["messages"])
            return process.live.counts

    counts = asyncio.run(story())
    assert (counts, caplog.messages) == ({"messages": 1, "gaps": 0, "dropped": 0}, [])
