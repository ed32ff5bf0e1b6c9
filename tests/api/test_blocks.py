"""Blocks: `PUT` and `DELETE /api/events/{event_id}/blocks/{member_id}`."""

import httpx

from tests.api.agents.asking import nothing_recorded, problem
from tests.product import Product


def test_block_is_silent_whoever_it_is_of(
    product: Product, event_id: str, ada: httpx.Client, organizer: httpx.Client
) -> None:
    path = f"/api/events/{event_id}/blocks"
    organizer.put(f"/api/events/{event_id}/attendees/ben", json={"name": "Ben"})
    answers = [ada.put(f"{path}/{other}") for other in ("ben", "nobody")]
    assert [(a.status_code, a.content) for a in answers] == [(204, b"")] * 2
    assert ada.get(path).json() == {
        "event_id": event_id,
        "member_id": "ada",
        "blocks": ["ben", "nobody"],
    }
    assert organizer.get(path, params={"member_id": "ada"}).json()["blocks"] == []
    with nothing_recorded(product):
        assert ada.put(f"{path}/ben").status_code == 204
        assert ada.delete(f"{path}/zoe").status_code == 204
        problem(ada.put(f"{path}/ada"), 409)
    assert ada.delete(f"{path}/ben").status_code == 204
    assert ada.get(path).json()["blocks"] == ["nobody"]


def test_two_who_are_apart_are_not_there_for_each_other(
    product: Product, event_id: str, ada: httpx.Client
) -> None:
    attendees, blocks = f"/api/events/{event_id}/attendees", f"/api/events/{event_id}/blocks"
    with product.member(event_id, "ben") as ben:
        for member in (ada, ben):
            member.put(f"{attendees}/me", json={"name": "A name", "interests": ["AI"]})
        assert ben.get(f"{attendees}/ada").json()["scored"]
        ada.put(f"{blocks}/ben")
        there_is_not = problem(ada.get(f"{attendees}/ben"), 404)["detail"]
        assert there_is_not == "There is no attendee ben to meet here."
        problem(ben.get(f"{attendees}/ada"), 404)
        for member in (ada, ben):
            assert member.get(f"{attendees}/ranked").json()["attendees"] == []
            assert member.get(attendees).json()["total"] == 0
        ada.delete(f"{blocks}/ben")
        assert ada.get(attendees).json()["total"] == 1


def test_leaderboard_is_without_whom_the_asker_does_not_see(product: Product) -> None:
    event = product.event({"id": "goals"})
    path = f"/api/events/{event}/leaderboard"
    with (
        product.member(event, "ada") as ada,
        product.member(event, "ben") as ben,
        product.member(event, "cleo") as cleo,
    ):
        for member in (ben, ada, cleo):
            clicked = member.patch(
                f"/api/events/{event}/missions/goals", json={"status": "completed"}
            )
        before = ada.get(path, headers={"Min-Position": clicked.headers["Event-Position"]})
        assert [one["member_id"] for one in before.json()["entries"]] == ["ben", "ada", "cleo"]
        ada.put(f"/api/events/{event}/blocks/ben")
        shown = ada.get(path).json()
        assert [(one["rank"], one["member_id"]) for one in shown["entries"]] == [
            (1, "ada"),
            (2, "cleo"),
        ]
        assert shown["me"]["rank"] == 1
        ben.headers["Min-Position"] = ada.get(path).headers["Event-Position"]
        theirs = ben.get(path).json()
        assert [one["member_id"] for one in theirs["entries"]] == ["ben", "cleo"]
        assert len(cleo.get(path).json()["entries"]) == 3
        then = ada.get(path, params={"as_of": before.headers["Event-Position"]}).json()
        assert then == before.json()
        now = ada.get(path).headers["Event-Position"]
        assert ada.get(path, params={"as_of": now}).json() == shown


def test_block_at_an_event_that_is_not_there_is_404(product: Product) -> None:
    with product.client("eve", "admin") as eve, nothing_recorded(product):
        problem(eve.put("/api/events/evt_nowhere/blocks/ben"), 404)
        problem(eve.get("/api/events/evt_nowhere/blocks"), 404)
