"""Idempotency-Key, Event-Position and the cookie, which all commands share."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.agents.asking import nothing_recorded, paths, problem, recorded
from tests.product import Product, mission

COMPLETED = {"status": "completed"}
STARTED = {"status": "in_progress"}


def patch(
    client: httpx.Client, event: str, mission_id: str, body: object, key: str | None = None
) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    path = f"/api/events/{event}/missions/{mission_id}"
    return client.patch(path, json=body, headers=headers)


def told(response: httpx.Response) -> tuple[int, bytes, str | None]:
    return response.status_code, response.content, response.headers.get("Event-Position")


def test_same_key_path_and_body_gives_the_first_reply_again(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        first = patch(ada, event, "goals", COMPLETED, event)
        other = patch(ada, event, "goals", STARTED)
        with nothing_recorded(product):
            again = [patch(ada, event, "goals", COMPLETED, event) for _ in range(3)]
        board = ada.get(f"/api/events/{event}/missions").json()
    assert {told(reply) for reply in again} == {told(first)}
    assert int(other.headers["Event-Position"]) > int(first.headers["Event-Position"])
    assert board["missions"][0]["status"] == "in_progress"


def test_same_key_with_another_body_or_path_is_409(product: Product) -> None:
    event = product.event({"id": "goals"}, {"id": "talk"})
    with product.member(event, "ada") as ada:
        first = patch(ada, event, "goals", COMPLETED, event)
        assert first.status_code == 200
        with nothing_recorded(product):
            for mission_id, body in (("goals", STARTED), ("talk", COMPLETED)):
                said = problem(patch(ada, event, mission_id, body, event), 409)
                assert said["title"] == "This Idempotency-Key came with another request before"
        assert told(patch(ada, event, "goals", COMPLETED, event)) == told(first)


def test_two_keys_are_400(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada, nothing_recorded(product):
        answer = ada.patch(
            f"/api/events/{event}/missions/goals",
            json=COMPLETED,
            headers=[("Idempotency-Key", "one"), ("Idempotency-Key", "another")],
        )
        assert paths(answer) == ["Idempotency-Key"]


def test_key_belongs_to_one_principal(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada, product.member(event, "bob") as bob:
        patch(ada, event, "goals", COMPLETED, event)
        assert patch(bob, event, "goals", STARTED, event).json()["mission"]["points_earned"] == 0


def test_refusal_is_given_again_also_where_it_would_be_let_through_now(product: Product) -> None:
    event = product.event({"id": "goals"}, {"id": "talk", "requires": ["goals"]})
    with product.member(event, "ada") as ada:
        refused = patch(ada, event, "talk", COMPLETED, f"{event} locked")
        unknown = patch(ada, event, "dance", COMPLETED, f"{event} unknown")
        patch(ada, event, "goals", COMPLETED)
        with nothing_recorded(product):
            assert told(patch(ada, event, "talk", COMPLETED, f"{event} locked")) == told(refused)
            assert told(patch(ada, event, "dance", COMPLETED, f"{event} unknown")) == told(unknown)
        assert patch(ada, event, "talk", COMPLETED, f"{event} open").status_code == 200
    assert [problem(refused, 409)["status"], problem(unknown, 404)["status"]] == [409, 404]


def test_key_of_a_malformed_request_may_be_used_again(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        problem(patch(ada, event, "goals", {"status": "done"}, event), 400)
        assert patch(ada, event, "goals", COMPLETED, event).status_code == 200


@pytest.mark.parametrize("key", [b"", b"x" * 129, b"a\tb", b"\xc3\xa9", b"a\x7fb"])
def test_key_that_is_not_printable_or_too_long_is_400(product: Product, key: bytes) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada, nothing_recorded(product):
        path = f"/api/events/{event}/missions/goals"
        answer = ada.patch(path, json=COMPLETED, headers=[(b"Idempotency-Key", key)])
    problem(answer, 400)


@pytest.mark.parametrize("key", ["x" * 128, "~!@#$%^&*()[]{}", "a b", "0"])
def test_key_of_printable_characters_is_taken(product: Product, key: str) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, event) as member:
        assert patch(member, event, "goals", COMPLETED, key).status_code == 200


def ten_at_once(
    product: Product, event: str, member: str, key: str | None
) -> list[tuple[int, bytes, str | None]]:
    """Ten clicks, each on a connection of its own."""

    def click(_: int) -> tuple[int, bytes, str | None]:
        with product.member(event, member) as client:
            return told(patch(client, event, "goals", COMPLETED, key))

    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(click, range(10)))


@pytest.mark.parametrize("with_key", [False, True])
def test_ten_clicks_at_once_award_once(product: Product, with_key: bool) -> None:
    event = product.event({"id": "goals", "points": 10})
    before = recorded(product)
    replies = ten_at_once(product, event, "ada", event if with_key else None)
    assert recorded(product) == before + 1
    assert len(set(replies)) == 1
    with product.member(event, "ada") as ada:
        ledger = ada.get(f"/api/events/{event}/missions/history").json()
    assert [entry["points"] for entry in ledger["entries"]] == [10]


def test_every_command_is_idempotent_by_state(product: Product) -> None:
    event = product.event()
    at = f"/api/events/{event}"
    seen = {"action": "message_sent", "target_member_id": "bob", "ts": "2026-01-01T10:00:00+01:00"}
    commands = [
        ("PUT", at, {"name": "Ours", "timezone": "UTC", "starts_at": "2026-01-01T00:00:00Z"}),
        ("PUT", f"{at}/missions", [mission("goals"), mission("meet_attendees")]),
        ("PUT", f"{at}/attendees/bob", {"name": "Bob", "interests": ["é"]}),
        ("PATCH", f"{at}/missions/goals", COMPLETED),
        ("POST", f"{at}/missions/meet_attendees/telemetry", seen),
    ]
    scopes = (f"event:{event}:member", f"event:{event}:organizer")
    with product.client("ada", *scopes) as ada:
        for method, path, body in commands:
            first = ada.request(method, path, json=body)
            assert first.is_success
            with nothing_recorded(product):
                assert told(ada.request(method, path, json=body)) == told(first)
        same_moment = seen | {"ts": "2026-01-01T09:00:00Z"}
        with nothing_recorded(product):
            ada.post(f"{at}/missions/meet_attendees/telemetry", json=same_moment)


def test_position_is_that_of_the_event_in_the_log(product: Product) -> None:
    """The last event of the command; where nothing changed, the last that it stands on."""
    event = product.event({"id": "goals"}, {"id": "talk"})
    with product.member(event, "ada") as ada:
        first = patch(ada, event, "goals", COMPLETED)
        second = patch(ada, event, "talk", STARTED)
        again = patch(ada, event, "goals", COMPLETED)
        ledger = ada.get(f"/api/events/{event}/missions/history").json()
    positions = [int(r.headers["Event-Position"]) for r in (first, second, again)]
    assert positions[1] == recorded(product)
    assert ledger["entries"][0]["position"] == positions[0]
    assert positions[2] == positions[1]


def test_reply_sets_a_cookie_that_later_reads_wait_for(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        reply = patch(ada, event, "goals", COMPLETED)
        position = reply.headers["Event-Position"]
        cookie = reply.headers["Set-Cookie"].lower()
        assert ada.cookies["min-position"] == position
        assert {"httponly", "samesite=lax", "path=/", "max-age=60"} <= set(cookie.split("; "))
        board = ada.get(f"/api/events/{event}/missions")
        assert int(board.headers["Event-Position"]) >= int(position)


def test_cookie_never_goes_back_nor_beyond_the_end_of_the_log(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada, product.member(event, "bob") as bob:
        first = patch(ada, event, "goals", COMPLETED)
        heard = patch(bob, event, "goals", COMPLETED).headers["Event-Position"]
        for left, becomes in ((heard, heard), ("9" * 18, heard)):
            ada.cookies["min-position"] = left
            again = patch(ada, event, "goals", COMPLETED)
            assert again.headers["Event-Position"] == first.headers["Event-Position"]
            assert again.headers["Set-Cookie"].startswith(f"min-position={becomes};")


def test_reply_is_not_kept_by_caches(product: Product) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        assert patch(ada, event, "goals", COMPLETED).headers["Cache-Control"] == "no-store"
        assert patch(ada, event, "nothing", COMPLETED).headers["Cache-Control"] == "no-store"
