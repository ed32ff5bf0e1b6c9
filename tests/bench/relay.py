"""The relay alone: events a second from the log, with what their feeds say of them, to a NATS that
has acknowledged them."""

import time
from collections.abc import Iterator

import uvloop
from msgspec import Struct

from projections.engine.projector import Projector
from projections.read_models import FEEDS
from tests.bench.figure import Figure
from tests.bench.ground import Ground, as_processes_do
from tests.bench.past import fill
from workers.bus.relay import Relay
from workers.servers.embedded import start_nats


class Size(Struct, frozen=True):
    members: int = 500
    missions: int = 20
    events: int = 50_000
    rounds: int = 5


QUICK = Size(members=20, events=1_000, rounds=1)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    rates = []
    for number in range(1, size.rounds + 1):
        nats = start_nats(ground.folder())
        try:
            with as_processes_do():
                rates.append(uvloop.run(_publish(ground.database(), nats.url, size)))
        finally:
            nats.stop()
        ground.say(f"  round {number}: {rates[-1]:,.0f}/s")
    what = f"{size.events:,} events from the log to NATS"
    yield Figure("relay", what, "events/s", tuple(rates), reach=10_000)


async def _publish(database_url: str, nats_url: str, size: Size) -> float:
    """Events a second. The stream has the first event already: an empty one begins further on."""
    fill(database_url, size.members, size.missions, 1)
    relay = Relay(nats_url)
    await relay.start(database_url)
    try:
        while relay.position < 1:
            await relay.step()
        fill(database_url, size.members, size.missions, size.events, first=1)
        projector = Projector(FEEDS)
        await projector.start(database_url)
        await projector.catch_up(size.events)
        await projector.stop()
        started = time.monotonic()
        while relay.position < size.events:
            await relay.step()
        return (size.events - 1) / (time.monotonic() - started)
    finally:
        await relay.stop()
