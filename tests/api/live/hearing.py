"""The live feed of an API process without HTTP, and what it needs to hear anything."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from psycopg_pool import AsyncConnectionPool

from api.live.feed import Live
from api.live.ids import parsed
from api.live.reader import Reader
from api.live.watch import Watch
from projections.engine.election import Elected, run_elected
from tests.boards import EVENT, Record, clicks, end_of
from tests.waiting import eventually
from workers.background import background
from workers.bus.relay import Relay
from workers.run import projectors

ADA = (EVENT, "ada")
LATER = 2.0**60


class Process:
    """The live feed of one API process, with readers that keep the positions they got."""

    def __init__(self, database: str, nats: str) -> None:
        self.pool: Any = AsyncConnectionPool(
            database,
            min_size=1,
            max_size=3,
            open=False,
            check=AsyncConnectionPool.check_connection,
            kwargs={"autocommit": True},
        )
        self.watch = Watch(database)
        self.live = Live(self.pool, nats, self.watch)
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.pool.open()
        self.tasks += [asyncio.create_task(w) for w in (self.watch.run(), self.live.run())]
        await eventually(lambda: self.live.hears)

    async def stop(self) -> None:
        self.live.end()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.pool.close()

    async def read(
        self,
        after: int | str | None = 0,
        audience: tuple[str, str] = ADA,
        ids: list[str] | None = None,
    ) -> list[int]:
        """The positions as they come, in a list that grows; and `ids` likewise."""
        last = None if after is None else parsed(str(after))
        reader = await self.live.join(audience, last, LATER, None)
        told: list[int] = []
        self.tasks.append(asyncio.create_task(self._listen(reader, told, ids)))
        return told

    async def _listen(self, reader: Reader, told: list[int], ids: list[str] | None = None) -> None:
        """Serves a reader as `api.stream` does."""
        while not reader.dropped:
            if reader.missed:
                piece = await self.live.missed(reader)
            else:
                await reader.wait()
                piece = reader.take()
            told += positions(piece)
            if ids is not None:
                ids += ids_of(piece)
        self.live.leave(reader)


def ids_of(piece: bytes) -> list[str]:
    return [found.decode() for found in re.findall(rb"^id: (.+)$", piece, re.MULTILINE)]


def positions(piece: bytes) -> list[int]:
    return [int(re.split("[-.]", id_)[-1]) for id_ in ids_of(piece)]


@asynccontextmanager
async def serving(database: str, nats: str) -> AsyncIterator[Process]:
    process = Process(database, nats)
    try:
        await process.start()
        yield process
    finally:
        await process.stop()


def running(database: str, *elected: Elected) -> AbstractAsyncContextManager[Any]:
    """Each leads, or stands by."""
    return background(*(run_elected(one, database) for one in elected))


@asynccontextmanager
async def working(database: str, nats: str) -> AsyncIterator[Relay]:
    """The projectors and a relay."""
    relay = Relay(nats)
    async with running(database, *projectors(), relay):
        await eventually(lambda: relay.position == end_of(database), 15)
        yield relay


async def recorded(record: Record, number: int, member: str = "ada") -> list[int]:
    return await asyncio.to_thread(record, *clicks(number, member))
