"""Everybody comes back at once, each having missed something, and boards go on meanwhile."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from msgspec import Struct

from api.live.reader import retry_within
from tests.bench.dear import CONNECTIONS, RATE, p99
from tests.bench.figure import Figure
from tests.bench.ground import Ground, client
from tests.bench.wire import Connection, Feed, connect, listen, request
from tests.product import mission

MISSED = 3  # messages of each reader
SAID = """
    INSERT INTO views.live_missions (event_id, member_id, position, type, data)
    SELECT %(event)s, 'usr_' || n, said, 'MISSION_UPDATED', '{}'
    FROM generate_series(0, %(readers)s - 1) AS n, generate_series(1, %(missed)s) AS said
    ON CONFLICT DO NOTHING
"""


class Size(Struct, frozen=True):
    readers: int = 10_000
    patience: float = 60.0


QUICK = Size(readers=50)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    with ground.product() as product:
        event = product.event(*(mission(id=f"mission_{i}") for i in range(5)))
        with product.member(event, "usr_0") as usr_0:
            for i in range(MISSED):
                usr_0.patch(
                    f"/api/events/{event}/missions/mission_{i}", json={"status": "completed"}
                )
        product.drain()
        with psycopg.connect(product.database_url, autocommit=True) as connection:
            about = {"event": event, "readers": size.readers, "missed": MISSED}
            connection.execute(SAID, about)
            connection.execute("ANALYZE views.live_missions")
        seen = client(
            "reconnect",
            size.patience + 60,
            port=product.port,
            event=event,
            within=size.patience,
            tokens=[
                product.token(f"usr_{i}", f"event:{event}:member") for i in range(size.readers)
            ],
        )
    boards = p99(seen["took"])
    ground.say(
        f"  {size.readers:,} readers back, and told what they missed, after {seen['back']:.1f} s; "
        f"p99 of {len(seen['took']):,} boards meanwhile {boards:.0f} ms"
    )
    yield Figure(
        "reconnect",
        f"{size.readers:,} readers come back at once: until each has heard what they missed",
        "s",
        (seen["back"],),
        reach=15,
        at_most=True,
        note=f"{MISSED} messages each; within {within(size.readers):.1f} s, as `retry` says",
    )
    yield Figure(
        "reconnect boards", "p99 of boards meanwhile", "ms", (boards,), reach=250, at_most=True
    )


def within(readers: int) -> float:
    """Seconds from the first who comes back to the last."""
    least, most = retry_within(readers)
    return (most - least) / 1000


# In the process of the load generator


async def generate(spec: Any) -> dict[str, Any]:
    took: list[float] = []
    boards = asyncio.create_task(_boards(spec, took))
    await asyncio.sleep(0.5)
    took.clear()  # all is warm
    started = time.monotonic()
    async with asyncio.timeout(spec["within"]):
        names = enumerate(spec["tokens"])
        feeds = await asyncio.gather(*(_back(spec, f"usr_{i}", token) for i, token in names))
    back = time.monotonic() - started
    boards.cancel()
    await asyncio.gather(boards, return_exceptions=True)
    for feed in feeds:
        feed.transport.abort()
    return {"back": back, "took": took}


async def _back(spec: Any, name: str, token: str) -> Feed:
    """Once it has heard what it missed."""
    loop = asyncio.get_running_loop()
    heard, done = 0, loop.create_future()

    def hear(data: bytes) -> None:
        nonlocal heard
        heard += 1
        if heard == MISSED:
            done.set_result(None)

    within_ = within(len(spec["tokens"]))
    await asyncio.sleep(random.uniform(0, within_))  # noqa: S311 - no secret
    path = f"/api/events/{spec['event']}/members/{name}/stream"
    came_back = request("GET", path, token, headers="Last-Event-ID: 0\r\n")
    while True:
        try:
            feed = await listen(spec["port"], came_back, hear)
        except ConnectionError:
            continue  # as a browser does, but sooner
        await done
        return feed


async def _boards(spec: Any, took: list[float]) -> None:
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await connect(spec["port"]))
    path = f"/api/events/{spec['event']}/missions"
    tasks = set()
    at, number = time.monotonic(), 0
    while True:
        token = spec["tokens"][number % len(spec["tokens"])]
        task = asyncio.create_task(_board(idle, request("GET", path, token), at, took))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        at, number = at + 1 / RATE, number + 1
        await asyncio.sleep(max(0.0, at - time.monotonic()))


async def _board(
    idle: "asyncio.Queue[Connection]", asked: bytes, at: float, took: list[float]
) -> None:
    connection = await idle.get()
    assert await connection.ask(asked) == 200
    idle.put_nowait(connection)
    took.append((time.monotonic() - at) * 1000)
