"""For workers of others: what is recorded, as it comes, by a durable JetStream consumer.

Our own readers do not need it: they read the log. Whoever cannot, hears each event here, at least
once and in order. JetStream may lose what it holds, and then begins again with the last events of
the log; so the position, and not JetStream, says what was handled. Keep it with what you make of
the event:

    async with DurableConsumer(nats_url, "crm", after=read_position()) as deliveries:
        async for delivery in deliveries:
            write(delivery.facts, delivery.position)  # in one transaction
            await delivery.ack()

In any other language: a durable pull consumer on the stream EVENTS, with explicit acks and at most
one of them pending; skip messages whose Nats-Msg-Id, a number, is no greater than the last one that
was handled. The stream is a buffer: it does not have what is older than a week, nor, once it was
lost, what was long before. Who stood still for so long has missed events, and is told (`missed`): a
message names the position before it (`messages.previous`), which is then greater than the last that
was handled. What a message holds: workers/bus/messages.py.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec
import nats.errors
from msgspec import Raw, Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from projections.engine.election import not_cancelled
from workers.bus import messages

NAME = str(messages.STREAM.name)
ACK_WAIT = 5.0  # seconds without an answer or a sign of life until it is delivered again
POLL_SECONDS = 1.0  # seconds to wait for a message, and between looks whether we are still known


class Delivery(Struct, frozen=True, eq=False):
    """An event, `deliveries` times delivered. It is followed by the next once it is acknowledged;
    without an answer it comes again. Facts that are personal, or too large, are null: the log has
    them."""

    position: int
    subject: str  # events.<capability>.<scope id>.<subject id>.<EventName>
    headers: dict[str, str]  # attributes of a CloudEvent, and traceparent
    facts: Raw  # JSON
    deliveries: int
    message: Msg
    handled: Callable[[int], None]
    missed: int = 0  # events up to this position, since the last that was handled, may never come

    async def ack(self) -> None:
        """It was handled, and is skipped from now on, also where JetStream forgets this answer."""
        self.handled(self.position)
        await self.message.ack()

    async def retry(self, after: float) -> None:
        """Deliver it again, in so many seconds. All that follows waits meanwhile: what can never
        be handled is to be put aside, and acknowledged."""
        await self.message.nak(delay=after)

    async def in_progress(self) -> None:
        """A sign of life, for what takes longer than ACK_WAIT."""
        await self.message.in_progress()


class DurableConsumer:
    """`name` is this worker's own: two processes under one name share its deliveries. `after` is
    the position of the last event that was handled, 0 for none; `subjects` may choose some, as in
    `events.missions.>`."""

    def __init__(
        self, nats_url: str, name: str, after: int = 0, subjects: str = "events.>"
    ) -> None:
        self._nats_url = nats_url
        self._after = after
        self._checked_at = 0.0
        self._config = ConsumerConfig(
            durable_name=name,
            filter_subject=subjects,
            deliver_policy=DeliverPolicy.ALL,  # what was handled is skipped
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_ack_pending=1,  # so a delivery that comes again is not overtaken
            max_deliver=-1,
        )

    async def __aenter__(self) -> Self:
        self._client: Client = await messages.connect(
            self._nats_url, str(self._config.durable_name)
        )
        self._jetstream = self._client.jetstream()
        self._pulled = await self._jetstream.pull_subscribe_bind(
            str(self._config.durable_name), NAME
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._client.close()

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        while not_cancelled():  # the client of NATS may keep a cancellation to itself
            with suppress(nats.errors.Error, OSError):  # it may be away for a while
                if delivery := await self._next():
                    yield delivery

    async def _next(self) -> Delivery | None:
        if time.monotonic() - self._checked_at >= POLL_SECONDS:
            await self._ensure_consumer()
        (message,) = await self._pulled.fetch(1, timeout=POLL_SECONDS)
        position = messages.position(message.headers)
        if position <= self._after:
            await message.ack()
            return None
        body = msgspec.json.decode(message.data, type=messages.Body)
        headers, deliveries = dict(message.headers or {}), message.metadata.num_delivered
        about = message.subject, headers, body.event, deliveries, message, self._handled
        return Delivery(position, *about, await self._missed(headers, position))

    async def _missed(self, headers: Mapping[str, str], position: int) -> int:
        """Messages between may be other subjects', or no longer there."""
        if messages.previous(headers) <= self._after:
            return 0
        begins = await messages.begins_after(self._jetstream)
        return min(begins, position - 1) if begins > self._after else 0

    def _handled(self, position: int) -> None:
        self._after = max(self._after, position)

    async def _ensure_consumer(self) -> None:
        """JetStream does not know it at first, and any more once it has lost all it holds."""
        try:
            await self._jetstream.consumer_info(NAME, str(self._config.durable_name))
        except NotFoundError:
            await self._jetstream.add_consumer(NAME, self._config)  # no stream yet: again later
        self._checked_at = time.monotonic()
