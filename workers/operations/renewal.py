"""Rebuilds read models whose tables are of an older version than the code; and those that a
migration says are to be built anew once, under the version that they have (`views.outdated`). The
old tables are read until the new ones take their place. Of many processes one rebuilds, the others
try again later.

A process of its own rebuilds each of them: projectors and relay share neither event loop nor memory
with it, and where it is killed it takes nothing with it.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from signal import SIGTERM, Signals

import psycopg

from projections.engine.election import connect, not_cancelled
from projections.engine.shadow import SQL, locked
from projections.read_model import ReadModel
from workers.operations.renewing import outdated
from workers.servers.processes import Process, spawn
from workers.servers.supervisor import ROOT

log = logging.getLogger(__name__)

POLL_SECONDS, LONGEST = 5.0, 300.0
LOOK = 1.0  # seconds that a thread waits for the end of a process, before it may be told to end
PATIENCE = 3.0  # seconds in which one that is told to end drops its tables

Rebuild = Callable[[str, ReadModel], Awaitable[bool]]


async def renew(
    database_url: str, models: Sequence[ReadModel], rebuilt: Rebuild | None = None
) -> None:
    """Polls until it is cancelled. The interval grows up to LONGEST while something cannot be
    rebuilt. `rebuilt` says whether it has been; `rebuilt_apart` is how."""
    rebuilt = rebuilt or rebuilt_apart
    pause = POLL_SECONDS
    while not_cancelled():
        try:
            done = [
                await rebuilt(database_url, model)
                for find in (older, outdated)
                for model in await find(database_url, models)
            ]
            pause = POLL_SECONDS if all(done) else min(2 * pause, LONGEST)
        except (psycopg.Error, OSError) as e:
            log.warning("cannot look for read models that are of an older version: %s", e)
        await asyncio.sleep(pause)


async def older(database_url: str, models: Sequence[ReadModel]) -> list[ReadModel]:
    versions = {"names": [m.name for m in models], "versions": [m.version for m in models]}
    async with await connect(database_url, "renewal") as connection:
        rows = await (await connection.execute(SQL["older"], versions)).fetchall()
    names = {name for (name,) in rows}
    return [model for model in models if model.name in names]


async def rebuilt_apart(database_url: str, model: ReadModel) -> bool:
    """In a process of its own, which ends with us, and says itself why it could not."""
    async with locked(database_url, model.name) as connection:
        if connection is None:
            return False  # no process is started only to find that out
    process = _started(database_url, model.name)
    try:
        while not await asyncio.to_thread(process.wait, LOOK):
            pass
    finally:
        await asyncio.shield(asyncio.to_thread(process.stop, PATIENCE))
    code = process.exit_code or 0
    if code < 0:
        log.error(
            "%s stays as it is, for the process that rebuilt it was killed (%s): does it want "
            "for memory? It will be tried again.",
            model.name,
            Signals(-code).name,
        )
    return code == 0


def _started(database_url: str, name: str) -> Process:
    command = [sys.executable, "-m", "workers.operations.renewing", name]
    environment = {**os.environ, "DATABASE_URL": database_url}
    return spawn(command, [SIGTERM], environment=environment, directory=ROOT)
