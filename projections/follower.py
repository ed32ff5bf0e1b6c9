"""Whoever follows the log: one leads, the others stand by, and who leads works in steps.

A notification is a hint; the follower looks once a second anyhow.
"""

import asyncio
import logging
import time
from typing import Protocol

import psycopg
from psycopg import AsyncConnection, sql

from projections.log import SQL, Connection

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds between looks when nobody notifies
STANDBY = 1.0  # seconds between attempts to take the lead
PAUSE = 0.2  # seconds before the next attempt after a lost connection; doubles up to
LONGEST_PAUSE = 5.0


class Follower(Protocol):
    name: str
    channel: str

    async def start(self, database_url: str) -> None:
        """Called on taking the lead."""

    async def step(self) -> bool:
        """Does what there is to do, in a piece that takes milliseconds. False: nothing to do."""

    async def stop(self) -> None:
        """Called on losing the lead, however it was lost."""


async def follow(follower: Follower, database_url: str) -> None:
    """Leads or stands by until it is cancelled."""
    pause = PAUSE
    while True:
        started = time.monotonic()
        try:
            await _lead(follower, database_url)
        except Exception as e:
            kind = logging.WARNING if isinstance(e, psycopg.Error | OSError) else logging.ERROR
            log.log(kind, "%s stopped: %s", follower.name, e, exc_info=kind == logging.ERROR)
        pause = PAUSE if time.monotonic() - started > 10 else min(pause * 2, LONGEST_PAUSE)
        await asyncio.sleep(pause)


async def _lead(follower: Follower, database_url: str) -> None:
    async with await connect(database_url, follower.name) as lead:
        await lead.execute(sql.SQL("LISTEN {}").format(sql.Identifier(follower.channel)))
        while not await _is_leader(lead, follower.name):
            await asyncio.sleep(STANDBY)  # nobody tells when a leader is gone
        log.info("%s leads", follower.name)
        try:
            await follower.start(database_url)
            while True:
                while await follower.step():
                    pass
                async for _ in lead.notifies(timeout=LOOK, stop_after=1):
                    pass
        finally:
            await follower.stop()


async def _is_leader(lead: Connection, name: str) -> bool:
    cursor = await lead.execute(SQL["is_leader"], {"name": name})
    ((leads,),) = await cursor.fetchall()
    return bool(leads)


async def connect(database_url: str, name: str) -> Connection:
    return await AsyncConnection.connect(
        database_url,
        autocommit=True,
        application_name=f"rapport {name}",
        connect_timeout=5,
        options="-c TimeZone=UTC",  # an offset of long ago would have seconds
    )
