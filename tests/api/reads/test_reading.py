"""Reads that show what was told, whoever is dead."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.agents.asking import problem
from tests.product import Product
from workers.servers.processes import until

COMPLETED = {"status": "completed"}
MODELS = (
    "attendees",
    "conferences",
    "mission_board",
    "mission_ledger",
    "leaderboard",
    "sessions",
    "live_missions",
    "live_sessions",
)
PAST = ("/missions", "/missions/history", "/leaderboard", "/agenda")
READS = (
    "",
    "/missions",
    "/missions/history",
    "/leaderboard",
    "/agenda",
    "/schedule",
    "/sessions?window=now",
)


def position(response: httpx.Response) -> int:
    assert response.is_success, response.text
    return int(response.headers["Event-Position"])


def test_read_shows_what_was_told_right_after_it(product: Product) -> None:
    event = product.event({"id": "goals"})
    path = f"/api/events/{event}/missions"
    with product.member(event, "ada") as ada, product.member(event, "ada") as elsewhere:
        for status in ("in_progress", "completed", "not_started") * 10:
            told = position(ada.patch(f"{path}/goals", json={"status": status}))
            for reader in (ada, elsewhere):
                board = reader.get(path)
                assert board.json()["missions"][0]["status"] == status
                assert position(board) >= told


@pytest.mark.parametrize("read", READS)
def test_read_answers_with_the_position_asked_for_or_later(product: Product, read: str) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        told = position(ada.patch(f"/api/events/{event}/missions/goals", json=COMPLETED))
    path = f"/api/events/{event}{read}"
    with product.member(event, "bob") as bob:
        for asked in (0, 1, told):
            answer = bob.get(path, headers={"Min-Position": str(asked)})
            assert position(answer) >= asked
            assert answer.headers["Cache-Control"] == "no-store"


def test_position_that_does_not_come_is_503_with_retry_after(product: Product) -> None:
    event = product.event()
    asked = {"Min-Position": "999999999"}
    began = time.monotonic()
    with product.member(event, "ada") as ada, ThreadPoolExecutor(len(READS)) as pool:
        answers = list(pool.map(lambda r: ada.get(f"/api/events/{event}{r}", headers=asked), READS))
    assert 1.9 < time.monotonic() - began < 5
    for answer in answers:
        problem(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("asked", [b"", b"-1", b"1.0", b"abc", b"9" * 19, b"\xff", b"1 2"])
def test_position_that_is_no_number_is_400(product: Product, asked: bytes) -> None:
    event = product.event()
    with product.member(event, "ada") as ada:
        for path in (*READS, *(f"{path}?as_of=0" for path in PAST)):
            headers = [(b"Min-Position", asked)]
            problem(ada.get(f"/api/events/{event}{path}", headers=headers), 400)


@pytest.mark.parametrize("left", ["999999999999", "-1", "abc", "", '"', "9" * 40])
def test_cookie_left_from_another_store_is_no_reason_to_refuse(product: Product, left: str) -> None:
    event = product.event()
    with product.member(event, "ada") as ada:
        for path in READS:
            answer = ada.get(
                f"/api/events/{event}{path}", headers={"Cookie": f"min-position={left}"}
            )
            assert position(answer) < 999999999999


# The board as it was then
def test_board_is_shown_as_it_was_at_a_position_or_time(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10}, {"id": "talk", "points": 5})
    path = f"/api/events/{event}/missions"
    with product.member(event, "ada") as ada:
        start = position(ada.get(path))
        clicks = [("goals", "completed"), ("talk", "in_progress"), ("goals", "not_started")]
        replies = [ada.patch(f"{path}/{m}", json={"status": s}) for m, s in clicks]
        boards = [ada.get(path, params={"as_of": position(reply)}) for reply in replies]
        moments = [reply.json()["mission"]["updated_at"] for reply in replies]
        at_times = [ada.get(path, params={"as_of": moment}) for moment in moments]
        before = ada.get(path, params={"as_of": start}).json()
        nothing = ada.get(path, params={"as_of": 0})
    seen = [[m["status"] for m in board.json()["missions"]] for board in boards]
    assert seen == [
        ["completed", "not_started"],
        ["completed", "in_progress"],
        ["not_started", "in_progress"],
    ]
    assert [b.json() for b in at_times] == [b.json() for b in boards]
    assert [position(board) for board in boards] == [position(reply) for reply in replies]
    assert [b.json()["progress"]["points_earned"] for b in boards] == [10, 10, 0]
    assert [m["status"] for m in before["missions"]] == ["not_started"] * 2
    assert (nothing.json()["missions"], position(nothing)) == ([], 0)


def test_board_as_it_was_keeps_the_catalogue_of_then(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}/missions"
    with product.client("eve", f"event:{event}:organizer") as eve:
        then = position(eve.get(path))
        assert eve.put(path, json=[]).is_success
        assert eve.get(path).json()["missions"] == []
        assert len(eve.get(path, params={"as_of": then}).json()["missions"]) == 1


def test_offset_whose_plus_came_as_a_space_is_understood(product: Product) -> None:
    event = product.event({"id": "goals"})
    now = datetime.now(UTC).isoformat()
    with product.member(event, "ada") as ada:
        for moment in (now, now.replace("+", "%2B"), now.replace("+00:00", "Z")):
            answer = ada.get(f"/api/events/{event}/missions?as_of={moment}")
            assert len(answer.json()["missions"]) == 1


ODD = ("", "x", "-1", "1.5", "9" * 18, "9" * 30, "2026-01-01", "2026-01-01T00:00:00", "%00")
TOO_FAR = ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z")


@pytest.mark.parametrize("path", PAST)
def test_read_as_it_was_waits_for_no_position_that_is_not_there(
    product: Product, path: str
) -> None:
    event = product.event({"id": "goals"})
    with product.member(event, "ada") as ada:
        far = {"Min-Position": "999999999"}
        answer = ada.get(f"/api/events/{event}{path}?as_of=1", headers=far)
    problem(answer, 503)
    assert answer.headers["Retry-After"] == "1"


def test_points_are_shown_as_they_were(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}"
    with product.member(event, "ada") as ada:
        replies = [
            ada.patch(f"{path}/missions/goals", json={"status": status})
            for status in ("completed", "not_started", "completed")
        ]
        for read, field in (("/missions/history", "entries"), ("/leaderboard", "entries")):
            latest = ada.get(f"{path}{read}").json()
            answers = [ada.get(f"{path}{read}?as_of={position(reply)}") for reply in replies]
            assert [position(answer) for answer in answers] == list(map(position, replies))
            assert answers[-1].json() == latest
            assert ada.get(f"{path}{read}?as_of=0").json()[field] == []
            if read == "/leaderboard":
                assert [a.json()["me"]["points_earned"] for a in answers] == [10, 0, 10]
            else:
                assert [a.json()["balance"] for a in answers] == [10, 0, 10]


@pytest.mark.parametrize("as_of", [*ODD, *TOO_FAR])
def test_as_of_that_is_neither_position_nor_time_is_400(product: Product, as_of: str) -> None:
    event = product.event()
    with product.member(event, "ada") as ada:
        for path in PAST:
            said = problem(ada.get(f"/api/events/{event}{path}?as_of={as_of}"), 400)
            assert [error["path"] for error in said["errors"]] == ["as_of"]


def why_not(product: Product) -> str:
    return httpx.get(f"{product.url}/health/ready").text


# With every projector dead
def star_what_is_on(product: Product, event: str, member: httpx.Client) -> None:
    """All day, whenever that is asked."""
    now, days = datetime.now(UTC), timedelta(days=7)
    times = {"start_time": (now - days).isoformat(), "end_time": (now + days).isoformat()}
    with product.client("eve", "admin") as eve:
        assert eve.put(f"/api/events/{event}/agenda/s1", json={"title": "x", **times}).is_success
    assert member.put(f"/api/events/{event}/sessions/s1/star").is_success


def test_refresh_shows_what_was_told_when_every_projector_is_dead(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10}, {"id": "talk", "requires": ["goals"]})
    path = f"/api/events/{event}/missions"
    with product.member(event, "ada") as ada, product.member(event, "bob") as bob:
        assert bob.patch(f"{path}/goals", json=COMPLETED).is_success
        star_what_is_on(product, event, ada)
        assert "Read-Model" not in ada.get(path).headers
        product.stop_workers()
        try:
            told = position(ada.patch(f"{path}/goals", json=COMPLETED))
            rename = {"name": "Renamed", "timezone": "UTC"}
            with product.client("eve", "admin") as eve:
                assert eve.put(f"/api/events/{event}", json=rename).is_success
            answers = [ada.get(f"/api/events/{event}{read}") for read in READS]
            seen_by_bob = bob.get(f"/api/events/{event}", headers={"Min-Position": str(told)})
            assert until(lambda: all(f"{name} is dead" in why_not(product) for name in MODELS), 20)
            reasons = httpx.get(f"{product.url}/health/ready")
        finally:
            product.start_workers()
        assert until(product.ready, 20)
        live = [ada.get(f"/api/events/{event}{read}") for read in READS]

    conference, board, ledger, leaders, *agendas = (answer.json() for answer in answers)
    assert [answer.headers["Read-Model"] for answer in answers] == ["folded"] * len(READS)
    assert all(position(answer) >= told for answer in (*answers, seen_by_bob))
    assert conference["name"] == "Renamed"
    sessions = [session for agenda in agendas for session in agenda["sessions"]]
    assert [session["event_name"] for session in sessions] == ["Renamed"] * 3
    assert [m["status"] for m in board["missions"]] == ["completed", "not_started"]
    assert ledger["balance"] == 10
    assert [(e["member_id"], e["points_earned"]) for e in leaders["entries"]] == [
        ("bob", 10),
        ("ada", 10),
    ]
    assert leaders["me"] == {"rank": 2, "points_earned": 10}
    said = [[answer.json() for answer in of] for of in (live, answers)]
    assert said[0][:-1] == said[1][:-1]
    assert said[0][-1]["sessions"] == said[1][-1]["sessions"]  # as of two moments
    assert all("Read-Model" not in answer.headers for answer in live)
    assert (reasons.status_code, reasons.json()["status"]) == (
        200,
        "ready",
    )  # it is not this process
