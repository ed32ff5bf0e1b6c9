"""The span of each request, and the time until its answer begins.

The span of a live feed ends when the feed begins, so that none lasts as long as a connection.
"""

import time
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram

from workers import telemetry

BOUNDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

# In no registry: `GET /metrics` collects them beside what else this process knows.
DURATIONS = Histogram(
    "http_request_duration_seconds",
    "Time from a request to the beginning of its answer.",
    ["method", "route", "status"],
    buckets=BOUNDS,
    registry=None,
)
BROKEN = Counter(
    "http_broken_requests",
    "Requests that met an error of ours: those answered with 500.",
    registry=None,
)


class Instrumented:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        span = _start_trace(scope)

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                _record(scope, span, message["status"], time.perf_counter() - began)
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            if span and span.is_recording():  # the client hung up before there was an answer
                span.end()


def _start_trace(scope: Any) -> Span | None:
    """Continues the trace that the caller names, else begins one."""
    headers = [value for name, value in scope["headers"] if name == b"traceparent"]
    parent = telemetry.valid(headers[0].decode("latin-1")) if len(headers) == 1 else None
    span = None
    if telemetry.tracing() and scope["path"].startswith("/api/"):
        method = _method(scope)
        span = telemetry.start(
            method,
            parent,
            SpanKind.SERVER,
            **{"http.request.method": method, "url.path": scope["path"]},
        )
    telemetry.enter(telemetry.traceparent_of(span) if span else parent or telemetry.new())
    return span


def _record(scope: Any, span: Span | None, status: int, seconds: float) -> None:
    method, route = _method(scope), scope.get("path_template") or "none"
    DURATIONS.labels(method, route, str(status)).observe(seconds)
    if status == 500:
        BROKEN.inc()
    if span:
        span.update_name(f"{method} {route}")
        span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()


def _method(scope: Any) -> str:
    """The method, or _OTHER: a client must not be able to make up labels."""
    return scope["method"] if scope["method"] in METHODS else "_OTHER"
