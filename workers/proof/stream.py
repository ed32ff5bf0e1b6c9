"""Reads the headers of all messages of one event from JetStream, in order, and from where on it
has them."""

from collections.abc import Mapping

import nats.errors
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from workers.bus import messages

PAGE = 500
PATIENCE = 2.0  # seconds for each page

Headers = Mapping[str, str]


async def published(nats_url: str, event_id: str) -> tuple[int, list[Headers]]:
    """The first is the position after which the stream has all."""
    client = await messages.connect(nats_url, "proof")
    try:
        begins = await messages.begins_after(client.jetstream())
        return begins, await _read(client, f"events.*.{event_id}.>")
    finally:
        await client.close()


async def _read(client: Client, subject: str) -> list[Headers]:
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.NONE,
        headers_only=True,
        mem_storage=True,
        inactive_threshold=30,
    )
    stream = str(messages.STREAM.name)
    subscription = await client.jetstream().pull_subscribe(subject, stream=stream, config=config)
    total = (await subscription.consumer_info()).num_pending or 0
    found: list[Headers] = []
    while len(found) < total:
        try:
            page = await subscription.fetch(min(PAGE, total - len(found)), timeout=PATIENCE)
        except nats.errors.TimeoutError:
            break
        found += [message.headers or {} for message in page]
    return found
