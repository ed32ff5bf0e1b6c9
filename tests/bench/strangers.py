"""Boards while strangers knock at every open door, as fast as they are answered."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import Struct

from tests.bench import past
from tests.bench.dear import EVENT, p99
from tests.bench.figure import Figure
from tests.bench.ground import Ground, Measured, client
from tests.bench.wire import connect, request
from tests.waiting import PATIENCE

CONNECTIONS = 32  # of strangers
WARM = 0.5  # seconds of knocking before boards are asked for
DOORS = (
    "/metrics",
    "/health/ready",
    f"/api/events/{EVENT}/missions",
    "/api/session",
    "/nowhere",
    "/",
    "/sign-in",
    "/web/board.js",
    "/schema",
    "/health/live",
)


class Size(Struct, frozen=True):
    events: int = 20_000
    members: int = 500
    rounds: int = 5
    seconds: float = 5.0


QUICK = Size(events=2_000, members=100, rounds=1, seconds=0.5)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    url, quiet, loud, knocked = ground.database(), [], [], []
    with Measured.running(url, ground.folder(), RATE_LIMIT="1000000") as product:
        past.fill(url, size.members, 20, size.events)
        product.drain(PATIENCE * 5)
        boards: dict[str, Any] = {
            "port": product.port,
            "seconds": size.seconds,
            "moment": past.BEGIN.isoformat(),
            "dear": 0,
            "strangers": (),
            "tokens": [
                product.token(f"usr_{i}", f"event:{EVENT}:member") for i in range(size.members)
            ],
        }
        knocking = {"port": product.port, "seconds": size.seconds + 2 * WARM}
        client("dear", size.seconds + 60, **boards)  # all is warm
        with ThreadPoolExecutor(1) as pool:
            for number in range(size.rounds):
                before = client("dear", size.seconds + 60, **boards)
                beside = pool.submit(client, "strangers", size.seconds + 60, **knocking)
                time.sleep(WARM)
                seen = client("dear", size.seconds + 60, **boards)
                answers = beside.result()
                quiet.append(p99(before["took"]))
                loud.append(p99(seen["took"]))
                knocked.append(sum(answers.values()) / knocking["seconds"])
                ground.say(
                    f"  round {number + 1}: p99 {quiet[-1]:.1f} ms quiet, {loud[-1]:.1f} ms beside "
                    f"{knocked[-1]:,.0f} strangers a second: {answers}"
                )
                assert seen["boards"].keys() == {"200"}, seen["boards"]
    yield Figure(
        "strangers",
        f"p99 of boards beside strangers, {CONNECTIONS} at once, at every open door",
        "ms",
        tuple(loud),
        reach=3,
        baseline=tuple(quiet),
        baseline_what="the same boards while all is quiet",
        at_most=True,
        note=f"up to {max(knocked):,.0f} of them answered a second",
    )


# In the process of the load generator


async def generate(spec: Any) -> dict[str, int]:
    """How many were answered, by status."""
    statuses: Counter[str] = Counter()
    doors = [
        request("GET", path, "", headers="X-Forwarded-For: 192.0.2.1\r\n").replace(
            b"Authorization: Bearer \r\n", b""
        )
        for path in DOORS
    ]
    loops = [_knock(spec, statuses, doors[i % len(doors) :] + doors) for i in range(CONNECTIONS)]
    await asyncio.gather(*loops)
    return dict(statuses)


async def _knock(spec: Any, statuses: Counter[str], doors: list[bytes]) -> None:
    connection = await connect(spec["port"])
    until = time.monotonic() + spec["seconds"]
    for door in itertools.cycle(doors):
        if time.monotonic() >= until:
            return
        statuses[str(await connection.ask(door))] += 1
