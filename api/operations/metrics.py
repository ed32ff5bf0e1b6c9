"""`GET /metrics`, in Prometheus text. Lag and capabilities' figures are read from Postgres, once a
second at most.

It is for operators (door.py). Alert rules for these are in workers/alerts.yml.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from litestar import Response, get
from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
)

from api.operations.door import check_operator
from api.operations.health import readers, soon, why_not_ready
from api.operations.instrumentation import BROKEN, DURATIONS
from api.operations.kept import Kept
from api.services import Request, Services
from projections.engine.event_log import Connection
from projections.engine.lag import WORDS, Lag

MEDIA_TYPE = "text/plain; version=0.0.4"  # the framework adds the charset

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

# The metrics of one capability, read from Postgres.
Families = Callable[[Connection], Awaitable[list[Metric]]]


@get("/metrics", include_in_schema=False)
async def get_metrics(request: Request) -> Response[bytes]:
    await check_operator(request)
    text = await request.app.state.metrics.get()
    return Response(text, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def kept_text(at_home: Services, of_capabilities: Sequence[Families]) -> Kept[bytes]:
    async def text() -> bytes:
        registry = CollectorRegistry()
        collected = _families(at_home, of_capabilities)
        registry.register(_Collected([metric async for metric in collected]))
        return generate_latest(REGISTRY) + generate_latest(registry)

    return Kept(text)


class _Collected:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


async def _families(state: Services, of_capabilities: Sequence[Families]) -> Any:
    """All metrics. While the store is away, only those of this process."""
    lags, stored = await soon(_from_store(state, of_capabilities)) or (None, [])
    yield _gauge("store_up", "Whether the store answers.", lags is not None)
    yield _gauge("bus_up", "Whether this process hears NATS.", state.live.hears)
    ready = not why_not_ready(lags)
    yield _gauge("api_ready", "Whether /health/ready says that this process can serve.", ready)
    for metric in _of_process(state):
        yield metric
    if lags is not None:
        for metric in _lag(lags):
            yield metric
        for metric in stored:
            yield metric


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=float(value))


async def _from_store(
    state: Services, of_capabilities: Sequence[Families]
) -> tuple[list[Lag], list[Metric]]:
    lags = await readers(state)
    async with state.operations_pool.connection() as connection:
        return lags, [metric for read in of_capabilities for metric in await read(connection)]


def _of_process(state: Services) -> Iterator[Metric]:
    counts = state.history.counts
    for name, what in (
        ("commands", "Commands decided."),
        ("groups", "Groups of commands that were recorded in one transaction each."),
        ("events", "Events recorded."),
        ("conflicts", "Groups that met a conflict and were decided again."),
        ("timeouts", "Waits for the store that were given up."),
        ("lost", "Connections to the store that were lost."),
        ("changed_pasts", "Times that the end of the log was lost: restored, or failed over."),
    ):
        yield CounterMetricFamily(f"store_{name}", what, value=counts[name])
    for name, what in (
        ("answers", "Questions that the model answered."),
        ("failures", "Questions that the model left to be answered offline."),
    ):
        yield CounterMetricFamily(f"model_{name}", what, value=state.model.counts[name])
    live = state.live
    yield _gauge("live_streams", "Open live feeds.", len(live))
    for name, key, what in (
        ("live_messages", "messages", "Messages of NATS that were heard."),
        ("live_gaps", "gaps", "Times that messages of NATS were missed and read from Postgres."),
        ("live_dropped", "dropped", "Live feeds ended because they were not read."),
    ):
        yield CounterMetricFamily(name, what, value=live.counts[key])
    yield from DURATIONS.collect()
    yield from BROKEN.collect()


def _lag(lags: list[Lag]) -> Iterator[Metric]:
    for name, what, value in (
        ("follower_position", "Everything up to here is applied.", lambda f: f.position),
        ("follower_seen", "The end of the log when it last looked.", lambda f: f.seen),
        (
            "follower_events_behind",
            "Events of the log that are not applied.",
            lambda f: f.events_behind,
        ),
        (
            "follower_behind_seconds",
            "Age of the first event that is not applied; 0: all are.",
            lambda f: f.behind_by,
        ),
        ("follower_silent_seconds", "Time since the last sign of life.", lambda f: f.silent_for),
        ("follower_stuck", "Whether it does not go on.", lambda f: int(f.word == "stuck")),
        ("parked_keys", "Keys that wait behind an event it cannot apply.", lambda f: f.parked),
        ("waiting_keys", "Keys that wait for a newer version.", lambda f: f.waiting),
    ):
        family = GaugeMetricFamily(name, what, labels=["name", "kind"])
        for reader in lags:
            family.add_metric([reader.name, reader.kind], float(value(reader)))
        yield family
    yield _words(lags)


def _words(lags: list[Lag]) -> Metric:
    what = "Live, idle, catching up, stuck or dead: 1 for the one word that holds."
    family = GaugeMetricFamily("follower_state", what, labels=["name", "kind", "state"])
    for reader in lags:
        for word in WORDS:
            labels = [reader.name, reader.kind, word]
            family.add_metric(labels, float(reader.word == word))
    return family


ROUTES: Any = (get_metrics,)
