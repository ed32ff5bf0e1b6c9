"""GET of one's board over HTTP: as of the last click, beside a GET that does nothing."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any

import httpx
from msgspec import Struct

from tests.bench.figure import Figure
from tests.bench.ground import MISSIONS, Ground, Measured, client
from tests.bench.wire import Connection, connect, request
from tests.product import mission

CONNECTIONS = 64
STARTED = 3  # missions of each board


class Size(Struct, frozen=True):
    members: int = 512
    rounds: int = 9
    seconds: float = 2.0


QUICK = Size(members=64, rounds=1, seconds=0.3)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    ours, baseline = [], []
    with ground.product() as product:
        event = product.event(*(mission(id=name) for name in MISSIONS))
        scope = f"event:{event}:member"
        tokens = [product.token(f"usr_{i}", scope) for i in range(size.members)]
        _click(product, event, tokens)
        product.drain()
        for number in range(size.rounds):
            baseline.append(_load(product, f"/empty/events/{event}/missions", size, tokens))
            ours.append(_load(product, f"/api/events/{event}/missions", size, tokens))
            ground.say(f"  round {number + 1}: empty {baseline[-1]:,.0f}/s, ours {ours[-1]:,.0f}/s")
    yield Figure(
        "board",
        f"GET of one's board over HTTP, {CONNECTIONS} connections",
        "requests/s",
        tuple(ours),
        reach=0.35,
        baseline=tuple(baseline),
        baseline_what="an empty GET handler behind the same auth in the same server",
    )


def _click(product: Measured, event: str, tokens: list[str]) -> None:
    with httpx.Client(base_url=product.url) as members:
        for token, name in itertools.product(tokens, MISSIONS[:STARTED]):
            members.patch(
                f"/api/events/{event}/missions/{name}",
                json={"status": "completed"},
                headers={"Authorization": f"Bearer {token}"},
            ).raise_for_status()


def _load(product: Measured, path: str, size: Size, tokens: list[str]) -> float:
    with httpx.Client(base_url=product.url) as once:
        once.get(path, headers={"Authorization": f"Bearer {tokens[0]}"}).raise_for_status()
    spec = {"port": product.port, "seconds": size.seconds, "path": path, "tokens": tokens}
    return float(client("board", size.seconds + 30, **spec))


# In the process of the load generator


async def generate(spec: Any) -> float:
    """Answers a second."""
    connections = [await connect(spec["port"]) for _ in range(CONNECTIONS)]
    started = time.monotonic()
    until = started + spec["seconds"]
    requests = [request("GET", spec["path"], token) for token in spec["tokens"]]
    answers = await asyncio.gather(
        *(
            _use(connection, itertools.cycle(requests[i::CONNECTIONS]), until)
            for i, connection in enumerate(connections)
        )
    )
    return sum(answers) / (time.monotonic() - started)


async def _use(connection: Connection, requests: Iterator[bytes], until: float) -> int:
    answers = 0
    while time.monotonic() < until:
        status = await connection.ask(next(requests))
        assert status == 200, status
        answers += 1
    return answers
