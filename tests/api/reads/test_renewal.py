"""A read model whose tables are of an older version than the code, until it is renewed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg

from tests.product import Product
from tests.store import ask
from tests.waiting import PATIENCE
from workers.servers.processes import until

COMPLETED = {"status": "completed"}
LOCK = "SELECT pg_advisory_lock(hashtextextended('rapport.rebuild.leaderboard', 0))"
VERSION = "UPDATE views.positions SET version = %s WHERE name = 'leaderboard'"
REMARK = "leaderboard is being renewed: what it does not show yet is read from the log"


@contextmanager
def unrenewed(product: Product) -> Iterator[None]:
    """Somebody else is at it, and does not get far."""
    with psycopg.connect(product.database_url, autocommit=True) as connection:
        connection.execute(LOCK)
        ask(product.database_url, VERSION, 0)
        try:
            yield
        finally:
            ask(product.database_url, VERSION, 1)


def ready(product: Product) -> httpx.Response:
    return httpx.get(f"{product.url}/health/ready")


def test_renewal_holds_up_neither_feeds_nor_reads_nor_readiness(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}"
    with product.member(event, "ada") as ada, unrenewed(product):
        assert until(lambda: REMARK in ready(product).json().get("degraded", []), PATIENCE)
        with product.listening(event, "ada") as feed:
            told = ada.patch(f"{path}/missions/goals", json=COMPLETED).headers["Event-Position"]
            heard = next(feed)["id"]
        began = time.monotonic()
        answers = [ada.get(f"{path}/leaderboard") for _ in range(8)]
        took = time.monotonic() - began
        said = {"status": "ready", "reasons": [], "degraded": [REMARK]}
        assert until(lambda: ready(product).json() == said, PATIENCE)  # once the relay is there too
    assert heard == int(told)
    assert [answer.headers.get("Read-Model") for answer in answers] == ["folded"] * 8
    assert [answer.json()["entries"][0]["member_id"] for answer in answers] == ["ada"] * 8
    assert took < 8 * 0.25  # for so long each would wait for a projector
    with product.member(event, "ada") as ada:
        assert until(lambda: "Read-Model" not in ada.get(f"{path}/leaderboard").headers, PATIENCE)
