"""Logs as JSON lines, and traces: one from the HTTP request, through the recorded event, to the
NATS message and the SSE message.

Spans are made at our own seams only. Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is exported and
no span is made, but every request still has a W3C traceparent to be found by in logs and events.
"""

import logging
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    TraceFlags,
    Tracer,
)

from workers.settings import Settings

_LOGGED_BY_PYTHON = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_tracer: Tracer | None = None


class JsonLines(logging.Formatter):
    """What is passed as `extra=` becomes fields of the line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {k: v for k, v in vars(record).items() if k not in _LOGGED_BY_PYTHON}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def log_json(level: int = logging.INFO) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def trace_to(exporter: SpanExporter, service: str) -> TracerProvider:
    global _tracer
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    _tracer = provider.get_tracer("rapport")
    return provider


def configure(settings: Settings, service: str) -> None:
    log_json()
    if settings.otel_exporter_otlp_endpoint:
        os.environ.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", settings.otel_exporter_otlp_endpoint)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        trace_to(OTLPSpanExporter(), service)


@contextmanager
def span(
    name: str,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[str] = (),
    **attributes: Any,
) -> Iterator[str]:
    """A span below a W3C traceparent; yields its own, to be handed on."""
    if _tracer is None:
        yield parent or _new()
        return
    above = read(parent) if parent else None
    context = trace.set_span_in_context(NonRecordingSpan(above)) if above else None
    linked = [Link(known) for link in links if (known := read(link))]
    with _tracer.start_as_current_span(
        name, context=context, kind=kind, attributes=attributes, links=linked
    ) as started:
        yield written(started)


def tracing() -> bool:
    return _tracer is not None


def written(span: Span) -> str:
    c = span.get_span_context()
    return f"00-{c.trace_id:032x}-{c.span_id:016x}-{c.trace_flags:02x}"


def read(traceparent: str) -> SpanContext | None:
    """https://www.w3.org/TR/trace-context/#traceparent-header; None where it is malformed."""
    parts = traceparent.split("-")
    if len(parts) != 4 or [len(part) for part in parts] != [2, 32, 16, 2] or parts[0] == "ff":
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
    except ValueError:
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


def _new() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
