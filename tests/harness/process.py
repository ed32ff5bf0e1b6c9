"""The product's processes, in this one: each can end and be started again at any moment."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import nats.errors
import psycopg
from psycopg_pool import AsyncConnectionPool

from api.live.feed import Live
from api.live.watch import Watch
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.writer import History
from projections.engine.event_log import Connection
from projections.engine.projector import LeadLostError, Projector
from projections.read_models import READ_MODELS
from tests.harness.plants import Plant, small_pages
from workers.bus.relay import Relay
from workers.proof.wire import Wire


class Api:
    """`wire` is a proxy between its writer and Postgres. The clock of its host may be late."""

    def __init__(
        self, database_url: str, nats_url: str, plant: Plant, late: timedelta = timedelta()
    ) -> None:
        self._late = late
        self.wire = Wire(database_url)
        self._database_url, self._nats_url = database_url, nats_url
        self._plant = plant

    async def start(self) -> None:
        url = await self.wire.open()
        self.history = await asyncio.to_thread(self._open_history, url)
        self.watch = Watch(self._database_url)
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self._database_url, min_size=1, max_size=4, open=False, kwargs={"autocommit": True}
        )
        await self._pool.open()
        self.live = Live(self._pool, self._nats_url, self.watch)
        self._tasks = [asyncio.create_task(work) for work in (self.watch.run(), self.live.run())]

    def _open_history(self, url: str) -> History:
        recorder = self._plant.open_recorder(url)
        return History(recorder, AGGREGATES, RENAMED, lambda: datetime.now(UTC) - self._late)

    async def stop(self) -> None:
        self.wire.release()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self.history.close)
        await self._pool.close()
        await self.wire.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()


class Worker(ABC):
    """A projector or a relay that acts without being elected, like a leader that was cut off and
    has not noticed yet that another leads. It restarts when it loses the lead or its connection."""

    def __init__(self, database_url: str, nats_url: str, plant: Plant) -> None:
        self._database_url, self._nats_url, self._plant = database_url, nats_url, plant

    @abstractmethod
    def _make(self) -> Projector | Relay:
        """A new process that has not started."""

    async def start(self) -> None:
        self.works = self._make()
        await self.works.start(self._database_url)

    async def stop(self) -> None:
        await self.works.stop()

    async def restart(self) -> None:
        with suppress(psycopg.Error, nats.errors.Error):
            await self.stop()
        await self.start()

    async def step(self) -> bool:
        try:
            return await self.works.step()
        except (LeadLostError, psycopg.OperationalError, nats.errors.Error):
            await self.restart()
            return True


class ProjectorProcess(Worker):
    def _make(self) -> Projector:
        return Projector(READ_MODELS, pages=small_pages(self._plant))


class RelayProcess(Worker):
    def _make(self) -> Relay:
        return Relay(self._nats_url, patience=0.15)
