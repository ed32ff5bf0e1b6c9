"""One trace, from the request to every screen, as a collector of traces sees it."""

import time
from collections.abc import Callable, Iterator

import httpx
import msgspec
import psycopg
import pytest

from tests.collector import Collector, Seen, collecting
from tests.product import Product
from tests.store import ask
from tests.waiting import PATIENCE
from workers.servers.embedded import start_nats
from workers.servers.processes import until

CALLER = "00f067aa0ba902b7"
PATCH = "PATCH /api/events/{event_id}/missions/{mission_id}"
STREAM = "GET /api/events/{event_id}/members/{member_id}/stream"
ALL = {PATCH, "CompleteMission", "project", "publish"}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def sending(
    collector: Collector,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Product]:
    """A product that sends its traces to the collector."""
    home = tmp_path_factory.mktemp("traced")
    nats = start_nats(home / "nats")
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    product = Product(new_database(), nats.url, home, **endpoint)
    try:
        yield product
    finally:
        product.stop()
        nats.stop()


@pytest.fixture
def traced(sending: Product) -> Product:
    """The same, running also where the test before has ended it."""
    if sending.api is None:
        sending.start()
    return sending


def is_caught_up(product: Product) -> bool:
    ((behind,),) = ask(
        product.database_url,
        """SELECT count(*) FROM views.positions
        WHERE position < (SELECT max(notification_id) FROM events.log)""",
    )
    return not behind


def test_one_click_is_one_trace_from_the_request_to_the_screen(
    traced: Product, collector: Collector
) -> None:
    event, trace = traced.event({"id": "goals"}), trace_id()
    assert until(lambda: is_caught_up(traced), PATIENCE)
    with traced.listening(event, "ada") as feed:
        reply = complete(traced, event, "ada", f"00-{trace}-{CALLER}-01")
        next(feed)
    spans = collector.wait_for(trace, ALL | {"sse MISSION_UPDATED"})

    names = {span.id: span.name for span in spans} | {CALLER: "the caller"}
    assert {(s.service, s.kind, s.name, names[s.parent]) for s in spans} == {
        ("rapport-api", "SERVER", PATCH, "the caller"),
        ("rapport-api", "INTERNAL", "CompleteMission", PATCH),
        ("rapport-workers", "CONSUMER", "project", "CompleteMission"),
        ("rapport-workers", "PRODUCER", "publish", "CompleteMission"),
        ("rapport-api", "CONSUMER", "sse MISSION_UPDATED", "publish"),
    }
    assert {s.attributes["position"] for s in spans if "position" in s.attributes} == {
        int(reply.headers["Event-Position"])
    }
    assert the(spans, PATCH).attributes == {
        "http.request.method": "PATCH",
        "http.response.status_code": 200,
        "http.route": "/api/events/{event_id}/missions/{mission_id}",
        "url.path": f"/api/events/{event}/missions/goals",
    }
    assert traceparent_kept(traced, reply) == f"00-{trace}-{the(spans, 'CompleteMission').id}-01"
    assert logged(traced, reply)["trace_id"] == trace


def test_a_message_to_a_screen_is_linked_with_the_request_that_opened_it(
    traced: Product, collector: Collector
) -> None:
    event, trace = traced.event({"id": "goals"}), trace_id()
    with traced.listening(event, "ada") as feed:
        complete(traced, event, "ada", f"00-{trace}-{CALLER}-01")
        next(feed)
        message = the(collector.wait_for(trace, {"sse MISSION_UPDATED"}), "sse MISSION_UPDATED")
        opened = [
            (span.trace, span.id)
            for span in collector.spans
            if span.name == STREAM and f"/{event}/" in str(span.attributes["url.path"])
        ]

    assert len(opened) == 1  # it ended when the feed began, while the feed is open
    assert list(message.links) == opened


def test_a_page_of_many_commands_is_linked_with_each(traced: Product, collector: Collector) -> None:
    event, traces = traced.event({"id": "goals"}), [trace_id() for _ in range(3)]
    traced.stop_workers()
    for member, trace in zip(("ada", "bob", "cy"), traces, strict=True):
        complete(traced, event, member, f"00-{trace}-{CALLER}-01")
    traced.start_workers()
    commands = [
        (trace, the(collector.wait_for(trace, {"CompleteMission", "publish"}), "CompleteMission"))
        for trace in traces
    ]

    wanted = [(trace, command.id) for trace, command in commands]
    pages = [s for s in collector.spans if s.name == "project" and wanted[0] in s.links]
    assert {(page.parent, page.links[-3:]) for page in pages} == {("", tuple(wanted))}


def test_what_a_rule_refuses_is_traced_and_is_no_error(
    traced: Product, collector: Collector
) -> None:
    event, trace = traced.event({"id": "goals"}), trace_id()
    reply = complete(traced, event, "ada", f"00-{trace}-{CALLER}-01", mission="unheard-of")
    spans = collector.wait_for(trace, {PATCH, "CompleteMission"})

    assert reply.status_code == 404
    assert {(s.name, s.failed) for s in spans} == {(PATCH, False), ("CompleteMission", False)}
    assert the(spans, "CompleteMission").attributes == {"error.type": "NotFound"}
    assert the(spans, PATCH).attributes["http.response.status_code"] == 404


def test_what_the_caller_does_not_sample_is_not_sent_and_still_found_in_the_log(
    traced: Product, collector: Collector
) -> None:
    event, quiet, loud = traced.event({"id": "goals"}), trace_id(), trace_id()
    reply = complete(traced, event, "ada", f"00-{quiet}-{CALLER}-00")
    complete(traced, event, "bob", f"00-{loud}-{CALLER}-01")
    collector.wait_for(loud, ALL)

    assert collector.of_trace(quiet) == []
    assert logged(traced, reply)["trace_id"] == quiet


def test_spans_are_sent_at_the_end_of_a_process(traced: Product, collector: Collector) -> None:
    event, trace = traced.event({"id": "goals"}), trace_id()
    complete(traced, event, "ada", f"00-{trace}-{CALLER}-01")
    traced.stop()

    sent = {span.name for span in collector.of_trace(trace)}
    assert sent >= {PATCH, "CompleteMission"}  # the workers may have ended before they saw it


def test_a_collector_that_hangs_holds_up_nobody(traced: Product, collector: Collector) -> None:
    event = traced.event({"id": "goals"})
    collector.answers.clear()
    with traced.listening(event, "ada") as feed:
        for status in ("completed", "not_started") * 5:
            started = time.monotonic()
            assert patch(traced, event, "ada", status).status_code == 200
            assert next(feed)["data"]["status"] == status
            assert time.monotonic() - started < 2
    started = time.monotonic()
    traced.stop()
    took = time.monotonic() - started
    collector.answers.set()

    assert took < 5


def test_without_a_collector_the_callers_trace_is_kept_and_logged(product: Product) -> None:
    event, given = product.event({"id": "goals"}), f"00-{trace_id()}-{CALLER}-01"
    reply = complete(product, event, "ada", given)

    assert traceparent_kept(product, reply) == given
    assert logged(product, reply)["trace_id"] == given.split("-")[1]


@pytest.mark.parametrize("malformed", ["", "garbage", f"00-{'0' * 32}-{CALLER}-01", "00-ß-1-1"])
def test_a_malformed_traceparent_is_ignored(product: Product, malformed: str) -> None:
    event = product.event({"id": "goals"})
    reply = complete(product, event, "ada", malformed)

    kept = traceparent_kept(product, reply)
    assert reply.status_code == 200
    assert kept != malformed
    assert kept.split("-")[1] == logged(product, reply)["trace_id"]


def test_secret_of_a_calendar_link_is_in_no_span(traced: Product, collector: Collector) -> None:
    event, trace = traced.event(), trace_id()
    with traced.member(event, "ada") as ada:
        path = ada.put(f"/api/events/{event}/calendar-link").json()["path"]
    known = {"traceparent": f"00-{trace}-{CALLER}-01"}
    assert httpx.get(traced.url + path, headers=known).status_code == 200
    route = "/api/events/{event_id}/members/{member_id}/agenda.ics"
    (span,) = collector.wait_for(trace, {f"GET {route}"})
    assert span.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": route,
        "url.path": path.partition("?")[0],
    }
    secret = path.partition("=")[2]
    assert [span for span in collector.spans if secret in str(span)] == []


def trace_id() -> str:
    return f"{time.time_ns():032x}"


def complete(
    product: Product, event: str, member: str, traceparent: str, mission: str = "goals"
) -> httpx.Response:
    return patch(product, event, member, "completed", traceparent, mission)


def patch(
    product: Product,
    event: str,
    member: str,
    status: str,
    traceparent: str | None = None,
    mission: str = "goals",
) -> httpx.Response:
    headers = {} if traceparent is None else {"traceparent": traceparent.encode()}
    with product.member(event, member) as client:
        path = f"/api/events/{event}/missions/{mission}"
        return client.patch(path, json={"status": status}, headers=headers)


def the(spans: list[Seen], name: str) -> Seen:
    (found,) = [span for span in spans if span.name == name]
    return found


def traceparent_kept(product: Product, reply: httpx.Response) -> str:
    """With the event, in the log."""
    position = int(reply.headers["Event-Position"])
    with psycopg.connect(product.database_url) as connection:
        ((kept,),) = connection.execute(
            "SELECT convert_from(state, 'UTF8')::json ->> 'trace' FROM events.log "
            "WHERE notification_id = %s",
            [position],
        ).fetchall()
    return str(kept)


def logged(product: Product, reply: httpx.Response) -> dict[str, object]:
    """The line about the PATCH."""
    position = int(reply.headers["Event-Position"])
    lines = [msgspec.json.decode(line) for line in product.log("api").splitlines()]
    (line,) = [line for line in lines if line.get("tx_id") == position]
    return line
