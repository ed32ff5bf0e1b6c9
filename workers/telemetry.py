"""Logs as JSON lines, and traces: one from the HTTP request, through the recorded event, to the
NATS message and the SSE message.

Spans are made at our own seams only. Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is exported and
no span is made, but every request still has a W3C traceparent to be found by in logs and events.
"""

import json
import logging
import os
import random
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)

from workers.log_writer import LogWriter
from workers.settings import Settings

Traceparent = str

BATCH_DELAY = 500  # milliseconds that a finished span may wait to be exported with others
MOST_LINKS = 128  # of one span; the default of collectors too

_LOGGED_BY_PYTHON = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_TRACEPARENT = re.compile(
    "(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
# Errors of Postgres about a row quote the row, or the JSON that it came in.
_ROW = re.compile(r"\n(?:DETAIL|CONTEXT):  .*?(?=\n\n|\n[A-Z]+:  |\Z)", re.DOTALL)
_provider: TracerProvider | None = None
_tracer: Tracer | None = None
_current: ContextVar[Traceparent | None] = ContextVar("traceparent", default=None)
_random = random.Random()  # noqa: S311 - a trace id is no secret


class JsonLines(logging.Formatter):
    """Formats a record as a line of JSON. `extra=` becomes fields of it; within a request there is
    a `trace_id`. Rows that Postgres quotes in errors are left out: erasure does not reach logs."""

    def format(self, record: logging.LogRecord) -> str:
        line = {k: v for k, v in vars(record).items() if k not in _LOGGED_BY_PYTHON}
        if within := _current.get():
            line["trace_id"] = within.split("-")[1]
        if record.exc_info:
            line["exception"] = _ROW.sub("", self.formatException(record.exc_info))
        line |= {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _ROW.sub("", record.getMessage()),
        }
        try:
            return msgspec.json.encode(line, enc_hook=str).decode()
        except Exception:  # half a character, or a number of 65 bits
            return json.dumps({k: str(v) for k, v in line.items()})


def log_json(level: int = logging.INFO) -> None:
    """Logs everything of this process as JSON lines, warnings and uncaught errors too."""
    # https://docs.python.org/3/howto/logging.html#optimization: none of it is in our lines.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = LogWriter(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("httpx", "httpx2"):  # they log every request with its whole address
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    broke = logging.getLogger("rapport").critical
    sys.excepthook = lambda kind, e, at: broke("ended by an error", exc_info=(kind, e, at))


def configure(settings: Settings, service: str) -> None:
    log_json()
    if settings.otel_exporter_otlp_endpoint:
        os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", settings.otel_exporter_otlp_endpoint)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        trace_to(OTLPSpanExporter(), f"rapport-{service}")


def trace_to(exporter: SpanExporter, service: str) -> None:
    global _provider, _tracer
    resource = Resource.create({"service.name": service})
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=BATCH_DELAY))
    _tracer = _provider.get_tracer("rapport")


def end(seconds: float = 1.0) -> None:
    """Sends the spans that are left, for `seconds` at most, and writes the lines that are."""
    global _provider, _tracer
    if _provider is not None:
        sending = threading.Thread(target=_provider.shutdown, daemon=True)
        sending.start()
        sending.join(seconds)
        _provider = _tracer = None
    for handler in logging.getLogger().handlers:
        handler.flush()


def tracing() -> bool:
    return _tracer is not None


def current() -> Traceparent | None:
    """The traceparent of the request or span in which this runs."""
    return _current.get()


def enter(traceparent: Traceparent) -> None:
    """Sets the traceparent for the rest of the current task."""
    _current.set(traceparent)


def start(
    name: str,
    parent: Traceparent | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[Traceparent] = (),
    **attributes: Any,
) -> Span | None:
    """Starts a span, which the caller ends. None where spans are not exported."""
    if _tracer is None:
        return None
    above = _read(parent) if parent else None
    # An empty context: None would take the current span of the library.
    context = trace.set_span_in_context(NonRecordingSpan(above or trace.INVALID_SPAN_CONTEXT))
    linked = [Link(known) for link in links[:MOST_LINKS] if (known := _read(link))]
    return _tracer.start_span(name, context, kind, attributes, linked)


@contextmanager
def span(
    name: str,
    parent: Traceparent | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[Traceparent] = (),
    **attributes: Any,
) -> Iterator[Traceparent]:
    """A span below `parent`, else below the current one. Yields its own traceparent, to be passed
    on."""
    parent = parent or _current.get()
    started = start(name, parent, kind, links, **attributes)
    if started is None:
        yield parent or new()
        return
    own = traceparent_of(started)
    before = _current.set(own)
    try:
        yield own
    except Exception as e:
        _failed(started, e)
        raise
    finally:
        _current.reset(before)
        started.end()


def _failed(started: Span, e: Exception) -> None:
    """Marks a span as failed, but not for a 4xx problem. The text of `e` may name people: only its
    type is exported."""
    started.set_attribute("error.type", type(e).__name__)
    if getattr(e, "status", 500) >= 500:
        started.set_status(Status(StatusCode.ERROR))


def traceparent_of(started: Span) -> Traceparent:
    c = started.get_span_context()
    return f"00-{c.trace_id:032x}-{c.span_id:016x}-{c.trace_flags:02x}"


def valid(traceparent: str) -> Traceparent | None:
    """The traceparent in version 00 of https://www.w3.org/TR/trace-context/; None where it is
    malformed."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[1] == "00" and found[5]):
        return None
    return f"00-{found[2]}-{found[3]}-{found[4]}"


def new() -> Traceparent:
    return f"00-{_random.getrandbits(128) or 1:032x}-{_random.getrandbits(64) or 1:016x}-00"


def _read(traceparent: str) -> SpanContext | None:
    known = valid(traceparent)
    if known is None:
        return None
    _, trace_id, span_id, flags = known.split("-")
    flag = TraceFlags(int(flags, 16))
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=flag)
