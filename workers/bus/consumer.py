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
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

import msgspec
import nats.errors
from msgspec import Raw, Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy, StreamState
from nats.js.errors import NotFoundError

from projections.engine.election import not_cancelled
from workers.bus import messages

NAME = str(messages.STREAM.name)
ACK_WAIT = 5.0  # seconds without an answer or a sign of life until it is delivered again
NOTED = "looked"  # in what JetStream keeps with a consumer: the sequence of _Looked
NOTE_SECONDS = 30.0  # between notes of it
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


class _Looked(NamedTuple):
    """The stream's sequence up to which all of our subjects was handed out and handled; since the
    consumer was made."""

    created: datetime
    sequence: int


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
        self._name = name
        self._looked: _Looked | None = None
        self._noted_at = 0.0
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
        self._client: Client = await messages.connect(self._nats_url, self._name)
        self._jetstream = self._client.jetstream()
        self._pulled = await self._jetstream.pull_subscribe_bind(self._name, NAME)
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
        first = await messages.first(self._jetstream)
        begins = messages.previous(first.headers)
        if begins <= self._after or await self._has_looked_at(int(first.seq or 0) - 1):
            return 0
        return min(begins, position - 1)

    async def _has_looked_at(self, sequence: int) -> bool:
        """Whether all of our subjects up to there was handed out before this message, and JetStream
        still is where it was by then."""
        looked = self._looked
        if looked is None or looked.sequence < sequence:
            return False
        info = await self._jetstream.consumer_info(NAME, self._name)
        return info.created == looked.created and _delivered(info) > looked.sequence

    def _handled(self, position: int) -> None:
        self._after = max(self._after, position)

    async def _ensure_consumer(self) -> None:
        """JetStream does not know it at first, and any more once it has lost all it holds."""
        try:
            state = (await self._jetstream.stream_info(NAME)).state
            info = await self._jetstream.consumer_info(NAME, self._name)
        except NotFoundError:
            self._looked = None
            await self._jetstream.add_consumer(NAME, self._config)  # no stream yet: again later
        else:
            self._looked = await self._looked_at(info, state)
            await self._note()
        self._checked_at = time.monotonic()

    async def _looked_at(self, info: ConsumerInfo, state: StreamState) -> _Looked | None:
        """None where it is not known: the stream has let go of what nobody had looked at, or begins
        anew, or something else was handled than we know of. The stream's state is of before."""
        looked = self._looked
        if looked is None or looked.created != info.created or looked.sequence > state.last_seq:
            looked = _Looked(info.created, await self._begins_at(info, state))
        if looked.sequence < state.first_seq - 1:
            return None
        if info.num_pending or info.num_ack_pending:
            return looked
        return _Looked(info.created, state.last_seq)

    async def _begins_at(self, info: ConsumerInfo, state: StreamState) -> int:
        """The sequence that is known when we begin; -1 for none."""
        floor = info.ack_floor.stream_seq if info.ack_floor else 0
        if not floor or not await self._is_handled(floor):
            return -1
        noted = int((info.config.metadata or {}).get(NOTED, 0))
        return max(floor, noted if noted <= state.last_seq else 0)

    async def _note(self) -> None:
        """Now and then, with the consumer: for who begins again."""
        if self._looked and time.monotonic() - self._noted_at >= NOTE_SECONDS:
            noted = {NOTED: str(self._looked.sequence)}
            await self._jetstream.add_consumer(NAME, self._config.evolve(metadata=noted))
            self._noted_at = time.monotonic()

    async def _is_handled(self, sequence: int) -> bool:
        """Whether what was acknowledged last is handled; so it is where it is no longer there."""
        try:
            message = await self._jetstream.get_msg(NAME, sequence)
        except NotFoundError:
            return True
        return messages.position(message.headers) <= self._after


def _delivered(info: ConsumerInfo) -> int:
    return info.delivered.stream_seq if info.delivered else 0
