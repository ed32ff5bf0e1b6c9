"""JetStream is a buffer: what it loses under load, no reader misses and no reaction does twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from projections.engine.election import run_elected
from tests.api.live.hearing import serving, working
from tests.boards import Record, clicks, opening, recording
from tests.restarting import Restarting
from tests.waiting import PATIENCE, eventually
from tests.workers.work.echo import NAME, clicked, echo, echoed, parked, storing
from workers.work.reaction import Reaction
from workers.work.reactor import Reactor

WIPED = 2  # times


@asynccontextmanager
async def reacting(database: str) -> AsyncIterator[None]:
    async with storing(database) as history:
        reactor = Reactor(Reaction(NAME, echo), history)
        task = asyncio.create_task(run_elected(reactor, database))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def soon(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits for what is asked of the database, in a thread, so that the others here go on."""
    await eventually(lambda: asyncio.to_thread(condition), seconds)


async def load(record: Record, done: asyncio.Event) -> None:
    while not done.is_set():
        await asyncio.to_thread(record, *clicks(2))


def test_jetstream_that_is_wiped_under_load_is_missed_neither_by_readers_nor_by_reactions(
    database: str, restarting: Restarting
) -> None:
    async def story() -> list[int]:
        nats, enough = restarting.start(), asyncio.Event()
        async with (
            working(database, nats.url),
            reacting(database),
            serving(database, nats.url) as process,
        ):
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
            await soon(lambda: len(echoed(database)) >= len(clicked(database)), 60)
            await soon(lambda: len(told) >= len(clicked(database)))
            return told

    with recording(database) as record:
        record(*opening())
        told = asyncio.run(story())
    assert told == clicked(database) == echoed(database)
    assert parked(database) == []
