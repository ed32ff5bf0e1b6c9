"""PATCH over HTTP: recorded for good before it is answered, under an Idempotency-Key, with
projector and relay at work, beside a PATCH that does nothing."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from msgspec import Struct

from tests.bench.figure import Figure
from tests.bench.ground import MISSIONS, STATUSES, Ground, Measured, client
from tests.bench.wire import Connection, connect, request
from tests.product import mission

CONNECTIONS = 64


class Size(Struct, frozen=True):
    members: int = 2_048
    rounds: int = 5
    seconds: float = 3.0


QUICK = Size(members=64, rounds=1, seconds=0.3)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    ours, baseline, behind = [], [], []
    with ground.product() as product:
        event = product.event(*(mission(id=name) for name in MISSIONS))
        scope = f"event:{event}:member"
        tokens = [product.token(f"usr_{i}", scope) for i in range(size.members)]
        for number in range(size.rounds):
            baseline.append(_load(product, f"/empty/events/{event}", number, size, tokens)["rate"])
            before = _recorded(product)
            seen = _load(product, f"/api/events/{event}", number, size, tokens)
            ours.append(seen["rate"])
            assert _recorded(product) - before == seen["answers"]
            started = time.monotonic()
            product.drain()
            behind.append(time.monotonic() - started)
            ground.say(
                f"  round {number + 1}: empty {baseline[-1]:,.0f}/s, ours {ours[-1]:,.0f}/s, "
                f"read models and bus there {behind[-1]:.1f} s later"
            )
    yield Figure(
        "patch",
        f"PATCH over HTTP, {CONNECTIONS} connections, with Idempotency-Key",
        "requests/s",
        tuple(ours),
        reach=0.5,
        baseline=tuple(baseline),
        baseline_what="an empty PATCH handler behind the same auth in the same server",
        note=f"each recorded one event; projector and relay were done at most "
        f"{max(behind):.1f} s after the last answer",
    )


def _load(product: Measured, path: str, number: int, size: Size, tokens: list[str]) -> Any:
    """Each round begins with another mission, where all boards are alike."""
    return client(
        "patch",
        size.seconds + 30,
        port=product.port,
        seconds=size.seconds,
        path=f"{path}/missions",
        missions=MISSIONS[number * 2 : number * 2 + 2],
        key=f"key-{number}",
        tokens=tokens,
    )


def _recorded(product: Measured) -> int:
    with psycopg.connect(product.database_url) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM events.log").fetchall()
        return int(count)


# In the process of the load generator


async def generate(spec: Any) -> dict[str, float]:
    connections = [await connect(spec["port"]) for _ in range(CONNECTIONS)]
    until = time.monotonic() + spec["seconds"]
    started = time.monotonic()
    answers = await asyncio.gather(
        *(
            _use(connection, _requests(spec, spec["tokens"][i::CONNECTIONS], i), until)
            for i, connection in enumerate(connections)
        )
    )
    return {"answers": sum(answers), "rate": sum(answers) / (time.monotonic() - started)}


async def _use(connection: Connection, requests: Iterator[bytes], until: float) -> int:
    answers = 0
    while time.monotonic() < until:
        status = await connection.ask(next(requests))
        assert status == 200, status
        answers += 1
    return answers


def _requests(spec: Any, tokens: list[str], connection: int) -> Iterator[bytes]:
    """Each changes something: one member's mission is started, completed, reset."""
    keys = (f"Idempotency-Key: {spec['key']}-{connection}-{i}\r\n" for i in itertools.count())
    for name, status in itertools.cycle(itertools.product(spec["missions"], STATUSES)):
        body = b'{"status":"%s"}' % status.encode()
        for token in tokens:
            yield request("PATCH", f"{spec['path']}/{name}", token, body, next(keys))
