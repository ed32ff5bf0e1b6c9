"""The whole agenda as one member sees it, and that its parts say the same."""

from typing import Any

import httpx
import pytest

from tests.api.agents.asking import Json, problem
from tests.product import Product

NINE = "2026-09-01T09:00:00+02:00"
TEN = "2026-09-01T10:00:00+02:00"
ELEVEN = "2026-09-01T11:00:00+02:00"


@pytest.fixture
def event(event_id: str) -> str:
    return event_id


def put(client: httpx.Client, event: str, item_id: str, start: str, end: str, **more: Any) -> None:
    body = {"title": item_id, "start_time": start, "end_time": end, **more}
    client.put(f"/api/events/{event}/agenda/{item_id}", json=body).raise_for_status()


def star(client: httpx.Client, event: str, item_id: str) -> None:
    client.put(f"/api/events/{event}/sessions/{item_id}/star").raise_for_status()


def schedule(client: httpx.Client, event: str, **query: Any) -> Json:
    answer = client.get(f"/api/events/{event}/schedule", params=query)
    assert answer.status_code == 200, answer.text
    said: Json = answer.json()
    return said


def test_schedule_has_every_item_in_order_also_cancelled_ones(
    event: str, organizer: httpx.Client
) -> None:
    put(organizer, event, "c", TEN, ELEVEN)
    put(organizer, event, "b", NINE, TEN, item_type="break")
    put(organizer, event, "a", TEN, ELEVEN)
    organizer.delete(f"/api/events/{event}/agenda/a").raise_for_status()
    sessions = schedule(organizer, event)["sessions"]
    assert [(s["session_id"], s["status"], s["item_type"]) for s in sessions] == [
        ("b", "scheduled", "break"),
        ("a", "cancelled", "session"),
        ("c", "scheduled", "session"),
    ]


def test_schedule_names_ones_own_stars_and_areas(
    product: Product, event: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    put(organizer, event, "a", NINE, TEN)
    put(organizer, event, "b", NINE, TEN)
    product.attendee(event, "ada", focus_areas=["queues"])
    star(ada, event, "b")
    star(organizer, event, "a")
    said = schedule(ada, event)
    assert (said["member_id"], said["starred"], said["focus_areas"]) == ("ada", ["b"], ["queues"])
    assert schedule(organizer, event)["starred"] == ["a"]
    assert schedule(organizer, event, member_id="ada") == said
    problem(ada.get(f"/api/events/{event}/schedule", params={"member_id": "eve"}), 403)


def test_starred_sessions_are_said_as_in_the_personal_agenda(
    event: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    speaker = {"name": "Grace", "focus_areas": ["compilers"]}
    organizer.put(f"/api/events/{event}/speakers/p", json=speaker).raise_for_status()
    put(organizer, event, "a", NINE, TEN, speaker_ids=["p"], focus_areas=["queues"], track="Main")
    put(organizer, event, "b", TEN, ELEVEN)
    star(ada, event, "a")
    (own,) = ada.get(f"/api/events/{event}/agenda").json()["sessions"]
    assert own.pop("conflicts_with") == []
    assert own == schedule(ada, event)["sessions"][0]
    assert (own["speaker_name"], own["focus_areas"]) == ("Grace", ["compilers", "queues"])


def test_schedule_of_an_event_without_one_is_empty(event: str, ada: httpx.Client) -> None:
    said = schedule(ada, event)
    about = {name: said[name] for name in ("event_id", "starred", "focus_areas", "sessions")}
    assert about == {"event_id": event, "starred": [], "focus_areas": [], "sessions": []}


def test_schedule_is_for_members_of_an_event_that_is_there(product: Product, event: str) -> None:
    with product.client("eve", "event:other:member", "event:nowhere:member") as stranger:
        problem(stranger.get(f"/api/events/{event}/schedule"), 404)
        problem(stranger.get("/api/events/nowhere/schedule"), 404)
