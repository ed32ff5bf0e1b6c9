"""Connections that the server ended while nobody used them."""

from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.product import Product
from workers.servers.processes import until

FILLED = 20  # requests at once: more than the pool has connections

OURS = (
    "FROM pg_stat_activity WHERE application_name = 'rapport api' AND datname = current_database()"
)


def test_no_request_gets_one(product: Product) -> None:
    event = product.event({"id": "goals"})
    path = f"/api/events/{event}/leaderboard"
    with (
        product.member(event, "ada") as ada,
        ThreadPoolExecutor(FILLED) as callers,
        psycopg.connect(product.database_url, autocommit=True) as connection,
    ):
        list(callers.map(lambda _: ada.get(path), range(FILLED)))
        ((ended,),) = connection.execute(f"SELECT count(pg_terminate_backend(pid)) {OURS}")
        assert ended > 1
        assert until(lambda: connection.execute(f"SELECT {OURS}").fetchall() == [], 10)
        assert {ada.get(path).status_code for _ in range(FILLED)} == {200}
        assert ada.get("/health/ready").status_code == 200
