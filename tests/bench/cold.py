"""How long others wait while a member of very many reports is read for the first time."""

import asyncio
import time
from collections.abc import Iterator

import psycopg
from msgspec import Struct

from domain.capabilities import AGGREGATES, RENAMED
from domain.catalogues import PublishCatalogue
from domain.conferences import AnnounceConference
from domain.missions import StartMission
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from sql import statements
from tests.bench.commands import COMMANDS, EVENT, MISSIONS, Work
from tests.bench.figure import Figure
from tests.bench.ground import Ground, as_processes_do

CALLERS, PAUSE = 8, 0.005  # seconds between commands of a caller
PLANT = """
INSERT INTO events.log (originator_id, originator_version, topic, state)
SELECT 'missions:evt_1:' || member, i, 'ProfileViewed', convert_to(format(
    '{"at":"2026-11-01T12:00:00Z","actor":"%%s","tenant":"evt_1","data":'
    '{"target_member_id":"usr_%%s","ts":"%%s","dwell_ms":5}}',
    member, i %% 20000,
    to_char(timestamp '2026-11-01' + i * interval '1 s', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
), 'UTF8')
FROM (VALUES (%s)) AS of (member) CROSS JOIN generate_series(1, %s::int) AS i
"""


class Size(Struct, frozen=True):
    reports: int = 100_000
    members: int = 500
    rounds: int = 3


QUICK = Size(reports=2_000, members=20, rounds=1)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    url = ground.database()
    history = History(open_recorder(url, statements("history")), AGGREGATES, RENAMED)
    work, waits, own = Work(size.members), [], []
    try:
        asyncio.run(_prepare(history))
        for number in range(1, size.rounds + 1):
            with psycopg.connect(url) as connection:
                connection.execute(PLANT, (f"zealous_{number}", size.reports))
            with as_processes_do():
                longest, took = asyncio.run(_longest(history, work, f"zealous_{number}"))
            waits.append(longest * 1000)
            own.append(took)
            ground.say(f"  round {number}: others waited {waits[-1]:.0f} ms, the one {took:.1f} s")
    finally:
        history.close()
    yield Figure(
        "cold",
        f"longest wait of a command while a member of {size.reports:,} reports is read",
        "ms",
        tuple(waits),
        reach=100,
        at_most=True,
        note=f"{CALLERS} callers; the member's own command took {max(own):.1f} s at most",
    )


async def _prepare(history: History) -> None:
    by = Author("bench", EVENT)
    await history.execute(AnnounceConference(event_id=EVENT, name=EVENT, timezone="UTC"), by=by)
    await history.execute(PublishCatalogue(event_id=EVENT, missions=MISSIONS), by=by)


async def _longest(history: History, work: Work, zealous: str) -> tuple[float, float]:
    """Seconds: the longest latency of others, and that of the member of many reports."""
    waits = [0.0]
    command = StartMission(event_id=EVENT, member_id=zealous, mission_id=MISSIONS[0].id)
    started = time.monotonic()
    one = asyncio.create_task(history.execute(command, by=Author(zealous, EVENT)))

    async def call() -> None:
        while not one.done():
            which, member_id, mission_id = work.next()
            other = COMMANDS[which](event_id=EVENT, member_id=member_id, mission_id=mission_id)
            since = time.monotonic()
            await history.execute(other, by=Author(member_id, EVENT))
            waits.append(time.monotonic() - since)
            await asyncio.sleep(PAUSE)

    await asyncio.gather(one, *(call() for _ in range(CALLERS)))
    return max(waits), time.monotonic() - started
