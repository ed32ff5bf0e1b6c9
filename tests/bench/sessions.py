"""Sessions for a member, now and in the next hour: computed on request, against the refresh of
materialised views of attendees x sessions that would have to be repeated for ever. And the import
of a real schedule, where there is one."""

import asyncio
import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from domain.agenda import ImportSchedule, Speaker
from domain.agenda_items import AgendaItem
from domain.aggregate import Command
from domain.attendees import Profile, SaveProfile
from domain.conferences import AnnounceConference
from projections.engine.reading import answer_of, asked, in_order, worded
from projections.sessions.questions import WINDOWS, SessionsAsk, Window
from tests.bench.figure import Figure
from tests.bench.ground import Ground, Measured, client
from tests.bench.past import past, write
from tests.bench.wire import ask_any, connections, request
from tests.product import ROOT
from tests.workers.schedules.files import REAL

CONNECTIONS = 64
OPENS = datetime(2026, 2, 1, 9, tzinfo=UTC)
NOON = OPENS + timedelta(hours=3)
HOURS = 9
A_DAY = 300  # sessions; more of them take more days, as conferences do
AREAS = [f"area {i}" for i in range(40)]
SCHEDULE = REAL / "fosdem-2024.xml.gz"


class Size(Struct, frozen=True):
    sessions: int = 300
    members: int = 5_000
    large: int = 2_000
    many: int = 50_000
    rounds: int = 3
    rate: int = 200
    seconds: float = 4.0


QUICK = Size(sessions=30, members=20, large=60, many=40, rounds=1, rate=50, seconds=0.3)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    with ground.product() as product:
        for event, sessions, members in (
            ("small", size.sessions, size.members),
            ("large", size.large, size.many),
        ):
            write(product.database_url, past(_programme(event, sessions, members)))
        product.drain(300)
        answers, large, slowest, refreshes = [], [], [], []
        with psycopg.connect(product.database_url, autocommit=True) as connection:
            connection.execute("ANALYZE")
            connection.execute(VIEWS.encode(), prepare=False)
            for number in range(size.rounds):
                answers.append(_answer(connection, "small", size.members))
                large.append(_answer(connection, "large", size.many))
                slowest.append(_asked(product, size))
                refreshes.append(_refreshed(connection))
                ground.say(
                    f"  round {number + 1}: {answers[-1]:.2f} ms, large {large[-1]:.2f} ms, p99 "
                    f"{slowest[-1]:.1f} ms, both views refreshed in {refreshes[-1]:,.0f} ms"
                )
        imports = list(_imports(ground, product, size.rounds))
    many = f"{size.sessions:,} sessions, {size.members:,} attendees"
    more = f"{size.large:,} sessions, {size.many:,} attendees"
    yield Figure("sessions sql", f"one answer, {many}", "ms", tuple(answers), 5, at_most=True)
    what = f"one answer at {CONNECTIONS} connections and {size.rate}/s, 99 of 100, {many}"
    yield Figure("sessions http", what, "ms", tuple(slowest), 15, at_most=True)
    yield Figure(
        *("sessions large", f"one answer, {more}", "ms", tuple(large), 2, tuple(answers)),
        baseline_what=many,
        at_most=True,
    )
    yield Figure(
        *("sessions refresh", f"refresh of both views, {many}", "ms", tuple(refreshes), 1),
        baseline=tuple(answers),
        baseline_what="one answer, which needs no refresh",
        note="the views would have to be refreshed every 30 s, and be stale in between",
    )
    yield from imports


def _programme(event: str, sessions: int, members: int) -> Iterator[Command]:
    """Commands for a programme of sessions of 45 minutes, each with two speakers, one or none."""
    chance = random.Random(2026)  # noqa: S311 - the same each time, and no secret
    some = lambda most: tuple(chance.sample(AREAS, chance.randint(0, most)))  # noqa: E731
    speakers = tuple(Speaker(f"spk_{i}", f"Speaker {i}", None, some(3)) for i in range(sessions))
    items = []
    for i in range(sessions):
        starts = OPENS + timedelta(days=i // A_DAY, minutes=5 * chance.randrange(HOURS * 12))
        ids = chance.sample([s.id for s in speakers], i % 3)
        ends = starts + timedelta(minutes=45)
        about = AgendaItem(f"s{i}", f"Session {i}", starts, ends, "What it is about. " * 20)
        items.append(replace(about, focus_areas=some(4), speaker_ids=tuple(ids)))
    yield AnnounceConference(event_id=event, name=event, timezone="UTC")
    yield ImportSchedule(event_id=event, source="bench", items=tuple(items), speakers=speakers)
    for i in range(members):
        yield SaveProfile(
            event_id=event, member_id=f"usr_{i}", profile=Profile("A name", focus_areas=some(5))
        )


def _answer(connection: "psycopg.Connection[Any]", event: str, members: int) -> float:
    """Milliseconds of the slower window, the median of many members."""
    taken: dict[Window, list[float]] = {window: [] for window in WINDOWS}
    for i, window in itertools.product(range(0, members, max(1, members // 100)), WINDOWS):
        question, ask = WINDOWS[window], SessionsAsk(event, f"usr_{i}", window, NOON)
        started = time.perf_counter()
        cursor = connection.execute(worded(question), asked(question, [ask]), prepare=True)
        (found,) = in_order(cursor.fetchall())
        answer_of(question, ask, found)
        taken[window].append((time.perf_counter() - started) * 1000)
    return max(map(median, taken.values()))


def _asked(product: Measured, size: Size) -> float:
    tokens = [product.token(f"usr_{i}", "event:small:organizer") for i in range(100)]
    spec = {"port": product.port, "tokens": tokens, "rate": size.rate, "seconds": size.seconds}
    return quantiles(client("sessions", size.seconds + 60, **spec), n=100)[98]


def _refreshed(connection: "psycopg.Connection[Any]") -> float:
    started = time.perf_counter()
    for window in WINDOWS:
        connection.execute(f"REFRESH MATERIALIZED VIEW bench_{window}")
    return (time.perf_counter() - started) * 1000


def _imports(ground: Ground, product: Measured, rounds: int) -> Iterator[Figure]:
    if not SCHEDULE.is_file():
        ground.say(f"  {SCHEDULE.name} is not here: how long it takes to come in is not measured")
        return
    for way, come_in in (("http", _posted), ("cli", _run)):
        taken = [come_in(product, product.event()) for _ in range(rounds)]
        first, again = zip(*taken, strict=True)
        what = f"FOSDEM 2024 imported by {way}"
        yield Figure(f"import {way}", what, "s", first, 3, at_most=True)
        yield Figure(f"reimport {way}", f"{what}, unchanged", "s", again, 1, at_most=True)


def _posted(product: Measured, event: str) -> tuple[float, float]:
    path, file = f"/api/events/{event}/schedule", SCHEDULE.read_bytes()
    with product.client("admin", "admin") as admin:

        def send() -> None:
            admin.post(path, content=file, timeout=60).raise_for_status()

        return _seconds(send), _seconds(send)


def _run(product: Measured, event: str) -> tuple[float, float]:
    """From the start of the process to its end."""
    command = [sys.executable, "-m", "workers", "import-schedule", str(SCHEDULE), "--event", event]
    environment = os.environ | {"DATABASE_URL": product.database_url}

    def run() -> None:
        subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, timeout=60, check=True
        )

    return _seconds(run), _seconds(run)


def _seconds(do: Callable[[], None]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def _view(window: str, condition: str) -> str:
    """Every attendee beside every session of the window, as one would compute it beforehand."""
    return f"""
    CREATE MATERIALIZED VIEW bench_{window} AS
    SELECT i.*, m.member_id, spoken.names, areas.all_of_them, (
        SELECT count(*) FROM unnest(areas.all_of_them) AS area WHERE area = ANY(m.focus_areas)
    ) AS matches
    FROM views.agenda_items AS i
    JOIN views.member_areas AS m USING (event_id)
    CROSS JOIN LATERAL (
        SELECT string_agg(s.name, ', ') AS names FROM views.agenda_speakers AS s
        WHERE s.event_id = i.event_id AND s.speaker_id = ANY(i.speaker_ids)
    ) AS spoken
    CROSS JOIN LATERAL (
        SELECT array_agg(DISTINCT area) AS all_of_them FROM (
            SELECT unnest(i.focus_areas) UNION ALL
            SELECT unnest(s.focus_areas) FROM views.agenda_speakers AS s
            WHERE s.event_id = i.event_id AND s.speaker_id = ANY(i.speaker_ids)
        ) AS either (area)
    ) AS areas
    WHERE i.event_id = 'small' AND i.item_type = 'session'
    AND i.status IN ('scheduled', 'confirmed', 'tentative') AND {condition};
    """  # noqa: S608 - our names


NOW = f"TIMESTAMPTZ '{NOON.isoformat()}'"
VIEWS = _view("now", f"{NOW} BETWEEN i.start_time AND i.end_time") + _view(
    "next_60", f"i.start_time BETWEEN {NOW} AND {NOW} + interval '60 minutes'"
)


# In the process of the load generator


async def generate(spec: Any) -> list[float]:
    """Milliseconds of each answer, at a steady rate that waits for nobody."""
    idle = await connections(spec["port"], CONNECTIONS)
    at = quote(NOON.isoformat())
    turns = itertools.cycle(itertools.product(spec["tokens"], WINDOWS))
    taken: list[float] = []

    async def ask(token: str, window: str) -> None:
        started = time.monotonic()
        path = f"/api/events/small/sessions?window={window}&at={at}"
        await ask_any(idle, request("GET", path, token))
        taken.append((time.monotonic() - started) * 1000)

    started = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for i in range(int(spec["rate"] * spec["seconds"])):
            await asyncio.sleep(started + i / spec["rate"] - time.monotonic())
            tasks.create_task(ask(*next(turns)))
    return taken
