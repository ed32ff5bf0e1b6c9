"""NATS: how one connects, and what an event looks like there.

The stream holds each event from its first message to its last: older ones go, by size and by age.
Where it was lost, or the relay was away for long, it begins again near the end of the log. Who
hears all subjects can tell what they missed: each message names the position before it, as
PREVIOUS, or as AFTER where the stream begins again.

Subjects are `events.<capability>.<scope id>.<subject id>.<EventName>`. An event is a CloudEvent
in binary mode (CloudEvents 1.0, NATS protocol binding): attributes as `ce-` headers, with the
position as `ce-id`. The body holds the facts and what their capability's live feed says of them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import Raw, Struct, field
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg, RetentionPolicy, StorageType, StreamConfig

from domain.aggregate import Recorded
from domain.personal import taken_out
from domain.store.envelope import Newer
from projections.engine.event_log import mapper

log = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds for a first connection
STREAM = StreamConfig(
    name="EVENTS",
    description="What was recorded, in its order. Made again from Postgres when it is lost.",
    subjects=["events.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    max_bytes=256 * 2**20,  # some 250,000 events
    max_age=7 * 86_400.0,  # seconds
    duplicate_window=0.1,  # seconds; the chain of expected ids sees doubles, for ever
)

ROOM = 10_000  # bytes of a message for its headers, and more than they take
POSITION = "Nats-Msg-Id"
UNKNOWN = datetime(1970, 1, 1, tzinfo=UTC)
PREVIOUS = "Nats-Expected-Last-Msg-Id"
AFTER = "Rapport-After"


class FeedMessage(Struct, frozen=True):
    """A message of a member's live feed."""

    scope_id: str = field(name="event_id")
    member_id: str
    type: str
    data: Raw


class Body(Struct, frozen=True):
    """`feed` is a list of FeedMessage, or null: then Postgres has it. Either it is more than a
    message has room for, or the feed is behind, and Postgres will have it once it shows `ce-id`.
    """

    event: Raw
    feed: Raw = Raw(b"[]")


async def connect(
    url: str, name: str, on_reconnect: Callable[[], Awaitable[None]] | None = None
) -> Client:
    """Raises OSError where nobody answers; once connected it stays so, for ever. Each thing that
    goes wrong is logged once until then."""
    said: set[str] = set()

    async def say(e: Exception) -> None:
        what = f"{type(e).__name__}: {e}"
        if what not in said:
            said.add(what)
            log.warning("the connection of %s to NATS: %s", name, what)
        if not client.is_connected and client._transport:
            # Else an attempt that broke off leaves its socket open.
            client._transport.close()  # type: ignore[no-untyped-call]

    async def reconnected() -> None:
        said.clear()
        if on_reconnect:
            await on_reconnect()

    client = Client()
    try:
        async with asyncio.timeout(PATIENCE):
            await client.connect(
                [address.strip() for address in url.split(",")],
                name=f"rapport {name}",
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,  # type: ignore[arg-type]
                ping_interval=10,
                error_cb=say,
                reconnected_cb=reconnected,
            )
    except BaseException as e:
        if not client.is_closed:
            await client.close()
        if isinstance(e, TimeoutError):
            raise ConnectionError("NATS does not answer") from None
        raise
    return client


class Unreadable(Struct, frozen=True):
    """Stands for an event that cannot be read, so that the stream has no gap. Before, also for one
    that a newer version had recorded."""


def unreadable(position: int) -> Recorded:
    return Recorded(position, "unreadable:-", 0, Unreadable(), UNKNOWN, "", "")


def is_unreadable(headers: Mapping[str, str] | None) -> bool:
    """Whether a message stands for an event that whoever published it could not read."""
    return (headers or {}).get("ce-type") == Unreadable.__name__


def announced(subject: str) -> tuple[str, str]:
    """The aggregate and the scope in a subject; empty strings where it is none of ours."""
    _, aggregate, scope_id, *_ = (*subject.split("."), "", "")
    return aggregate, scope_id.replace("%2E", ".")


def subject(recorded: Recorded) -> str:
    """A dot in an id would split it in two."""
    capability, scope, *rest = (p.replace(".", "%2E") for p in recorded.stream.split(":"))
    return ".".join(("events", capability, scope, *(rest or ["-"]), _topic(recorded)))


def _topic(recorded: Recorded) -> str:
    event = recorded.event
    return event.topic if isinstance(event, Newer) else mapper.topic(event)


def headers(recorded: Recorded, trace: str | None) -> dict[str, str]:
    values = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-actor": recorded.actor,
        "ce-tenant": recorded.tenant,
    }
    return _identity(recorded) | values | ({"traceparent": trace} if trace else {})


def _identity(recorded: Recorded) -> dict[str, str]:
    return {
        POSITION: str(recorded.position),
        "ce-id": str(recorded.position),
        "ce-source": "/" + recorded.stream.replace(":", "/"),
        "ce-type": _topic(recorded),
        "ce-time": recorded.at.isoformat(),
    }


def position(headers: Mapping[str, str] | None) -> int:
    """0: not one of ours."""
    value = (headers or {}).get(POSITION, "")
    return int(value) if value.isascii() and value.isdigit() else 0


def previous(headers: Mapping[str, str] | None) -> int:
    """The position after which nothing is missing before this message."""
    given = headers or {}
    value = given.get(PREVIOUS) or given.get(AFTER, "")
    return int(value) if value.isascii() and value.isdigit() else 0


async def begins_after(jetstream: JetStreamContext) -> int:
    """The position after which the stream has all. Raises NotFoundError where it has nothing."""
    return previous((await first(jetstream)).headers)


async def first(jetstream: JetStreamContext) -> RawStreamMsg:
    """The first message that the stream has. Raises NotFoundError where it has nothing."""
    return await jetstream.get_msg(str(STREAM.name), 1, subject="events.>", next=True)


def is_of(headers: Mapping[str, str] | None, recorded: Recorded) -> bool:
    """Whether a message is about this very event, and not about one of another past."""
    return _identity(recorded).items() <= (headers or {}).items()


def body(recorded: Recorded, feed: str | None, most: int) -> bytes:
    """Facts, but for what is personal in them, and `feed`: a JSON list of what is said of them, or
    `null`. At most `most` bytes with the headers: what no message has room for, the feed first, is
    null. The log and the feeds have it, at the position in `ce-id`."""
    facts, told = _facts(recorded), (feed or "[]").encode()
    if len(told) + ROOM > most:
        told = b"null"
    fits = len(facts) + len(told) + ROOM <= most
    return msgspec.json.encode(Body(Raw(facts if fits else b"null"), Raw(told)))


def _facts(recorded: Recorded) -> bytes:
    """The facts as JSON; those of a newer version as stored, without what is personal already."""
    if isinstance(recorded.event, Newer):
        return bytes(recorded.event.data)
    return msgspec.json.encode(taken_out(recorded.event, recorded.stream)[0])
