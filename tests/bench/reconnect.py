"""Everybody comes back at once, each having missed something, and boards go on meanwhile."""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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
WARM = 2.0  # seconds of boards before anybody comes back
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
        spec = {
            "port": product.port,
            "event": event,
            "within": size.patience,
            "stop": str(ground.folder() / "stop"),
            "tokens": [
                product.token(f"usr_{i}", f"event:{event}:member") for i in range(size.readers)
            ],
        }
        with ThreadPoolExecutor(1) as pool:  # whose own streams hold up no board
            beside = pool.submit(client, "boards beside", size.patience + 90, **spec)
            seen = client("reconnect", size.patience + 60, **spec)
            boards = [took for at, took in beside.result() if seen["began"] <= at <= seen["ended"]]
    back = seen["ended"] - seen["began"]
    ground.say(
        f"  {size.readers:,} readers back, and told what they missed, after {back:.1f} s; "
        f"p99 of {len(boards):,} boards meanwhile {p99(boards):.0f} ms"
    )
    yield Figure(
        "reconnect",
        f"{size.readers:,} readers come back at once: until each has heard what they missed",
        "s",
        (back,),
        reach=15,
        at_most=True,
        note=f"{MISSED} messages each; within {within(size.readers):.1f} s, as `retry` says",
    )
    yield Figure(
        "reconnect boards", "p99 of boards meanwhile", "ms", (p99(boards),), reach=250, at_most=True
    )


def within(readers: int) -> float:
    """Seconds from the first who comes back to the last."""
    least, most = retry_within(readers)
    return (most - least) / 1000


# In the process of the load generator


async def generate(spec: Any) -> dict[str, Any]:
    await asyncio.sleep(WARM)  # boards are asked for by now
    began = time.monotonic()
    async with asyncio.timeout(spec["within"]):
        names = enumerate(spec["tokens"])
        feeds = await asyncio.gather(*(_back(spec, f"usr_{i}", token) for i, token in names))
    ended = time.monotonic()
    Path(spec["stop"]).touch()  # noqa: ASYNC240 - nothing is measured any more
    for feed in feeds:
        feed.transport.abort()
    return {"began": began, "ended": ended}


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


async def boards(spec: Any) -> list[tuple[float, float]]:
    """Each with when it was due, and the milliseconds from then. Until the readers are back."""
    took: list[tuple[float, float]] = []
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await connect(spec["port"]))
    path = f"/api/events/{spec['event']}/missions"
    tokens = itertools.cycle(spec["tokens"])
    tasks, at = set(), time.monotonic()
    until = at + spec["within"] + WARM
    while at < until and not Path(spec["stop"]).exists():  # noqa: ASYNC240 - microseconds
        task = asyncio.create_task(_board(idle, request("GET", path, next(tokens)), at, took))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        at += 1 / RATE
        await asyncio.sleep(max(0.0, at - time.monotonic()))
    await asyncio.gather(*tasks)
    return took


async def _board(
    idle: "asyncio.Queue[Connection]", asked: bytes, at: float, took: list[tuple[float, float]]
) -> None:
    connection = await idle.get()
    status = await connection.ask(asked)
    assert status == 200, status
    idle.put_nowait(connection)
    took.append((at, (time.monotonic() - at) * 1000))
