"""Meetings of two: `/api/events/{event_id}/syncs`, free time, live, and in calendars."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from icalendar import Calendar

from domain.blocks import BlockMember
from tests.api.agents.asking import problem
from tests.boards import recording
from tests.product import Product
from tests.waiting import PATIENCE
from workers.servers.processes import until

Json = dict[str, Any]
TOMORROW = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
NINE, TEN = TOMORROW, TOMORROW + timedelta(hours=1)


class Three:
    """Ada, Ben and Cleo at an event in Brussels."""

    def __init__(self, product: Product, event_id: str, **clients: httpx.Client) -> None:
        self.product, self.event_id, self.clients = product, event_id, clients
        self.path = f"/api/events/{event_id}/syncs"

    def ask(self, by: str, other: str, *proposals: datetime, **more: Any) -> httpx.Response:
        starts = [start.isoformat() for start in proposals or (NINE, TEN)]
        body = {"with": other, "minutes": 30, "proposals": starts, **more}
        return self.clients[by].post(self.path, json=body)

    def asked(self, by: str, other: str, *proposals: datetime, **more: Any) -> str:
        answer = self.ask(by, other, *proposals, **more)
        assert answer.status_code == 201, answer.text
        sync_id: str = answer.json()["sync_id"]
        return sync_id

    def answer(self, by: str, sync_id: str, status: str, **more: Any) -> httpx.Response:
        return self.clients[by].patch(f"{self.path}/{sync_id}", json={"status": status, **more})

    def accept(self, by: str, sync_id: str, start: datetime = NINE, **more: Any) -> httpx.Response:
        return self.answer(by, sync_id, "accepted", start=start.isoformat(), **more)

    def syncs(self, of: str, **query: Any) -> list[Json]:
        answer = self.clients[of].get(self.path, params=query).raise_for_status()
        syncs: list[Json] = answer.json()["syncs"]
        return syncs

    def free(self, by: str, other: str, date: str = "") -> httpx.Response:
        query = {"with": other, "date": date or NINE.date().isoformat()}
        return self.clients[by].get(f"{self.path}/free", params=query)


@pytest.fixture
def three(product: Product, event_id: str) -> Iterator[Three]:
    product.attendee(event_id, "ada", company="Engines")
    product.attendee(event_id, "ben", headline="Winds clocks")
    product.attendee(event_id, "cleo")
    clients = {who: product.member(event_id, who) for who in ("ada", "ben", "cleo")}
    yield Three(product, event_id, **clients)
    for client in clients.values():
        client.close()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_request_is_told_to_both_and_accepting_takes_the_time(three: Three) -> None:
    answer = three.ask("ada", "ben", TEN, NINE, note="Shall we\nmeet? 🎉", place="Hall A")
    assert answer.status_code == 201
    said = answer.json()
    assert {k: said[k] for k in ("from", "with", "note", "minutes", "status", "start")} == {
        "from": "ada",
        "with": "ben",
        "note": "Shall we\nmeet? 🎉",
        "minutes": 30,
        "status": "requested",
        "start": None,
    }
    assert [moment(start) for start in said["proposals"]] == [NINE, TEN]
    assert (said["place"], said["overlaps"]) == ("Hall A", [])
    (of_ben,) = three.syncs("ben")
    assert of_ben["other"]["name"] == "Ada"
    assert (of_ben["note"], of_ben["other"]["company"]) == (said["note"], "Engines")
    accepted = three.accept("ben", said["sync_id"], TEN, place="The stairs")
    assert accepted.status_code == 200, accepted.text
    for member in ("ada", "ben"):
        (sync,) = three.syncs(member, status="accepted")
        assert (moment(sync["start"]), sync["place"]) == (TEN, "The stairs")
    assert three.syncs("cleo") == []
    assert three.accept("ben", said["sync_id"], TEN).status_code == 200
    problem(three.accept("ben", said["sync_id"], NINE), 409)


def test_whom_it_does_not_concern_it_is_not_there(three: Three) -> None:
    sync_id = three.asked("ada", "ben")
    for status in ("accepted", "declined", "withdrawn"):
        problem(three.answer("cleo", sync_id, status, start=NINE.isoformat()), 404)
        problem(three.answer("ben", "nowhere", status, start=NINE.isoformat()), 404)
    problem(three.answer("ada", sync_id, "declined"), 409)
    problem(three.answer("ben", sync_id, "withdrawn"), 409)
    problem(three.answer("ben", sync_id, "accepted"), 400)
    problem(three.accept("ben", sync_id, NINE + timedelta(minutes=5)), 400)
    assert three.answer("ben", sync_id, "declined").json()["status"] == "declined"
    assert three.answer("ben", sync_id, "declined").status_code == 200


def test_times_that_are_taken_are_refused_and_say_which(three: Three) -> None:
    first = three.asked("ada", "ben")
    assert three.accept("ben", first).status_code == 200
    said = three.ask("cleo", "ben", NINE, TEN)
    problem(said, 409)
    assert said.json()["errors"] == [{"path": "$.proposals[0]", "message": "they are busy then"}]
    own = three.ask("ben", "cleo", NINE)
    assert first in own.json()["errors"][0]["message"]
    second = three.asked("cleo", "ben", TEN)
    third = three.asked("cleo", "ada", TEN)
    assert three.accept("ben", second, TEN).status_code == 200
    problem(three.accept("ada", third, TEN), 409)
    problem(three.ask("cleo", "ada", TEN + timedelta(hours=2)), 409)  # one is open already


@pytest.mark.parametrize(
    "wrong",
    [
        {"proposals": []},
        {"proposals": [(NINE + i * timedelta(hours=1)).isoformat() for i in range(4)]},
        {"proposals": ["2020-01-01T10:00:00Z"]},
        {"proposals": ["0001-01-01T00:00:00+14:00"]},
        {"proposals": ["2030-01-01T10:00:00"]},
        {"minutes": 9},
        {"minutes": 61},
        {"note": "a" * 501},
        {"note": "\x00"},
        {"place": "a\x07"},
        {"more": 1},
    ],
)
def test_bad_requests_are_400(three: Three, wrong: Json) -> None:
    problem(three.ask("ada", "ben", **wrong), 400)
    assert three.syncs("ada") == []


def test_hidden_unknown_and_oneself_cannot_be_asked(three: Three) -> None:
    three.product.attendee(three.event_id, "cleo", visibility="hidden")
    for other in ("cleo", "nobody", "ada"):
        said = problem(three.ask("ada", other), 404)
        assert said["detail"] == f"There is no attendee {other} to meet here."
        problem(three.free("ada", other), 404)
    problem(three.ask("cleo", "ada"), 409)


def test_free_time_names_ones_own_and_says_of_the_other_only_that_they_are_busy(
    three: Three, organizer: httpx.Client
) -> None:
    for item, start in (("talk", NINE), ("late", TEN)):
        body = {
            "title": f"On {item}",
            "start_time": start.isoformat(),
            "end_time": (start + timedelta(minutes=45)).isoformat(),
        }
        path = f"/api/events/{three.event_id}/agenda/{item}"
        organizer.put(path, json=body).raise_for_status()
    star = f"/api/events/{three.event_id}/sessions/{{}}/star"
    three.clients["ada"].put(star.format("talk")).raise_for_status()
    three.clients["ben"].put(star.format("late")).raise_for_status()
    warned = three.ask("ada", "ben")
    assert [(o["whose"], o["session_title"]) for o in warned.json()["overlaps"]] == [
        ("yours", "On talk"),
        ("theirs", None),
    ]
    sync_id = three.asked("cleo", "ben", TEN + timedelta(hours=2))
    three.accept("ben", sync_id, TEN + timedelta(hours=2)).raise_for_status()
    answer = three.free("ada", "ben")
    day = answer.raise_for_status().json()
    assert day["event_timezone"] == "Europe/Brussels"
    assert [(one["kind"], one["title"]) for one in day["yours"]] == [("session", "On talk")]
    assert [sorted(one) for one in day["theirs"]] == [["end", "start"]] * 2
    assert "late" not in answer.text
    assert sync_id not in answer.text
    minutes = sum(
        (moment(one["end"]) - moment(one["start"])).total_seconds() / 60 for one in day["free"]
    )
    assert minutes == 24 * 60 - 45 - 45 - 30
    for wrong in ("2026-02-30", "tomorrow", "9999-12-31", "0001-01-01"):
        problem(three.free("ada", "ben", wrong), 400)


def test_both_hear_of_each_change_while_they_look(three: Three) -> None:
    product, event_id = three.product, three.event_id
    with (
        product.listening(event_id, "ada") as ada,
        product.listening(event_id, "ben") as ben,
    ):
        sync_id = three.asked("ada", "ben", note="Something personal")
        three.accept("ben", sync_id).raise_for_status()
        three.answer("ada", sync_id, "withdrawn").raise_for_status()
        for heard, other in ((ada, "ben"), (ben, "ada")):
            said = [next(heard) for _ in range(3)]
            assert {message["event"] for message in said} == {"SYNC_UPDATED"}
            assert [message["data"]["status"] for message in said] == [
                "requested",
                "accepted",
                "withdrawn",
            ]
            assert {message["data"]["with"] for message in said} == {other}
            assert "personal" not in str(said)


def test_request_that_nobody_answers_expires_by_itself(three: Three) -> None:
    with three.product.listening(three.event_id, "ada") as heard:
        sync_id = three.asked("ada", "ben", datetime.now(UTC) + timedelta(seconds=1.5))
        told = [next(heard)["data"]["status"] for _ in range(2)]
    assert told == ["requested", "expired"]
    (sync,) = three.syncs("ben", status="expired")
    assert sync["sync_id"] == sync_id
    assert three.syncs("ben", status="requested") == []
    assert three.ask("ada", "ben").status_code == 201


def test_block_takes_what_was_agreed_out_of_sight(three: Three) -> None:
    agreed = three.asked("ada", "ben")
    three.accept("ben", agreed).raise_for_status()
    blocked(three, "ben", "ada")
    for member in ("ada", "ben"):
        assert three.syncs(member) == []
    problem(three.ask("ada", "ben"), 404)

    def is_free() -> bool:
        return three.ask("cleo", "ben", NINE).status_code == 201

    assert until(is_free, PATIENCE)  # what follows a block has withdrawn it


def blocked(three: Three, by: str, whom: str) -> None:
    with recording(three.product.database_url) as record:
        record(BlockMember(event_id=three.event_id, member_id=by, blocked_member_id=whom))


def test_accepted_sync_is_in_both_calendars_and_stays_there_cancelled(
    three: Three, product: Product
) -> None:
    sync_id = three.asked("ada", "ben", note="About engines", place="Hall A")
    links = {}
    for member in ("ada", "ben"):
        path = f"/api/events/{three.event_id}/calendar-link"
        links[member] = three.clients[member].put(path).json()["path"]

    def entries(member: str) -> list[tuple[str, int, str, str]]:
        answer = httpx.get(f"{product.url}{links[member]}").raise_for_status()
        return [
            (str(e["UID"]), int(e["SEQUENCE"]), str(e["STATUS"]), str(e["SUMMARY"]))
            for e in Calendar.from_ical(answer.content).events
        ]

    assert entries("ada") == []
    three.accept("ben", sync_id).raise_for_status()
    (of_ada,), (of_ben,) = entries("ada"), entries("ben")
    assert of_ada[0] == of_ben[0] == f"sync-{sync_id}@{three.event_id}"
    assert (of_ada[2:], of_ben[2:]) == (
        ("CONFIRMED", "Sync with Ben"),
        ("CONFIRMED", "Sync with Ada"),
    )
    three.answer("ben", sync_id, "withdrawn").raise_for_status()
    for member, before in (("ada", of_ada), ("ben", of_ben)):
        ((uid, sequence, status, _),) = entries(member)
        assert (uid, status) == (before[0], "CANCELLED")
        assert sequence > before[1]


def test_pages_follow_each_other(three: Three) -> None:
    ids = []
    for i in range(4):
        sync_id = three.asked("ada", "ben", NINE + timedelta(hours=i))
        three.answer("ben", sync_id, "declined").raise_for_status()
        ids.append(sync_id)
    found, before = [], {}
    while True:
        page = three.clients["ada"].get(three.path, params={"limit": 3, **before}).json()
        found += [sync["sync_id"] for sync in page["syncs"]]
        if page["before"] is None:
            break
        before = {"before": page["before"]}
    assert found == ids[::-1]


def test_same_key_gives_the_first_answer_again(three: Three) -> None:
    body = {"with": "ben", "minutes": 30, "proposals": [NINE.isoformat()]}
    once = {"Idempotency-Key": "once"}
    first, again = (
        three.clients["ada"].post(three.path, json=body, headers=once) for _ in range(2)
    )
    assert (first.status_code, first.content) == (again.status_code, again.content)
    three.clients["ada"].headers["Min-Position"] = first.headers["Event-Position"]
    assert len(three.syncs("ada")) == 1


def test_tool_of_agents_tells_a_member_their_own_syncs_and_nothing_of_who_is_apart(
    three: Three,
) -> None:
    one, other = three.asked("ada", "ben", note="Clocks?"), three.asked("cleo", "ada", TEN)

    def told() -> list[Json]:
        body = {"eventId": three.event_id, "contractorId": "me"}
        answer = three.clients["ada"].post("/api/ai-concierge/my-syncs", json=body)
        syncs: list[Json] = answer.raise_for_status().json()["syncs"]
        return syncs

    assert [sync["sync_id"] for sync in told()] == [other, one]
    assert told() == three.syncs("ada")
    with recording(three.product.database_url) as record:
        record(BlockMember(event_id=three.event_id, member_id="cleo", blocked_member_id="ada"))
    assert [sync["sync_id"] for sync in told()] == [one]
    body = {"eventId": three.event_id, "contractorId": "ada"}
    problem(three.clients["ben"].post("/api/ai-concierge/my-syncs", json=body), 403)
