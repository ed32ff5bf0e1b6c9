"""JetStream's side of a durable consumer: it rings for each event, one at a time, in order."""

from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from workers.bus import messages

NAME = str(messages.STREAM.name)
ACK_WAIT = 5.0  # seconds without a sign of life until a message is delivered again
POLL_SECONDS = 1.0  # seconds to wait for a message


class Bell:
    def __init__(self, name: str, nats_url: str) -> None:
        self._name = name
        self._nats_url = nats_url
        self._client: Client | None = None

    async def open(self) -> None:
        self._client = await messages.connect(self._nats_url, self._name)
        self._jetstream = self._client.jetstream()
        self._rings = await self._jetstream.pull_subscribe_bind(self._name, NAME)

    async def close(self) -> None:
        if self._client:
            await self._client.close()

    async def ensure_consumer(self, position: int) -> None:
        """Whether JetStream still knows us. Where it does not, we go on at its end, once that is no
        further back than we are."""
        try:
            await self._jetstream.consumer_info(NAME, self._name)
        except NotFoundError:
            with suppress(NotFoundError):
                last = await self._jetstream.get_last_msg(NAME, "events.>")
                if messages.position(last.headers) >= position:
                    await self._jetstream.add_consumer(NAME, _config(self._name))

    async def next(self) -> Msg | None:
        """None: nothing came, or we are not known, which the next look tells."""
        try:
            (message,) = await self._rings.fetch(1, timeout=POLL_SECONDS)
        except nats.errors.Error:
            return None
        return message


def _config(name: str) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=name,
        deliver_policy=DeliverPolicy.LAST,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_ack_pending=1,
        max_deliver=-1,  # which delivery is the last is ours to say: then it is parked
    )
