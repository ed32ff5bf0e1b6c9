"""How long a command waits while the log is vacuumed and gets another index."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

import psycopg
from msgspec import Struct

from domain.capabilities import AGGREGATES, RENAMED
from domain.catalogues import PublishCatalogue
from domain.conferences import AnnounceConference
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from sql import statements
from tests.bench import past
from tests.bench.commands import COMMANDS, MISSIONS, Work
from tests.bench.figure import Figure
from tests.bench.ground import Ground, as_processes_do

EVENT = "evt_stall"
CALLERS = 16
UPKEEP = (
    "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) events.log",
    "CREATE INDEX CONCURRENTLY stall_idx ON events.log (topic, notification_id)",
    "DROP INDEX CONCURRENTLY events.stall_idx",
)


class Size(Struct, frozen=True):
    events: int = 500_000
    members: int = 2_000
    rounds: int = 5


QUICK = Size(events=2_000, members=100, rounds=1)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    url = ground.database()
    past.fill(url, size.members, len(MISSIONS), size.events)
    history = History(open_recorder(url, statements("history")), AGGREGATES, RENAMED)
    work, waits, quiet, took = Work(size.members), [], [], []
    try:
        asyncio.run(_prepare(history))
        for number in range(1, size.rounds + 1):
            with as_processes_do():
                started = time.monotonic()
                during = asyncio.run(_waits(history, work, lambda: _upkeep(url)))
                took.append(time.monotonic() - started)
                without = asyncio.run(_waits(history, work, lambda: time.sleep(took[-1])))
            waits.append(max(during) * 1000)
            quiet.append(max(without) * 1000)
            ground.say(
                f"  round {number}: the longest of {len(during):,} commands took "
                f"{waits[-1]:.0f} ms; without upkeep {quiet[-1]:.0f} ms"
            )
    finally:
        history.close()
    yield Figure(
        "stall",
        f"longest wait of a command while a log of {size.events:,} events is vacuumed and gets an "
        "index",
        "ms",
        tuple(waits),
        reach=300,
        at_most=True,
        note=f"{CALLERS} callers; upkeep took {median(took):.1f} s; in as long without it, the "
        f"longest wait was {median(quiet):.0f} ms",
    )


async def _prepare(history: History) -> None:
    by = Author("bench", EVENT)
    await history.execute(AnnounceConference(event_id=EVENT, name=EVENT, timezone="UTC"), by=by)
    await history.execute(PublishCatalogue(event_id=EVENT, missions=MISSIONS), by=by)


async def _waits(history: History, work: Work, meanwhile: Callable[[], None]) -> Sequence[float]:
    """The latency of each command, in seconds, while `meanwhile` runs in a thread."""
    waits: list[float] = []
    going_on = asyncio.create_task(asyncio.to_thread(meanwhile))

    async def call() -> None:
        while not going_on.done():
            which, member_id, mission_id = work.next()
            command = COMMANDS[which](event_id=EVENT, member_id=member_id, mission_id=mission_id)
            started = time.monotonic()
            await history.execute(command, by=Author(member_id, EVENT))
            waits.append(time.monotonic() - started)

    await asyncio.gather(*(call() for _ in range(CALLERS)))
    await going_on
    return waits


def _upkeep(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in UPKEEP:
            connection.execute(statement.encode())
