"""JetStream is a buffer: what it loses under load, no reader misses and no worker does twice."""

import asyncio

from tests.api.live.hearing import serving
from tests.boards import Record, clicks, opening, recording
from tests.restarting import Restarting
from tests.workers.bus.test_consumer import clicked, done, echoed, parked, soon, working

WIPED = 2  # times


async def load(record: Record, done: asyncio.Event) -> None:
    while not done.is_set():
        await asyncio.to_thread(record, *clicks(2))


def test_jetstream_that_is_wiped_under_load_is_missed_neither_by_readers_nor_by_workers(
    database: str, restarting: Restarting
) -> None:
    async def story() -> list[int]:
        nats, enough = restarting.start(), asyncio.Event()
        async with working(database, nats.url), serving(database, nats.url) as process:
            told = await process.read()
            loading = asyncio.create_task(load(record, enough))
            for _ in range(WIPED):
                heard, did = len(told) + 4, len(await asyncio.to_thread(echoed, database)) + 4
                await soon(lambda heard=heard: len(told) > heard, 30)
                await soon(lambda did=did: len(echoed(database)) > did, 30)
                await asyncio.to_thread(restarting.kill, wipe=True)
                await asyncio.to_thread(restarting.start)
            enough.set()
            await loading
            await soon(lambda: done(database), 60)
            await soon(lambda: len(told) >= len(clicked(database)))
            return told

    with recording(database) as record:
        record(*opening())
        told = asyncio.run(story())
    assert told == clicked(database) == echoed(database)
    assert parked(database) == []
