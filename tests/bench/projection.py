"""Live projection: the same read models from the same log, by our projector a page at a time, and
by the library's `ProjectionRunner` an event at a time."""

import time
from collections.abc import Iterator
from itertools import chain

import psycopg
import uvloop
from msgspec import Struct

from projections.engine.projector import Projector
from projections.read_models import READ_MODELS
from tests.bench import stock_projection
from tests.bench.figure import Figure
from tests.bench.ground import Ground, as_processes_do
from tests.bench.past import fill

TABLES = tuple(table.name for table in chain.from_iterable(m.tables for m in READ_MODELS))


class Size(Struct, frozen=True):
    members: int = 500
    missions: int = 20
    events: int = 100_000
    stock_events: int = 2_000
    rounds: int = 5


QUICK = Size(members=20, events=1_000, stock_events=200, rounds=1)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    log, short = ground.database(), ground.database()
    fill(log, size.members, size.missions, size.events)
    fill(short, size.members, size.missions, size.stock_events)
    _check_same(short, size.stock_events)
    ours, baseline = [], []
    for number in range(1, size.rounds + 1):
        _forget(short)
        baseline.append(stock_projection.project(short, size.stock_events))
        _forget(log)
        with as_processes_do():
            ours.append(uvloop.run(_project(log, size.events)))
        ground.say(f"  round {number}: stock {baseline[-1]:,.0f}/s, ours {ours[-1]:,.0f}/s")
    yield Figure(
        "projection",
        f"live projection of {size.events:,} events into {len(READ_MODELS)} read models",
        "events/s",
        tuple(ours),
        reach=25,
        baseline=tuple(baseline),
        baseline_what="the library's ProjectionRunner writing the same rows, from the same log",
        note=f"the baseline over the first {size.stock_events:,} events; there the tables of both "
        "were compared and alike",
    )


async def _project(url: str, until: int) -> float:
    """Events a second."""
    projector = Projector(READ_MODELS)
    await projector.start(url)
    started = time.monotonic()
    while min(projector.positions.values()) < until and await projector.step():
        pass
    taken = time.monotonic() - started
    await projector.stop()
    return until / taken


def _check_same(url: str, events: int) -> None:
    stock_projection.project(url, events)
    by_stock = _content(url)
    _forget(url)
    uvloop.run(_project(url, events))
    assert _content(url) == by_stock


def _content(url: str) -> dict[str, list[tuple[str]]]:
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                f"SELECT v::text FROM views.{table} AS v ORDER BY 1"  # noqa: S608 - our names
            ).fetchall()
            for table in TABLES
        }


def _forget(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        tables = ", ".join(f"views.{table}" for table in TABLES)
        connection.execute(f"TRUNCATE views.positions, {tables}")
        connection.execute("CHECKPOINT")
