"""Deletes what is of no use any more: old idempotency keys, and what a killed rebuild has left."""

import logging
import time
from contextlib import AsyncExitStack

from projections.engine.election import connect
from projections.engine.shadow import tidy
from sql import statements

log = logging.getLogger(__name__)

SQL = statements("history")
INTERVAL = 3600.0  # seconds
BATCH = 5_000  # rows


class Upkeep:
    """Elected like a reader of the log, though it reads nothing: one at a time is enough."""

    name, channel = "upkeep", "upkeep"

    def __init__(self) -> None:
        self._due = 0.0
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        self._open.push_async_callback(self._connection.close)

    async def stop(self) -> None:
        await self._open.aclose()

    async def step(self) -> bool:
        if time.monotonic() < self._due:
            return False
        forgotten = await self._connection.execute(SQL["forget_keys"], {"most": BATCH})
        if forgotten.rowcount == BATCH:
            return True
        for name in await tidy(self._connection):
            log.info("dropped what a rebuild of %s had left", name)
        self._due = time.monotonic() + INTERVAL
        return False
