"""NATS: how one connects, and what an event looks like there.

Subjects are `events.<capability>.<scope id>.<subject id>.<EventName>`. An event is a CloudEvent
in binary mode (CloudEvents 1.0, NATS protocol binding): attributes as `ce-` headers, with the
position as `ce-id`. The body holds the facts and what the live feeds say of them.
"""

from collections.abc import Awaitable, Callable

import msgspec
import nats
from msgspec import Raw, Struct
from nats.aio.client import Client
from nats.js.api import RetentionPolicy, StorageType, StreamConfig

from domain.aggregate import Recorded

STREAM = StreamConfig(
    name="EVENTS",
    description="What was recorded, in its order. Made again from Postgres when it is lost.",
    subjects=["events.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    duplicate_window=0.1,  # seconds; the chain of expected ids sees doubles, for ever
)

POSITION = "Nats-Msg-Id"
PREVIOUS = "Nats-Expected-Last-Msg-Id"


class Told(Struct, frozen=True):
    """What a member's live feed says of an event."""

    event_id: str
    member_id: str
    type: str
    data: Raw


class Body(Struct, frozen=True):
    event: Raw
    feed: Raw = Raw(b"[]")


async def connect(
    url: str, name: str, on_reconnect: Callable[[], Awaitable[None]] | None = None
) -> Client:
    async def ignore(_: Exception) -> None:
        """The client says the same again to whoever calls it."""

    return await nats.connect(
        url,
        name=f"rapport {name}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
        ping_interval=10,
        error_cb=ignore,
        reconnected_cb=on_reconnect,
    )


def subject(recorded: Recorded) -> str:
    """A dot in an id would split it in two."""
    capability, scope, *rest = (p.replace(".", "%2E") for p in recorded.stream.split(":"))
    return ".".join(("events", capability, scope, *(rest or ["-"]), type(recorded.event).__name__))


def headers(recorded: Recorded, trace: str | None) -> dict[str, str]:
    values = {
        POSITION: str(recorded.position),
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": str(recorded.position),
        "ce-source": "/" + recorded.stream.replace(":", "/"),
        "ce-type": type(recorded.event).__name__,
        "ce-time": recorded.at.isoformat(),
        "ce-actor": recorded.actor,
        "ce-tenant": recorded.tenant,
    }
    return values | ({"traceparent": trace} if trace else {})


def body(recorded: Recorded, feed: str | None) -> bytes:
    facts = Raw(msgspec.json.encode(recorded.event))
    return msgspec.json.encode(Body(facts, Raw((feed or "[]").encode())))
