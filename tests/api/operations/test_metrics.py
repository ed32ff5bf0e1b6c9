"""`GET /metrics`, as Prometheus reads it."""

import asyncio
import bisect
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from api import mission_metrics
from api.operations.instrumentation import BOUNDS, BROKEN, DURATIONS, Instrumented
from domain.missions import MissionCompleted
from tests.product import Product

Json = dict[str, Any]

PROMTOOL = shutil.which("promtool")  # where there is one, it must have nothing to object to


def families(product: Product) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(product.metrics())}


def value(family: Metric, sample: str, **labels: str) -> float:
    """0 where there is no such sample yet."""
    found = [s.value for s in family.samples if s.name == sample and labels == s.labels]
    return sum(found)


def test_metrics_are_text_that_prometheus_reads(product: Product) -> None:
    product.event({"id": "goals"})
    reply = httpx.get(f"{product.url}/metrics")
    names = [line.split()[2] for line in reply.text.splitlines() if line.startswith("# TYPE")]

    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert len(names) == len(set(names))
    if PROMTOOL:
        checked = subprocess.run(
            [PROMTOOL, "check", "metrics"], input=reply.text, capture_output=True, text=True
        )
        assert checked.stdout + checked.stderr == ""


def test_every_metric_of_ours_is_explained_in_a_sentence(product: Product) -> None:
    for name, family in families(product).items():
        if not name.startswith("process_"):  # the client library's own
            assert family.documentation[0].isupper(), name
            assert family.documentation.endswith("."), name


def test_a_completed_mission_is_counted_once(product: Product) -> None:
    event = product.event({"id": "metric-goals", "points": 10}, {"id": "metric-talk"})
    with product.member(event, "ada") as ada, product.member(event, "bob") as bob:
        for client, mission, status in (
            (ada, "metric-goals", "in_progress"),
            (ada, "metric-goals", "completed"),
            (ada, "metric-goals", "completed"),
            (bob, "metric-goals", "completed"),
            (bob, "metric-talk", "completed"),
        ):
            path = f"/api/events/{event}/missions/{mission}"
            for key in ("a", "a"):  # each is sent twice with the same key
                headers = {"Idempotency-Key": f"{key}-{event}-{mission}-{status}"}
                reply = client.patch(path, json={"status": status}, headers=headers)
                reply.raise_for_status()
        until = {"Min-Position": reply.headers["Event-Position"]}
        ada.get(f"/api/events/{event}/leaderboard", headers=until).raise_for_status()
    shown = families(product)

    completed = shown["mission_complete"]
    assert value(completed, "mission_complete_total", mission_id="metric-goals") == 2
    assert value(completed, "mission_complete_total", mission_id="metric-talk") == 1
    points = shown["mission_points"]
    buckets = {
        s.labels["le"]: s.value
        for s in points.samples
        if s.labels.get("event_id") == event and s.name == "mission_points_bucket"
    }
    assert (buckets["0"], buckets["10"], buckets["25"], buckets["+Inf"]) == (0, 1, 2, 2)
    assert value(points, "mission_points_sum", event_id=event) == 30
    assert value(points, "mission_points_count", event_id=event) == 2


def test_requests_are_timed_by_route_and_nothing_a_caller_makes_up_is_a_label(
    product: Product,
) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        ada.patch(f"/api/events/{event}/missions/goals", json={"status": "completed"})
        for made_up in ("one", "two", "three"):
            ada.get(f"/made/up/{made_up}")
            ada.request(made_up.upper(), "/health/live")
            ada.get(f"/api/events/{made_up}/missions")
    durations = families(product)["http_request_duration_seconds"]
    counted = {
        (s.labels["method"], s.labels["route"], s.labels["status"]) for s in durations.samples
    }
    routes = {route for _, route, _ in counted}
    bounds = {s.labels.get("le") for s in durations.samples if s.name.endswith("_bucket")}

    assert ("PATCH", "/api/events/{event_id}/missions/{mission_id}", "200") in counted
    assert ("GET", "/api/events/{event_id}/missions", "404") in counted
    assert bounds == {*map(str, BOUNDS), "+Inf"}
    assert not {route for route in routes if "made" in route or event in route}
    assert not {method for method, _, _ in counted} & {"ONE", "TWO", "THREE"}


@given(st.lists(st.floats(0, 10) | st.sampled_from(BOUNDS)))
def test_durations_are_a_histogram_of_what_was_observed(seconds: Sequence[float]) -> None:
    def counted() -> list[float]:
        samples = [s for family in DURATIONS.collect() for s in family.samples]
        of_law = [s for s in samples if s.labels["route"] == "/law"]
        return [s.value for s in of_law if s.name.endswith(("_bucket", "_count"))]

    series = DURATIONS.labels("GET", "/law", "200")
    before = counted()
    for each in seconds:
        series.observe(each)

    ordered = sorted(seconds)
    expected = [bisect.bisect_right(ordered, bound) for bound in (*BOUNDS, float("inf"))]
    added = [now - then for now, then in zip(counted(), before, strict=True)]
    assert added == [*expected, len(seconds)]


def test_answers_of_500_are_counted_as_broken_beside_their_durations() -> None:
    async def app(scope: Json, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": scope["status"], "headers": []})

    async def heard(message: Json) -> None:
        pass

    async def answer(*statuses: int) -> None:
        for status in statuses:
            scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "status": status}
            await Instrumented(app)(scope | {"path_template": "/broken"}, None, heard)

    def counted() -> list[float]:
        text = generate_latest(DURATIONS) + generate_latest(BROKEN)
        found = {f.name: f for f in text_string_to_metric_families(text.decode())}
        of_500 = {"method": "GET", "route": "/broken", "status": "500"}
        durations = found["http_request_duration_seconds"]
        return [
            value(durations, "http_request_duration_seconds_count", **of_500),
            value(found["http_broken_requests"], "http_broken_requests_total"),
        ]

    before = counted()
    asyncio.run(answer(200, 500, 503, 500))
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 2]


def test_missions_beyond_so_many_are_counted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mission_metrics, "MISSIONS", 2)
    monkeypatch.setattr(mission_metrics, "_counted", set())
    names = [f"label-{i}" for i in (1, 2, 3, 1, 4)]

    def counted() -> dict[str, float]:
        samples = [s for family in mission_metrics.COMPLETED.collect() for s in family.samples]
        found = {s.labels["mission_id"]: s.value for s in samples if s.name.endswith("_total")}
        return {name: found.get(name, 0) for name in (*names, "_OTHER")}

    before = counted()
    mission_metrics.count_completed([MissionCompleted(name, 10) for name in names])
    added = {name: value - before[name] for name, value in counted().items()}
    assert added == {"label-1": 2, "label-2": 1, "label-3": 0, "label-4": 0, "_OTHER": 2}
