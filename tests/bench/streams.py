"""Idle live feeds on one API process: what each costs in memory, and that they still hear."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.bench.figure import Figure
from tests.bench.ground import Ground, client
from tests.bench.wire import Feed, connect, listen, request
from tests.product import mission

AT_ONCE = 100  # streams that are being opened
WARM = 100  # streams that are opened and closed before anything is measured


class Size(Struct, frozen=True):
    streams: int = 10_000
    silence: float = 15.0  # seconds in which each must have heard a comment


QUICK = Size(streams=50, silence=0)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    with ground.product() as product:
        event = product.event(mission(id="mission_1"))
        names = [f"usr_{i}" for i in range(size.streams)]
        assert product.api
        seen = client(
            "streams",
            120,
            port=product.port,
            pid=product.api.pid,
            silence=size.silence,
            event=event,
            tokens={name: product.token(name, f"event:{event}:member") for name in names},
        )
    ground.say(
        f"  {size.streams:,} streams open after {seen['opening']:.1f} s; all heard a comment "
        f"within {seen['beats_within']:.1f} s; a message took {seen['message']:.0f} ms"
    )
    yield Figure(
        "streams",
        f"{size.streams:,} idle live feeds on one API process, memory of each",
        "kB",
        (seen["kilobytes"],),
        reach=40,
        at_most=True,
        note=f"opened in {seen['opening']:.1f} s; all heard a comment within "
        f"{seen['beats_within']:.1f} s; with all open a message took {seen['message']:.0f} ms",
    )


# In the process of the load generator


async def generate(spec: Any) -> dict[str, float]:
    heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    await _warm(spec)
    before = memory(spec["pid"])
    started = time.monotonic()
    feeds = await _open(spec, lambda _: heard.set_result(time.monotonic()))
    opening = time.monotonic() - started
    kilobytes = (memory(spec["pid"]) - before) / len(feeds)
    message = await _message(spec, heard)
    return {
        "opening": opening,
        "beats_within": await _beats(feeds, spec["silence"]) if spec["silence"] else 0.0,
        "kilobytes": max(kilobytes, (memory(spec["pid"]) - before) / len(feeds)),
        "message": message,
    }


def memory(pid: int) -> int:
    """Kilobytes that a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise LookupError(f"process {pid} is gone")


async def _warm(spec: Any) -> None:
    name, token = next(iter(spec["tokens"].items()))
    for _ in range(WARM):
        path = f"/api/events/{spec['event']}/members/{name}/stream"
        feed = await listen(spec["port"], request("GET", path, token), lambda data: None)
        feed.transport.close()


async def _open(spec: Any, heard: Any) -> list[Feed]:
    feeds: list[Feed] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, token: str) -> None:
        path = f"/api/events/{spec['event']}/members/{name}/stream"
        async with gate:
            feeds.append(await listen(spec["port"], request("GET", path, token), heard))

    await asyncio.gather(*(one(*pair) for pair in spec["tokens"].items()))
    return feeds


async def _message(spec: Any, heard: "asyncio.Future[float]") -> float:
    """Milliseconds until one member hears of what they did."""
    connection = await connect(spec["port"])
    _, token = next(iter(spec["tokens"].items()))
    path = f"/api/events/{spec['event']}/missions/mission_1"
    sent = time.monotonic()
    assert await connection.ask(request("PATCH", path, token, b'{"status":"completed"}')) == 200
    return (await asyncio.wait_for(heard, 10) - sent) * 1000


async def _beats(feeds: list[Feed], seconds: float) -> float:
    """Seconds until each has heard another comment."""
    before = {feed: feed.beats for feed in feeds}
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while waiting := [feed for feed in before if feed.beats == before[feed]]:
            await asyncio.sleep(0.1)
            before = {feed: before[feed] for feed in waiting}
    return time.monotonic() - started
