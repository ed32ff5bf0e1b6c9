"""Rebuild of a read model from a long log, beside reading and decoding that log; and for how long
the swap keeps readers waiting, under traffic."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvloop
from msgspec import Struct

from projections.engine import event_log
from projections.engine.election import connect
from projections.engine.projector import PAGE, Projector
from projections.engine.rebuild import rebuild
from projections.missions.rows import MISSION_BOARD
from projections.read_models import READ_MODELS
from tests.bench.figure import Figure
from tests.bench.ground import STATUSES, Ground, Measured, as_processes_do, client
from tests.bench.past import fill
from tests.bench.wire import Connection, request
from tests.bench.wire import connect as connected
from tests.product import mission

CONNECTIONS = 8


class Size(Struct, frozen=True):
    members: int = 500
    missions: int = 20
    events: int = 1_000_000
    rounds: int = 3
    swaps: int = 3


QUICK = Size(members=20, events=1_000, rounds=1, swaps=1)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    url = ground.database()
    fill(url, size.members, size.missions, size.events)
    uvloop.run(_project(url, size.events))
    ours, baseline = [], []
    for number in range(1, size.rounds + 1):
        with as_processes_do():
            baseline.append(size.events / uvloop.run(_read(url)))
            ours.append(size.events / uvloop.run(_rebuild(url)))
        ground.say(f"  round {number}: read {baseline[-1]:,.0f}/s, rebuilt {ours[-1]:,.0f}/s")
    yield Figure(
        "rebuild",
        f"rebuild of {MISSION_BOARD.name} from {size.events:,} events, compared and swapped",
        "events/s",
        tuple(ours),
        reach=0.5,
        baseline=tuple(baseline),
        baseline_what="selecting and decoding the same events",
    )
    yield _swaps(ground, size)


async def _project(url: str, until: int) -> None:
    projector = Projector([MISSION_BOARD])
    try:
        await projector.start(url)
        await projector.catch_up(until)
    finally:
        await projector.stop()


async def _read(url: str) -> float:
    async with await connect(url, "bench") as connection:
        started, position = time.monotonic(), 0
        while page := await event_log.page(connection, position, PAGE):
            position = page[-1].position
        return time.monotonic() - started


async def _rebuild(url: str) -> float:
    started = time.monotonic()
    await rebuild(url, MISSION_BOARD)
    return time.monotonic() - started


def _swaps(ground: Ground, size: Size) -> Figure:
    held: list[float] = []
    with ground.product() as product, ThreadPoolExecutor(1) as pool:
        event = product.event(mission(id="goals"))
        for _ in range(size.swaps):
            traffic = pool.submit(_traffic, product, event)
            while not traffic.done():
                held += [1000 * uvloop.run(_held(product, model.name)) for model in READ_MODELS]
            seen = traffic.result()
            ground.say(
                f"  {len(held)} swaps, held for {max(held):.1f} ms at most; the longest of "
                f"{seen['answers']:,} requests took {seen['longest'] * 1000:.0f} ms"
            )
    return Figure(
        "rebuild swap",
        f"lock held for a swap, {CONNECTIONS} connections that read and write",
        "ms",
        tuple(held),
        reach=20,
        at_most=True,
        note=f"the longest of {len(held)} was {max(held):.1f} ms, from before the locks are asked "
        "for until the commit is heard of",
    )


async def _held(product: Measured, name: str) -> float:
    (model,) = (model for model in READ_MODELS if model.name == name)
    return (await rebuild(product.database_url, model)).held


def _traffic(product: Measured, event: str) -> Any:
    tokens = [product.token(f"usr_{i}", f"event:{event}:member") for i in range(CONNECTIONS)]
    path = f"/api/events/{event}"
    return client("rebuild", 60, port=product.port, seconds=3, path=path, tokens=tokens)


# In the process of the load generator


async def generate(spec: Any) -> dict[str, float]:
    until = time.monotonic() + spec["seconds"]
    each = (_use(await connected(spec["port"]), spec, token, until) for token in spec["tokens"])
    took = list(itertools.chain(*await asyncio.gather(*[use async for use in each])))
    return {"answers": len(took), "longest": max(took)}


async def _use(connection: Connection, spec: Any, token: str, until: float) -> list[float]:
    took = []
    for asked in _requests(spec["path"], token):
        started = time.monotonic()
        if started > until:
            break
        status = await connection.ask(asked)
        assert status == 200, status
        took.append(time.monotonic() - started)
    return took


def _requests(path: str, token: str) -> Iterator[bytes]:
    reads = ("/missions", "/missions/history", "/leaderboard", "/agenda")
    for status in itertools.cycle(STATUSES):
        body = b'{"status":"%s"}' % status.encode()
        yield request("PATCH", f"{path}/missions/goals", token, body)
        yield from (request("GET", f"{path}{read}", token) for read in reads)
