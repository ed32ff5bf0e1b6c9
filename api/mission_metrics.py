"""Metrics of missions: completions in this process, and members by their points."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from msgspec import Struct
from prometheus_client import Counter
from prometheus_client.core import HistogramMetricFamily, Metric

from api.operations.metrics import REGISTRY
from domain.aggregate import On
from domain.missions import MissionCompleted
from projections.engine.event_log import Connection
from sql import statements

SQL = statements("missions")
POINTS = (0, 10, 25, 50, 100, 250, 500, 1000)  # upper bounds of the buckets
LATELY = timedelta(days=7)  # in which some member's points have changed: others are not shown
MISSIONS = 1_000  # that are counted each by itself
MOST = 20  # events that are shown, those that changed last

COMPLETED = Counter(
    "mission_complete",
    "Missions completed through this process.",
    ["mission_id"],
    registry=REGISTRY,
)

_counted: set[str] = set()


def count_completed(events: Iterable[Struct]) -> None:
    """On the board that a command is about, or on another."""
    for event in events:
        fact = event.event if isinstance(event, On) else event
        if isinstance(fact, MissionCompleted):
            COMPLETED.labels(_label(fact.mission_id)).inc()


def _label(mission_id: str) -> str:
    """Each of the first MISSIONS by its id, all others as one: ids are what organizers make up."""
    if len(_counted) < MISSIONS:
        _counted.add(mission_id)
    return mission_id if mission_id in _counted else "_OTHER"


async def families(connection: Connection) -> list[Metric]:
    since = datetime.now(UTC) - LATELY
    about = {"bounds": [p + 1 for p in POINTS], "since": since, "most": MOST}
    cursor = await connection.execute(SQL["points"], about)
    return [_points(await cursor.fetchall())]


def _points(rows: Iterable[tuple[Any, ...]]) -> Metric:
    """Rows of event, bucket, members in it, sum of their points, ordered by event. A gauge in
    spirit: what a member has can fall."""
    family = HistogramMetricFamily(
        "mission_points", "Members of an event, by the points they have.", labels=["event_id"]
    )
    for event_id, group in groupby(rows, key=lambda row: row[0]):
        counted = {bucket: (count, total) for _, bucket, count, total in group}
        buckets, running = [], 0
        for i, bound in enumerate((*map(str, POINTS), "+Inf")):
            running += counted.get(i, (0, 0))[0]
            buckets.append((bound, running))
        family.add_metric([event_id], buckets, sum(total for _, total in counted.values()))
    return family
