"""Deletes what is of no use any more: old idempotency keys, leases that say nothing any more,
messages of live feeds that are too old to be resumed, and what a killed rebuild has left. And wraps
keys of persons that an earlier version stored plain, and says how early each stretch of the log is
stamped, once there is one more; and has leaderboards counted again that a rebuild has made anew."""

import logging
import time
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from typing import Any

from psycopg.errors import LockNotAvailable

from projections.engine import stamps
from projections.engine.election import connect
from projections.engine.feed import Feed, statement
from projections.engine.shadow import tidy
from projections.read_models import FEEDS
from sql import statements
from workers.operations import keys

log = logging.getLogger(__name__)

SQL = statements("history")
EXPIRED = statements("feeds")["expired_to"]
WORK = statements("work")
MISSIONS = statements("missions")
FORGET = SQL["forget_refusals"], WORK["forget_leases"], MISSIONS["forget_counts"]  # a piece of each
INTERVAL = 3600.0  # seconds
BATCH = 5_000  # rows
OLDEST: dict[str, Any] = {
    "recorded_at": datetime.min.replace(tzinfo=UTC),
    "principal": "",
    "key": "",
}
STRETCHES = 20  # of the log that are sampled in one step


class Upkeep:
    """Elected like a reader of the log, though it reads nothing: one at a time is enough."""

    name, channel = "upkeep", "upkeep"
    rest = 0.0

    def __init__(self) -> None:
        self._due = 0.0
        self._after, self._kept = OLDEST, 0  # of keys: the last that was looked at, and those kept
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        self._open.push_async_callback(self._connection.close)

    async def stop(self) -> None:
        await self._open.aclose()

    async def step(self) -> bool:
        if await stamps.add(self._connection, STRETCHES) == STRETCHES:
            return True
        with suppress(LockNotAvailable):  # the next step tries again
            await self._connection.execute(MISSIONS["count_anew"])
        if time.monotonic() < self._due:
            return False
        if await self._forget_keys():
            return True
        for statement_ in FORGET:
            forgotten = await self._connection.execute(statement_, {"most": BATCH})
            if forgotten.rowcount == BATCH:
                return True
        if any([await self._expire(feed) for feed in FEEDS]):
            return True
        if await keys.wrap_piece(self._connection):
            return True
        if await keys.plain(self._connection):
            log.warning(
                "Keys of persons are stored plain: who has the database can read all. Once no "
                "process of the version before runs: `.venv/bin/python -m workers keys wrap`."
            )
        for name in await tidy(self._connection):
            log.info("dropped what a rebuild of %s had left", name)
        self._due = time.monotonic() + INTERVAL
        return False

    async def _forget_keys(self) -> bool:
        """Looks at some more of the old keys; whether there may be more. The next time it begins
        again with the oldest."""
        found = await self._fetch(SQL["forget_keys"], self._after | {"most": BATCH})
        for recorded_at, principal, key, looked_at, kept in found:
            self._after = {"recorded_at": recorded_at, "principal": principal, "key": key}
            self._kept += kept
            if looked_at == BATCH:
                return True
        if self._kept:
            log.warning(
                "%s idempotency keys of more than two days ago are kept: their reactions are "
                "behind, or have parked streams (`.venv/bin/python -m workers lag` says which)",
                self._kept,
            )
        self._after, self._kept = OLDEST, 0
        return False

    async def _expire(self, feed: Feed) -> bool:
        """Deletes a piece of what is older than its retention; whether there may be more. The
        position up to which it does so is committed with it, so a rebuild never sees one without
        the other."""
        before = datetime.now(UTC) - feed.retention
        async with self._connection.transaction():
            aged = {"most": BATCH, "before": before}
            ((until,),) = await self._fetch(statement("aged", feed), aged)
            if until is None:
                return False
            await self._connection.execute(EXPIRED, {"reader": feed.name, "position": until})
            piece = {"most": BATCH, "position": until}
            gone = await self._connection.execute(statement("expire", feed), piece)
        return gone.rowcount == BATCH

    async def _fetch(self, worded: str | bytes, parameters: dict[str, Any]) -> list[Any]:
        return await (await self._connection.execute(worded, parameters)).fetchall()
