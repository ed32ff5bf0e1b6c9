"""Boards while one member asks for the dearest that there is, and strangers knock at open doors."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from msgspec import Struct

from tests.bench import past
from tests.bench.figure import Figure
from tests.bench.ground import Ground, Measured, client
from tests.bench.wire import Connection, connect, request
from tests.waiting import PATIENCE

CONNECTIONS = 8
RATE = 100  # boards asked for a second
KNOCKS = 100  # a second, at each open door
DEAR = 16  # leaderboards as of a time, asked for at once, again and again
EVENT = past.EVENT
STRANGERS = (
    "/metrics",
    "/health/ready",
    f"/api/events/{EVENT}/members/usr_0/agenda.ics?secret={'x' * 43}",
)


class Size(Struct, frozen=True):
    events: int = 100_000
    members: int = 2_000
    rounds: int = 5
    seconds: float = 5.0


QUICK = Size(events=2_000, members=100, rounds=1, seconds=0.5)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    url, quiet, loud = ground.database(), [], []
    with Measured.running(url, ground.folder(), RATE_LIMIT="1000000") as product:
        past.fill(url, size.members, 20, size.events)
        product.drain(PATIENCE * 5)
        spec = {
            "port": product.port,
            "seconds": size.seconds,
            "moment": (past.BEGIN + timedelta(seconds=size.events // 2)).isoformat(),
            "tokens": [
                product.token(f"usr_{i}", f"event:{EVENT}:member") for i in range(size.members)
            ],
        }
        client("dear", size.seconds + 60, **spec, dear=0, strangers=())  # all is warm
        for number in range(size.rounds):
            before = client("dear", size.seconds + 60, **spec, dear=0, strangers=())
            seen = client("dear", size.seconds + 60, **spec, dear=DEAR, strangers=STRANGERS)
            quiet.append(p99(before["took"]))
            loud.append(p99(seen["took"]))
            ground.say(
                f"  round {number + 1}: p99 {quiet[-1]:.1f} ms quiet, {loud[-1]:.1f} ms beside; "
                f"boards {seen['boards']}, leaderboards {seen['dear']}, doors {seen['doors']}"
            )
            assert seen["boards"].keys() == {"200"}, seen["boards"]
    yield Figure(
        "dear",
        f"p99 of boards beside {DEAR} leaderboards as of a time by one member, and a stranger at "
        "each open door",
        "ms",
        tuple(loud),
        reach=3,
        baseline=tuple(quiet),
        baseline_what="the same boards while all is quiet",
        at_most=True,
        note=f"{RATE} boards a second; a log of {size.events:,} events",
    )


def p99(took: Sequence[float]) -> float:
    return sorted(took)[len(took) * 99 // 100]


# In the process of the load generator


async def generate(spec: Any) -> dict[str, Any]:
    until = time.monotonic() + spec["seconds"]
    tokens = itertools.cycle(spec["tokens"][1:])
    moment = spec["moment"].replace("+", "%2B")
    dear = request("GET", f"/api/events/{EVENT}/leaderboard?as_of={moment}", spec["tokens"][0])
    strangers = [
        request("GET", path, "", headers="X-Forwarded-For: 192.0.2.1\r\n").replace(
            b"Authorization: Bearer \r\n", b""
        )
        for path in spec["strangers"]
    ]
    took: list[float] = []
    statuses = {name: Counter[str]() for name in ("boards", "dear", "doors")}
    beside = [("dear", dear, 0.0)] * spec["dear"]
    beside += [("doors", one, 1 / KNOCKS) for one in strangers]
    loops = [
        asyncio.create_task(_again(await connect(spec["port"]), what, statuses[name], rest))
        for name, what, rest in beside
    ]
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await connect(spec["port"]))
    boards = [
        asyncio.create_task(_board(idle, next(tokens), at, took, statuses["boards"]))
        for at in _times(until)
    ]
    await asyncio.gather(*boards)
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)
    return {"took": took, **statuses}


def _times(until: float) -> Iterator[float]:
    at = time.monotonic()
    while at < until:
        yield at
        at += 1 / RATE


async def _board(
    idle: "asyncio.Queue[Connection]",
    token: str,
    at: float,
    took: list[float],
    statuses: Counter[str],
) -> None:
    """Milliseconds from when it was due."""
    await asyncio.sleep(at - time.monotonic())
    connection = await idle.get()
    status = await connection.ask(request("GET", f"/api/events/{EVENT}/missions", token))
    idle.put_nowait(connection)
    took.append((time.monotonic() - at) * 1000)
    statuses[str(status)] += 1


async def _again(connection: Connection, what: bytes, statuses: Counter[str], rest: float) -> None:
    """Until it is cancelled."""
    while True:
        statuses[str(await connection.ask(what))] += 1
        await asyncio.sleep(rest)
