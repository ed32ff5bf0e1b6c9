"""From the end of the workers that lead to the moment at which others have done their work: what
was recorded right after it is in every read model, and told to NATS."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
from msgspec import Struct

from tests.bench.figure import Figure
from tests.bench.ground import Ground, Measured
from workers.operations.upkeep import Upkeep
from workers.run import projectors
from workers.servers.processes import until

PATIENCE = 60.0  # seconds
POLL_SECONDS = 0.01
ENROLLED = """
SELECT count(*) = %s FROM pg_stat_activity
WHERE datname = current_database()
AND regexp_replace(application_name, ' [0-9]+$', '') = ANY(%s)
AND query ~ 'pg_try_advisory_lock|views.parked AS k' AND state = 'idle'
"""
LEADERS = [f"rapport {one.name}" for one in (*projectors(), Upkeep)] + ["rapport relay"]
HINDMOST = "SELECT min(position) FROM views.positions"


class Size(Struct, frozen=True):
    kills: int = 10
    freezes: int = 1


QUICK = Size(kills=1, freezes=0)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    with ground.product() as product:
        killed = [_taken(product, signal.SIGKILL) for _ in range(size.kills)]
        frozen = [_taken(product, signal.SIGSTOP) for _ in range(size.freezes)]
    what = "take-over by the workers that stand by, after kill -9"
    ground.say(f"  after kill -9: {_seconds(killed)}; after SIGSTOP: {_seconds(frozen)}")
    yield Figure("takeover", f"{what}: half of them", "s", tuple(killed), reach=3, at_most=True)
    yield Figure("takeover max", f"{what}: the longest", "s", (max(killed),), reach=3, at_most=True)
    if frozen:
        still = "take-over from workers that stand still, which costs their lease of 10 s"
        yield Figure("takeover frozen", still, "s", tuple(frozen), reach=13, at_most=True)


def _seconds(taken: list[float]) -> str:
    return ", ".join(f"{seconds:.1f} s" for seconds in taken) or "not tried"


def _taken(product: Measured, how: signal.Signals) -> float:
    """Those that stand by are the product's workers afterwards."""
    leading, event = product.workers, product.event()
    assert leading
    with psycopg.connect(product.database_url, autocommit=True) as connection:
        product.drain()
        product.start_workers()
        assert until(lambda: _holds(connection, ENROLLED, len(LEADERS), LEADERS), PATIENCE)
        os.kill(leading.pid, how)
        started = time.monotonic()
        position = _record(product, event)
        while connection.execute(HINDMOST).fetchone() < (position,):  # type: ignore[operator]
            assert time.monotonic() - started < PATIENCE
            time.sleep(POLL_SECONDS)
        taken = time.monotonic() - started
    leading.kill()
    leading.wait()
    return taken


def _holds(connection: "psycopg.Connection[Any]", question: str, *values: Any) -> bool:
    return connection.execute(question.encode(), values).fetchone() == (True,)


def _record(product: Measured, event: str) -> int:
    token = product.token("admin", "admin")
    reply = httpx.put(
        f"{product.url}/api/events/{event}",
        json={"name": f"After {time.monotonic()}", "timezone": "UTC"},
        headers={"Authorization": f"Bearer {token}"},
    )
    return int(reply.raise_for_status().headers["Event-Position"])
