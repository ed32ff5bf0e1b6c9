"""Metrics and what is behind are for operators: programs on this machine, or with a token."""

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client.core import Metric

from api import mission_metrics
from api.http.direct import FORWARDING
from projections.engine.election import connect
from tests.api.agents.asking import problem
from tests.api.reads.test_wide import without_workers
from tests.product import Product
from tests.store import ask
from tests.waiting import PATIENCE
from workers.servers.processes import until

THROUGH_A_PROXY = [{name.decode(): "for=192.0.2.1"} for name in FORWARDING]


def asked(product: Product, path: str, *scopes: str, **headers: str) -> httpx.Response:
    """By somebody of these scopes who comes through a proxy; with none, without a token."""
    if scopes:
        headers["Authorization"] = f"Bearer {product.token('ops', *scopes)}"
    return httpx.get(f"{product.url}{path}", headers={"X-Forwarded-For": "192.0.2.1"} | headers)


def test_metrics_are_for_this_machine_and_for_tokens_of_operators(product: Product) -> None:
    assert httpx.get(f"{product.url}/metrics").is_success
    for headers in THROUGH_A_PROXY:
        problem(httpx.get(f"{product.url}/metrics", headers=headers), 401)
    problem(asked(product, "/metrics", Authorization="Bearer x"), 401)
    problem(asked(product, "/metrics", "event:evt_1:organizer", "event:evt_1:member"), 403)
    for scope in ("metrics", "admin"):
        answer = asked(product, "/metrics", scope)
        assert answer.text.startswith("# HELP"), answer.text
    assert httpx.head(f"{product.url}/metrics", headers=THROUGH_A_PROXY[0]).status_code == 401


def test_what_is_behind_is_told_to_operators_and_its_number_to_anybody(product: Product) -> None:
    with without_workers(product):
        url = f"{product.url}/health/ready"

        def dead() -> list[str]:
            return [one for one in httpx.get(url).json()["degraded"] if " is dead: " in one]

        assert until(dead, PATIENCE)
        told = [asked(product, "/health/ready", scope) for scope in ("admin", "metrics")]
        strangers = [
            asked(product, "/health/ready"),
            asked(product, "/health/ready", "event:evt_1:member"),
            asked(product, "/health/ready", Authorization="Bearer x"),
        ]
    for answer in told:
        assert any(" is dead: " in one for one in answer.json()["degraded"])
    for answer in strangers:
        said = answer.raise_for_status().json()
        assert (said["status"], said["reasons"]) == ("ready", [])
        (one,) = said["degraded"]
        assert one.endswith(" not go as they should: operators are told which")


OF_THE_DOORS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = ANY(%s)"
DOORS = ["rapport api operations", "rapport api links"]


def test_strangers_at_open_doors_take_no_connection_from_reads(product: Product) -> None:
    """However many they are: the doors have a few of their own, and are asked once a second."""
    event = product.event({"id": "goals"})
    link = f"/api/events/{event}/members/ada/agenda.ics?secret={'x' * 43}"

    async def knock() -> set[int]:
        async with httpx.AsyncClient(base_url=product.url, timeout=20) as stranger:
            doors = ["/health/ready", "/metrics", link] * 50
            answers = await asyncio.gather(*map(stranger.get, doors))
        return {answer.status_code for answer in answers}

    statuses = asyncio.run(knock())
    assert statuses <= {200, 404, 503}
    assert ask(product.database_url, OF_THE_DOORS, DOORS)[0][0] <= 4


MEMBERS = """
    INSERT INTO views.leaderboard
    SELECT 'evt_' || e, 'usr_' || m, '', true, 10 * m, 1, now() - make_interval(days => e), e + m
    FROM generate_series(1, 9) AS e, generate_series(1, 3) AS m
"""


def test_points_are_of_the_conferences_that_changed_in_the_last_days_and_of_so_many(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(database, MEMBERS)
    ask(database, "UPDATE views.leaderboard SET missions_completed = 0 WHERE event_id = 'evt_2'")
    ask(database, "INSERT INTO views.leaderboard VALUES ('evt_1', 'new', '', true, 0, 0, NULL, 0)")

    async def shown() -> list[Metric]:
        async with await connect(database, "reader") as connection:
            return await mission_metrics.families(connection)

    def sums() -> dict[str, float]:
        (family,) = asyncio.run(shown())
        return {s.labels["event_id"]: s.value for s in family.samples if s.name.endswith("_sum")}

    def counts() -> list[Any]:
        (family,) = asyncio.run(shown())
        return [s.value for s in family.samples if s.name.endswith("_count")]

    assert sums() == dict.fromkeys(["evt_1", "evt_3", "evt_4", "evt_5", "evt_6"], 60)
    assert counts() == [3] * 5
    monkeypatch.setattr(mission_metrics, "MOST", 2)
    assert sums() == {"evt_1": 60, "evt_3": 60}
