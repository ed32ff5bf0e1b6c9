"""A process that ends, or is killed and started again, while it is asked: it answers 503 or nothing
at all, and never that something broke."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from sql import statements
from tests.api.agents.asking import problem
from tests.product import Product
from tests.waiting import eventually

BODY = {"status": "completed"}
BLOCKED = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY 1
"""
BOTH = [("rapport api",), ("rapport writer",)]


@pytest.fixture
def another(product: Product, tmp_path: Path) -> Iterator[Product]:
    """A second api on the same stores, to be ended."""
    with product.another_api(tmp_path) as other:
        yield other


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_requests_that_hang_while_their_process_ends_are_503(
    product: Product, another: Product, how: signal.Signals
) -> None:
    event = product.event({"id": "goals"})
    path = f"{another.url}/api/events/{event}/missions"
    headers = {"Authorization": f"Bearer {product.token('ada', f'event:{event}:member')}"}

    async def story() -> list[httpx.Response | BaseException]:
        async with httpx.AsyncClient(headers=headers, timeout=30) as ada:
            asked = [
                asyncio.create_task(ada.get(path)),
                asyncio.create_task(ada.patch(f"{path}/goals", json=BODY)),
            ]
            with psycopg.connect(product.database_url, autocommit=True) as watching:
                await eventually(lambda: watching.execute(BLOCKED).fetchall() == BOTH)
            await asyncio.to_thread(another.stop_api, how)
            return await asyncio.gather(*asked, return_exceptions=True)

    with psycopg.connect(product.database_url) as connection:
        connection.execute("LOCK TABLE views.member_missions")
        connection.execute(statements("history")["lock"])
        answers = asyncio.run(story())
    for answer in answers:
        if isinstance(answer, httpx.Response):
            problem(answer, 503)
            assert int(answer.headers["Retry-After"]) >= 1
        else:
            assert isinstance(answer, httpx.TransportError)
    assert "Exception in ASGI application" not in another.log("api")
