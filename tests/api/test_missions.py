"""The mission board, call by call."""

from typing import Any

import httpx
import msgspec
import pytest

from tests.api.agents.asking import nothing_recorded, problem
from tests.product import Product, mission

COMPLETED = {"status": "completed"}


def clicked(client: httpx.Client, event: str, mission_id: str, status: str) -> Any:
    answer = client.patch(f"/api/events/{event}/missions/{mission_id}", json={"status": status})
    assert answer.status_code == 200, answer.text
    return answer.json()


def board(client: httpx.Client, event: str) -> dict[str, Any]:
    seen: dict[str, Any] = client.get(f"/api/events/{event}/missions").json()
    return seen


def statuses(client: httpx.Client, event: str) -> dict[str, str]:
    return {m["id"]: m["status"] for m in board(client, event)["missions"]}


def ledger(client: httpx.Client, event: str) -> list[tuple[str, str, int, int]]:
    seen = client.get(f"/api/events/{event}/missions/history").json()
    entries = seen["entries"]
    assert [e["position"] for e in entries] == sorted(e["position"] for e in entries)
    assert seen["balance"] == (entries[-1]["balance"] if entries else 0)
    return [(e["mission_id"], e["cause"], e["points"], e["balance"]) for e in entries]


def publish(product: Product, event: str, *missions: dict[str, Any]) -> httpx.Response:
    with product.client("eve", f"event:{event}:organizer") as eve:
        return eve.put(f"/api/events/{event}/missions", json=[mission(**m) for m in missions])


# The catalogue
def test_catalogue_is_replaced_whole_and_said_back(product: Product) -> None:
    event = product.event({"id": "goals"}, {"id": "talk"})
    answer = publish(product, event, {"id": "dance", "points": 3, "requires": []})
    assert answer.json() == {
        "event_id": event,
        "missions": [mission("dance", 3, active=True, requires=[])],
    }
    with product.member(event, "ada") as ada:
        assert statuses(ada, event) == {"dance": "not_started"}


def test_board_is_that_of_the_spec(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10, "title": "Set goals", "category": "you"})
    with product.member(event, "ada") as ada:
        assert board(ada, event) == {
            "event_id": event,
            "member_id": "ada",
            "missions": [
                {
                    "id": "goals",
                    "title": "Set goals",
                    "description": "",
                    "category": "you",
                    "points": 10,
                    "status": "not_started",
                    "points_earned": 0,
                    "updated_at": None,
                    "requires": [],
                }
            ],
            "progress": {
                "points_earned": 0,
                "missions_completed": 0,
                "missions_total": 1,
                "points_total": 10,
            },
        }


def test_inactive_mission_is_neither_shown_nor_counted_nor_there(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10}, {"id": "old", "active": False})
    with product.member(event, "ada") as ada:
        seen = board(ada, event)
        assert [m["id"] for m in seen["missions"]] == ["goals"]
        assert seen["progress"]["missions_total"] == 1
        with nothing_recorded(product):
            for unknown in ("old", "nothing"):
                problem(ada.patch(f"/api/events/{event}/missions/{unknown}", json=COMPLETED), 404)


# Status and points
def test_status_moves_as_asked_and_points_with_it(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    moves = ("in_progress", "completed", "in_progress", "completed", "not_started")
    with product.member(event, "ada") as ada:
        replies = [clicked(ada, event, "goals", status) for status in moves]
        assert ledger(ada, event) == [
            ("goals", "member", 10, 10),
            ("goals", "reopened", -10, 0),
            ("goals", "member", 10, 10),
            ("goals", "reset", -10, 0),
        ]
        assert (
            board(ada, event)["missions"][0]["updated_at"] == replies[-1]["mission"]["updated_at"]
        )
    assert [reply["mission"]["status"] for reply in replies] == list(moves)
    assert [reply["mission"]["points_earned"] for reply in replies] == [0, 10, 0, 10, 0]
    assert [reply["progress"]["missions_completed"] for reply in replies] == [0, 1, 0, 1, 0]


def test_repeating_a_status_changes_nothing(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        with nothing_recorded(product):
            assert clicked(ada, event, "goals", "not_started")["mission"]["updated_at"] is None
        for status in ("in_progress", "completed", "not_started"):
            first = clicked(ada, event, "goals", status)
            with nothing_recorded(product):
                assert clicked(ada, event, "goals", status) == first


def test_later_catalogue_does_not_touch_points_already_awarded(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10}, {"id": "talk", "points": 5})
    with product.member(event, "ada") as ada:
        clicked(ada, event, "goals", "completed")
        assert publish(product, event, {"id": "goals", "points": 99}, {"id": "talk"}).is_success
        seen = board(ada, event)
        assert (seen["missions"][0]["points"], seen["missions"][0]["points_earned"]) == (99, 10)
        assert seen["progress"]["points_earned"] == 10
        assert publish(product, event, {"id": "talk"}).is_success
        assert board(ada, event)["progress"]["points_earned"] == 10
        assert publish(product, event, {"id": "goals", "points": 99}).is_success
        clicked(ada, event, "goals", "not_started")
        clicked(ada, event, "goals", "completed")
        assert ledger(ada, event) == [
            ("goals", "member", 10, 10),
            ("goals", "reset", -10, 0),
            ("goals", "member", 99, 99),
        ]


# Locked
def test_mission_is_locked_until_all_it_requires_are_completed(product: Product) -> None:
    event = product.event(
        {"id": "goals"}, {"id": "talk"}, {"id": "dance", "requires": ["goals", "talk"]}
    )
    with product.member(event, "ada") as ada:
        assert statuses(ada, event)["dance"] == "locked"
        with nothing_recorded(product):
            for status in ("completed", "in_progress"):
                path = f"/api/events/{event}/missions/dance"
                said = problem(ada.patch(path, json={"status": status}), 409)
                assert said["detail"].endswith("until these are completed: goals, talk.")
        clicked(ada, event, "goals", "completed")
        assert statuses(ada, event)["dance"] == "locked"
        clicked(ada, event, "talk", "completed")
        assert statuses(ada, event)["dance"] == "not_started"
        clicked(ada, event, "dance", "completed")
        clicked(ada, event, "goals", "not_started")
        assert statuses(ada, event)["dance"] == "completed"


# Live
def test_every_change_is_told_live(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    with product.listening(event, "ada") as feed, product.member(event, "ada") as ada:
        for status, points in (("in_progress", 0), ("completed", 10), ("not_started", 0)):
            reply = clicked(ada, event, "goals", status)
            assert next(feed)["data"] == {
                "type": "MISSION_UPDATED",
                "missionId": "goals",
                "status": status,
                "points_earned": points,
                "progress": reply["progress"],
            }


def test_patch_is_logged_with_prior_and_new_status(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        for status in ("in_progress", "completed", "completed"):
            clicked(ada, event, "goals", status)
        problem(ada.patch(f"/api/events/{event}/missions/unknown", json=COMPLETED), 404)
        position = int(ada.get(f"/api/events/{event}/missions").headers["Event-Position"])
    lines = [msgspec.json.decode(line) for line in product.log("api").splitlines()]
    patched, refused = (
        [
            line
            for line in lines
            if line.get("event_id") == event and line["message"] == f"mission {how}"
        ]
        for how in ("patched", "not patched")
    )
    assert [(line["mission_id"], line["status"]) for line in refused] == [("unknown", 404)]
    mine = patched
    assert [(line["prior_status"], line["new_status"], line["changed"]) for line in mine] == [
        ("not_started", "in_progress", True),
        ("in_progress", "completed", True),
        ("completed", "completed", False),
    ]
    assert {(line["member_id"], line["mission_id"]) for line in mine} == {("ada", "goals")}
    assert [line["tx_id"] for line in mine] == [position - 1, position, position]


# The leaderboard
def leaders(client: httpx.Client, event: str, **query: Any) -> dict[str, Any]:
    seen: dict[str, Any] = client.get(f"/api/events/{event}/leaderboard", params=query).json()
    return seen


def test_leaderboard_ranks_by_points_and_then_by_who_was_first(product: Product) -> None:
    event = product.event({"id": "a", "points": 10}, {"id": "b", "points": 5}, {"id": "c"})
    product.attendee(event, "ada", name="Ada L.")
    clicks = {"bob": "ab", "ada": "ab", "cyd": "c", "dan": "abc"}
    for member, missions in clicks.items():
        with product.member(event, member) as client:
            replies = [clicked(client, event, m, "completed") for m in missions]
            last = client.cookies["min-position"]
    with product.member(event, "eve") as eve:
        eve.headers["Min-Position"] = last
        seen = leaders(eve, event)
        assert seen["me"] == {"rank": None, "points_earned": 0}
    assert [(e["rank"], e["member_id"], e["name"]) for e in seen["entries"]] == [
        (1, "dan", "dan"),
        (2, "bob", "bob"),
        (3, "ada", "Ada L."),
        (4, "cyd", "cyd"),
    ]
    assert [e["points_earned"] for e in seen["entries"]] == [25, 15, 15, 10]
    assert [e["missions_completed"] for e in seen["entries"]] == [3, 2, 2, 1]
    assert seen["entries"][0]["reached_at"] == replies[-1]["mission"]["updated_at"]
    with product.member(event, "cyd") as cyd:
        first = leaders(cyd, event, limit=1)
    assert [e["member_id"] for e in first["entries"]] == ["dan"]
    assert first["me"] == {"rank": 4, "points_earned": 10}


@pytest.mark.parametrize("hiding", [{"on_leaderboard": False}, {"visibility": "hidden"}])
def test_who_is_hidden_or_opted_out_earns_but_is_not_shown(
    product: Product, hiding: dict[str, Any]
) -> None:
    event = product.event({"id": "a", "points": 10})
    for member in ("ada", "bob"):
        with product.member(event, member) as client:
            clicked(client, event, "a", "completed")
    hidden = product.attendee(event, "ada", **hiding)
    with product.member(event, "ada") as ada:
        ada.headers["Min-Position"] = str(hidden)
        seen = leaders(ada, event)
        assert seen["me"] == {"rank": None, "points_earned": 10}
        assert [(e["rank"], e["member_id"]) for e in seen["entries"]] == [(1, "bob")]
        assert board(ada, event)["progress"]["points_earned"] == 10
    back = product.attendee(event, "ada")
    with product.member(event, "ada") as ada:
        ada.headers["Min-Position"] = str(back)
        assert leaders(ada, event)["me"] == {"rank": 1, "points_earned": 10}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "abc", "", "1.5", "9" * 40])
def test_limit_out_of_1_to_100_is_400(product: Product, limit: str) -> None:
    event = product.event()
    with product.member(event, "ada") as ada:
        said = problem(ada.get(f"/api/events/{event}/leaderboard?limit={limit}"), 400)
        assert [error["path"] for error in said["errors"]] == ["limit"]
        for good in ("1", "100"):
            assert ada.get(f"/api/events/{event}/leaderboard?limit={good}").status_code == 200
