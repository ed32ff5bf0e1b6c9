"""A question about all of an event while the projector is away: the tables as they are, with what
was recorded since folded in, as long as that is not much."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from projections.engine.tail import MOST
from tests.api.agents.asking import problem
from tests.product import Product
from tests.store import ask
from workers.servers.processes import until

COMPLETED = {"status": "completed"}


@contextmanager
def without_workers(product: Product) -> Iterator[None]:
    product.stop_workers()
    try:
        yield
    finally:
        product.start_workers()
        assert until(product.ready, 20)


def position(answer: httpx.Response) -> int:
    assert answer.is_success, answer.text
    return int(answer.headers["Event-Position"])


def listed(answer: httpx.Response) -> list[str]:
    assert answer.is_success, answer.text
    return [entry["member_id"] for entry in answer.json()["entries"]]


def at(position: int) -> dict[str, str]:
    return {"Min-Position": str(position)}


def test_position_of_somebody_else_that_is_asked_for_is_shown(product: Product) -> None:
    """Also where the asker has done something later."""
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}"
    with product.member(event, "ada") as ada, product.member(event, "bob") as bob:
        shown = ada.get(f"{path}/leaderboard")
        with without_workers(product):
            of_bob = position(bob.patch(f"{path}/missions/goals", json=COMPLETED))
            of_ada = position(ada.patch(f"{path}/missions/goals", json=COMPLETED))
            meant = ada.get(f"{path}/leaderboard", headers=at(of_bob))
            left = ada.get(f"{path}/leaderboard", headers={"Cookie": f"min-position={of_bob}"})
            again = position(bob.patch(f"{path}/missions/goals", json={"status": "not_started"}))
            later = ada.get(f"{path}/leaderboard", headers=at(again))
        assert until(lambda: "Read-Model" not in ada.get(f"{path}/leaderboard").headers, 20)
        live = ada.get(f"{path}/leaderboard", headers=at(again))

    assert "Read-Model" not in shown.headers
    for answer in (meant, left):
        assert answer.headers["Read-Model"] == "folded"
        assert of_ada <= position(answer)
        assert listed(answer) == ["bob", "ada"]
        assert answer.json()["me"] == {"rank": 2, "points_earned": 10}
    assert listed(later) == ["ada"]
    assert position(later) >= again
    assert live.json() == later.json()
    assert "Read-Model" not in live.headers


def hidden(organizer: httpx.Client, path: str) -> httpx.Response:
    return organizer.put(f"{path}/attendees/bob", json={"name": "Bob", "visibility": "hidden"})


def renamed(organizer: httpx.Client, path: str) -> httpx.Response:
    return organizer.put(f"{path}/attendees/bob", json={"name": "Robert"})


@pytest.mark.parametrize(("act", "shown"), [(hidden, []), (renamed, ["Robert"])])
def test_refresh_shows_what_an_organizer_did_to_others(
    product: Product, act: Any, shown: list[str]
) -> None:
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}"
    organizer = product.client("eve", f"event:{event}:organizer", f"event:{event}:member")
    with product.member(event, "bob") as bob, organizer as eve:
        done = position(bob.patch(f"{path}/missions/goals", json=COMPLETED))
        before = eve.get(f"{path}/leaderboard", headers=at(done))
        with without_workers(product):
            told = position(act(eve, path))
            after = eve.get(f"{path}/leaderboard", headers={"Cookie": f"min-position={told}"})
    assert listed(before) == ["bob"]
    assert [entry["name"] for entry in after.json()["entries"]] == shown
    assert position(after) >= told


def test_refresh_shows_the_profile_that_the_asker_saved(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}"
    with product.member(event, "ada") as ada:
        done = position(ada.patch(f"{path}/missions/goals", json=COMPLETED))
        assert listed(ada.get(f"{path}/leaderboard", headers=at(done))) == ["ada"]
        with without_workers(product):
            profile = {"name": "Ada L.", "on_leaderboard": True}
            told = position(ada.put(f"{path}/attendees/ada", json=profile))
            answers = [ada.get(f"{path}/leaderboard", headers=h) for h in (at(told), {})]
    for answer in answers:
        assert [entry["name"] for entry in answer.json()["entries"]] == ["Ada L."]
        assert position(answer) >= told


def test_more_than_a_request_may_fold_is_503_for_a_header_and_partly_shown_else(
    product: Product,
) -> None:
    """Whatever there is, the asker sees what they did themselves."""
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}"
    with product.member(event, "ada") as ada:
        shown = position(ada.get(f"{path}/leaderboard"))
        with without_workers(product):
            ask(product.database_url, MANY, f"attendee:{event}:", MOST + 1)
            told = position(ada.patch(f"{path}/missions/goals", json=COMPLETED))
            meant = ada.get(f"{path}/leaderboard", headers=at(told))
            left = ada.get(f"{path}/leaderboard", headers={"Cookie": f"min-position={told}"})
        live = ada.get(f"{path}/leaderboard", headers=at(told))
    said = problem(meant, 503)
    assert said["detail"] == f"Position {told} is not here yet."
    assert int(meant.headers["Retry-After"]) >= 1
    assert listed(left) == ["ada"]
    assert shown < position(left) < told
    assert listed(live) == ["ada"]


MANY = """
    INSERT INTO events.log (originator_id, originator_version, topic, state)
    SELECT
        %s || 'm' || n, 1, 'AttendeeErased',
        '{"at": "2026-01-01T00:00:00Z", "actor": "eve", "tenant": "evt", "data": {}}'
    FROM generate_series(1, %s) AS n
"""
