"""Leader election: of processes that follow the log one leads, the others stand by. The leader
works in steps.

A notification is a hint; the leader looks once a second anyhow. The lead is an advisory lock, no
lease: it lives as long as its connection does, and the server ends that when it hears nothing for
a while. So a process that stands still, or whose machine is gone, loses the lead like one that was
killed. Leases are of pieces of work: workers/work/leases.py.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, runtime_checkable

import psycopg
from psycopg import AsyncConnection, sql

from domain.store.recorder import KEPT_ALIVE
from projections.engine import event_log
from projections.engine.event_log import SQL, Connection
from sql import VIEWS

log = logging.getLogger(__name__)

AWAY = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError)
POLL_SECONDS = 1.0  # seconds between looks when nobody notifies
REST = 0.01  # seconds between steps, at most; else as long as the last one took
STANDBY = (
    0.25  # seconds between attempts to take the lead: in a deploy feeds are silent for as long
)
PAUSE = 0.2  # seconds before the next attempt after a lost connection; doubles up to
LONGEST_PAUSE = 2.0
DEPOSES = 10.0  # seconds between attempts to depose an older program, at least
SOON = 1.0  # seconds in which the lead of who was deposed is looked for, each
LOOK = 0.02  # seconds


class StepDownError(Exception):
    """Now and then this has to be: the follower gives up the lead, and tries again"""


class LeadLostError(StepDownError):
    """Another has moved the position, or what is parked at it"""


class Elected(Protocol):
    name: str
    channel: str
    rest: float  # seconds until the next step, at least, after one that did something

    async def start(self, database_url: str) -> None:
        """Called on taking the lead. What it opens before it fails is left to `stop`."""

    async def step(self) -> bool:
        """Does what there is to do, in a piece that takes milliseconds. False: nothing to do."""

    async def stop(self) -> None:
        """Called on losing the lead, however it was lost."""


@runtime_checkable
class Successor(Protocol):
    """Takes the lead from an older program, which knows fewer events, where that is needed."""

    async def is_wanted(self, connection: Connection) -> Sequence[str]:
        """The names in views.positions that it keeps, if it is needed there; or none."""


async def run_elected(follower: Elected, database_url: str) -> None:
    """Leads or stands by until it is cancelled."""
    await run_again(follower.name, lambda: _lead(follower, database_url))


async def run_again(name: str, once: Callable[[], Awaitable[None]]) -> None:
    """Until it is cancelled: once more after a pause, however it ended. The failure of one is no
    end of those beside it."""
    pause = PAUSE
    while True:
        started = time.monotonic()
        try:
            await once()
        except Exception as e:
            expected = isinstance(e, (*AWAY, OSError, StepDownError))
            kind = logging.WARNING if expected else logging.ERROR
            log.log(kind, "%s stopped: %s", name, e, exc_info=not expected)
        if not not_cancelled():
            return
        pause = PAUSE if time.monotonic() - started > 10 else min(pause * 2, LONGEST_PAUSE)
        await asyncio.sleep(pause)


def not_cancelled() -> bool:
    """Whether nobody has cancelled this task. Python 3.11 forgets that where it comes together with
    what `wait_for` waits for (https://github.com/python/cpython/issues/86296), and psycopg waits
    for notifications so."""
    task = asyncio.current_task()
    return task is None or not task.cancelling()


async def _lead(follower: Elected, database_url: str) -> None:
    async with await connect(database_url, f"{follower.name}{_program(follower)}") as lead:
        await lead.execute(SQL["end_silent_session"])
        await lead.execute(sql.SQL("LISTEN {}").format(sql.Identifier(follower.channel)))
        await _stand_by(follower, lead)
        log.info("%s leads", follower.name)
        try:
            await follower.start(database_url)
            await _work(follower, lead)
        finally:
            await follower.stop()


def _program(follower: Elected) -> str:
    """How many events it knows, where that matters: a newer one knows more. Part of its name."""
    return f" {len(event_log.mapper.topics)}" if isinstance(follower, Successor) else ""


async def _stand_by(follower: Elected, lead: Connection) -> None:
    """Until it leads. Nobody tells that the lead is free."""
    deposed = -DEPOSES
    while not await _is_leader(lead, follower.name):
        due = time.monotonic() - deposed >= DEPOSES
        if due and isinstance(follower, Successor) and (names := await follower.is_wanted(lead)):
            about = {"name": follower.name, "names": list(names)}
            if (await lead.execute(SQL["depose"], about)).rowcount:
                deposed = time.monotonic()
                log.warning("%s: an older program led", follower.name)
                if await _is_soon_leader(lead, follower.name):
                    return
        await asyncio.sleep(STANDBY)


async def _is_soon_leader(lead: Connection, name: str) -> bool:
    """Before the one that was deposed comes back."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        if await _is_leader(lead, name):
            return True
        await asyncio.sleep(LOOK)
    return False


async def _work(follower: Elected, lead: Connection) -> None:
    kept = time.monotonic()
    while not_cancelled():
        started = time.monotonic()
        if await follower.step():
            # A small page costs nearly what a large one does: a rest makes fewer of a busy log.
            took = time.monotonic() - started
            await asyncio.sleep(max(min(took, REST), follower.rest))
        else:
            async for _ in lead.notifies(timeout=POLL_SECONDS, stop_after=1):
                pass
        if time.monotonic() - kept >= POLL_SECONDS:
            await lead.execute(SQL["keep"])  # a busy leader hears here that it leads no more
            kept = time.monotonic()


async def _is_leader(lead: Connection, name: str) -> bool:
    cursor = await lead.execute(SQL["is_leader"], {"name": name})
    ((leads,),) = await cursor.fetchall()
    return bool(leads)


async def connect(database_url: str, name: str, schema: str = VIEWS) -> Connection:
    """`schema`: what positions and parked streams of read models are looked up in."""
    connection = await AsyncConnection.connect(
        database_url,
        autocommit=True,
        application_name=f"rapport {name}",
        connect_timeout=5,
        **KEPT_ALIVE,
    )
    try:
        await connection.execute(SQL["in_schema"], {"schema": schema})
    except BaseException:
        await connection.close()
        raise
    return connection
