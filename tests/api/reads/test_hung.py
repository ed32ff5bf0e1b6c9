"""Reads whose statement hangs: nobody waits for ever, and those that come later are answered."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

from projections.engine.batches import PATIENCE
from tests.api.agents.asking import problem
from tests.product import Product
from workers.servers.processes import until


def test_reads_of_a_table_that_is_locked_are_503_within_seconds(product: Product) -> None:
    event = product.event({"id": "goals"})
    path = f"/api/events/{event}/missions"
    with product.member(event, "ada") as ada, ThreadPoolExecutor(20) as pool:
        before = ada.get(path)
        with psycopg.connect(product.database_url) as connection:
            connection.execute("LOCK TABLE views.member_missions")
            began = time.monotonic()
            hung = list(pool.map(lambda _: ada.get(path), range(20)))
            took = time.monotonic() - began
        assert until(lambda: ada.get(path).status_code == 200, 10)
        after = ada.get(path)
    for answer in hung:
        problem(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1
    assert took < PATIENCE + 2
    assert after.json() == before.json()
