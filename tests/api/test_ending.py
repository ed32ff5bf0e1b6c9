"""A process that ends, or is killed and started again, while it is asked: it answers 503 or nothing
at all, and never that something broke."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
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


def test_process_killed_and_started_again_under_load_says_503_or_nothing(
    product: Product, another: Product
) -> None:
    event = product.event({"id": "goals"})
    path = f"{another.url}/api/events/{event}"
    ends = asyncio.Event()
    counts: Counter[str] = Counter()

    def answered() -> int:
        return counts.total()

    async def ask(name: str) -> list[httpx.Response]:
        """Boards, commands and feeds, until told; of the answers those that are no success."""
        token = product.token(name, f"event:{event}:member")
        bad = []
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            while not ends.is_set():
                with suppress(httpx.TransportError):
                    answers = [
                        await client.get(f"{path}/missions"),
                        await client.patch(f"{path}/missions/goals", json=BODY),
                        await client.get(f"{path}/leaderboard"),
                    ]
                    counts[name] += len(answers)
                    bad += [answer for answer in answers if answer.status_code != 200]
                    async with client.stream("GET", f"{path}/members/me/stream") as feed:
                        bad += [feed] * (feed.status_code != 200)
                await asyncio.sleep(0)
        return bad

    async def story() -> list[httpx.Response]:
        asking = [asyncio.create_task(ask(f"m{i}")) for i in range(12)]
        for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            busy = answered() + 100
            await eventually(lambda busy=busy: answered() >= busy)
            await asyncio.to_thread(another.stop_api, how)
            await asyncio.to_thread(another.start_api)
        ends.set()
        return [answer for found in await asyncio.gather(*asking) for answer in found]

    for answer in asyncio.run(story()):
        assert answer.status_code == 503, (answer.request.url, answer.status_code)
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["Content-Type"] == "application/problem+json"
