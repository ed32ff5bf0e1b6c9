"""`GET /metrics`, in Prometheus text. What others keep is read from Postgres when asked."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from litestar import MediaType, Response, get
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    Metric,
)
from psycopg import Error
from psycopg_pool import PoolTimeout

from api.health import Follower, followers
from api.services import Asked, Services, services
from domain.missions import MissionCompleted
from sql import statements

SQL = statements("missions")
POINTS = (0, 10, 25, 50, 100, 250, 500, 1000)

REGISTRY = CollectorRegistry()
COMPLETED = Counter(
    "mission_complete", "Missions completed through this process", ["mission_id"], registry=REGISTRY
)


def count_completed(events: Iterable[Struct]) -> None:
    for event in events:
        if isinstance(event, MissionCompleted):
            COMPLETED.labels(event.mission_id).inc()


@get("/metrics", include_in_schema=False)
async def get_metrics(request: Asked) -> Response[bytes]:
    at_home = services(request)
    families = [*_of_process(at_home), *await _of_store(at_home)]
    registry = CollectorRegistry()
    registry.register(_Collected(families))
    text = generate_latest(REGISTRY) + generate_latest(registry)
    return Response(text, media_type=MediaType.TEXT, headers={"Cache-Control": "no-store"})


class _Collected:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _of_process(at_home: Services) -> Iterator[Metric]:
    counts = at_home.history.counts
    for name, what in (
        ("commands", "Commands decided"),
        ("groups", "Groups of commands recorded in one transaction"),
        ("events", "Events recorded"),
        ("conflicts", "Groups that met a conflict and were decided again"),
        ("timeouts", "Waits for the store that were given up"),
        ("lost", "Connections to the store that were lost"),
    ):
        yield CounterMetricFamily(f"store_{name}", what, value=counts[name])
    yield GaugeMetricFamily("live_streams", "Open live feeds", value=len(at_home.live))
    yield CounterMetricFamily(
        "live_gaps", "Times that messages of NATS were missed", value=at_home.live.counts["gaps"]
    )
    yield CounterMetricFamily(
        "live_dropped", "Live feeds ended: not read", value=at_home.live.counts["dropped"]
    )


async def _of_store(at_home: Services) -> list[Metric]:
    """Nothing where the store is away, but that it is."""
    try:
        known = await followers(at_home)
        async with at_home.pool.connection() as connection:
            cursor = await connection.execute(SQL["points"], {"bounds": [p + 1 for p in POINTS]})
            points = await cursor.fetchall()
    except (Error, PoolTimeout, OSError):
        return [GaugeMetricFamily("store_up", "Whether the store answers", value=0)]
    up = GaugeMetricFamily("store_up", "Whether the store answers", value=1)
    return [up, *_lag(known), _points(points)]


def _lag(known: list[Follower]) -> Iterator[Metric]:
    for name, what, value in (
        ("follower_position", "Everything up to here is applied", lambda f: f.position),
        (
            "follower_events_behind",
            "Positions to the end of the log",
            lambda f: f.log_end - f.position,
        ),
        ("follower_seconds_behind", "Age of the first event not applied", lambda f: f.behind_by),
        ("follower_silent_seconds", "Since the last sign of life", lambda f: f.silent_for),
        ("follower_stuck", "1: it cannot go on", lambda f: float(bool(f.problem))),
    ):
        family = GaugeMetricFamily(name, what, labels=["name", "kind"])
        for follower in known:
            family.add_metric([follower.name, follower.kind], value(follower))
        yield family


def _points(rows: list[tuple[Any, ...]]) -> Metric:
    """`mission_points`, a histogram over the members of each event."""
    family = GaugeHistogramMetricFamily(
        "mission_points", "Members by the points they have", labels=["event_id"]
    )
    for event_id, group in groupby(rows, key=lambda row: row[0]):
        counted = {bucket: (count, total) for _, bucket, count, total in group}
        buckets, running = [], 0
        for i, bound in enumerate((*POINTS, None)):
            running += counted.get(i, (0, 0))[0]
            buckets.append(("+Inf" if bound is None else str(bound), running))
        family.add_metric([event_id], buckets, sum(total for _, total in counted.values()))
    return family


ROUTES: Any = (get_metrics,)
