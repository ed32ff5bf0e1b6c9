"""From a PATCH to the message on another connection, at a steady rate that waits for nobody."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from statistics import quantiles
from typing import Any

from msgspec import Struct

from tests.bench.figure import Figure
from tests.bench.ground import MISSIONS, STATUSES, Ground, client
from tests.bench.wire import ask_any, connections, listen, request
from tests.product import mission

CONNECTIONS = 64


class Size(Struct, frozen=True):
    members: int = 200
    rate: int = 200
    seconds: float = 5.0
    rounds: int = 3


QUICK = Size(members=10, rate=50, seconds=0.5, rounds=1)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    rounds = []
    with ground.product() as product:
        event = product.event(*(mission(id=name) for name in MISSIONS))
        for number in range(size.rounds):
            taken = client(
                "feed",
                size.seconds + 60,
                port=product.port,
                event=event,
                mission=MISSIONS[number],
                rate=size.rate,
                seconds=size.seconds,
                tokens={
                    f"usr_{i}": product.token(f"usr_{i}", f"event:{event}:member")
                    for i in range(size.members)
                },
            )
            cuts = quantiles(taken, n=100)
            rounds.append((cuts[49], cuts[98]))
            ground.say(f"  round {number + 1}: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms")
    what = f"PATCH to message on another connection, {size.rate}/s"
    halves, most = zip(*rounds, strict=True)
    yield Figure("feed p50", f"{what}, half of them", "ms", halves, reach=15, at_most=True)
    yield Figure("feed p99", f"{what}, 99 of 100", "ms", most, reach=60, at_most=True)


# In the process of the load generator


async def generate(spec: Any) -> list[float]:
    """Milliseconds from each PATCH to its message, in the order of the messages."""
    taken = _Taken(int(spec["rate"] * spec["seconds"]))
    sent: dict[str, deque[float]] = {name: deque() for name in spec["tokens"]}
    for name, token in spec["tokens"].items():
        path = f"/api/events/{spec['event']}/members/{name}/stream"
        await listen(spec["port"], request("GET", path, token), taken.since(sent[name]))
    idle = await connections(spec["port"], CONNECTIONS)
    turns = itertools.cycle(itertools.product(STATUSES, spec["tokens"].items()))
    path = f"/api/events/{spec['event']}/missions/{spec['mission']}"
    started = time.monotonic()
    tasks = []
    for i in range(int(spec["rate"] * spec["seconds"])):
        await asyncio.sleep(started + i / spec["rate"] - time.monotonic())
        status, (name, token) = next(turns)
        body = b'{"status":"%s"}' % status.encode()
        sent[name].append(time.monotonic())
        tasks.append(asyncio.create_task(ask_any(idle, request("PATCH", path, token, body))))
    await asyncio.gather(*tasks)
    await asyncio.wait_for(taken.all, 30)
    return taken.milliseconds


class _Taken:
    """How long each message took, until all have come."""

    def __init__(self, expected: int) -> None:
        self.milliseconds: list[float] = []
        self.all: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expected = expected

    def since(self, sent: "deque[float]") -> Callable[[bytes], None]:
        """A member's messages come in the order of their commands."""

        def heard(_: bytes) -> None:
            self.milliseconds.append((time.monotonic() - sent.popleft()) * 1000)
            if len(self.milliseconds) == self._expected:
                self.all.set_result(None)

        return heard
