"""Bad input: the right 4xx as problem+json, and nothing stored."""

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.http.problems import LARGEST_BODY
from tests.api.agents.asking import nothing_recorded, paths, problem, recorded, said_raw
from tests.product import Product, mission

PROFILE = {"name": "Ada"}
SEEN = {"action": "view_profile", "target_member_id": "bob", "ts": "2026-01-01T00:00:00Z"}
EVENT = {"name": "A conference", "timezone": "Europe/Brussels"}
GOALS = mission("goals")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=10,
)


class Board:
    """An event, and all the ways to change something at it."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.event = product.event({"id": "goals"}, {"id": "meet_attendees"})
        product.attendee(self.event, "bob")
        scopes = (f"event:{self.event}:member", f"event:{self.event}:organizer")
        self.client = product.client("ada", *scopes)
        at = f"/api/events/{self.event}"
        self.calls = {
            "event": ("PUT", at),
            "catalogue": ("PUT", f"{at}/missions"),
            "profile": ("PUT", f"{at}/attendees/ada"),
            "status": ("PATCH", f"{at}/missions/goals"),
            "telemetry": ("POST", f"{at}/missions/meet_attendees/telemetry"),
        }

    def send(self, call: str, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.client.request(*self.calls[call], content=content, headers=headers)


@pytest.fixture(scope="module")
def board(product: Product) -> Iterator[Board]:
    board = Board(product)
    with board.client:
        yield board


@pytest.fixture(scope="module")
def another_board(product: Product) -> Iterator[Board]:
    """For what comes at random, and may change it."""
    board = Board(product)
    with board.client:
        yield board


CALLS = ("event", "catalogue", "profile", "status", "telemetry")
NO_JSON = {
    "empty": b"",
    "blank": b" \n",
    "cut off": b'{"status": "compl',
    "single quotes": b"{'status': 'completed'}",
    "two values": b"{} {}",
    "a comma too many": b'{"status": "completed",}',
    "NaN": b'{"points": NaN}',
    "no UTF-8": b'{"status": "\xff", "name": "\xff"}',
    "UTF-16": '{"status": "completed"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"status": "completed"}',
    "form": b"status=completed",
    "NUL": b"\0",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_body_that_is_no_json_is_400(board: Board, call: str, body: bytes) -> None:
    with nothing_recorded(board.product):
        paths(board.send(call, body))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'[{"requires":[', b'{"interests":['])
def test_body_that_is_deeply_nested_is_400(board: Board, call: str, opened: bytes) -> None:
    with nothing_recorded(board.product):
        problem(board.send(call, opened * 50_000), 400)


WRONG: dict[str, tuple[str, Any, list[str]]] = {
    "status unknown": ("status", {"status": "done"}, ["$.status"]),
    "status computed": ("status", {"status": "locked"}, ["$.status"]),
    "status number": ("status", {"status": 1}, ["$.status"]),
    "status null": ("status", {"status": None}, ["$.status"]),
    "status missing": ("status", {}, ["$"]),
    "body a list": ("status", [], ["$"]),
    "body a string": ("status", "completed", ["$"]),
    "body null": ("status", None, ["$"]),
    "field unknown": ("status", {"status": "completed", "points": 9}, ["$"]),
    "points text": ("catalogue", [GOALS | {"points": "10"}], ["$[0].points"]),
    "points negative": ("catalogue", [GOALS | {"points": -1}], ["$[0].points"]),
    "points fraction": ("catalogue", [GOALS | {"points": 0.5}], ["$[0].points"]),
    "points too many": ("catalogue", [GOALS | {"points": 1_000_001}], ["$[0].points"]),
    "points huge": ("catalogue", [GOALS | {"points": 10**40}], ["$[0].points"]),
    "points true": ("catalogue", [GOALS | {"points": True}], ["$[0].points"]),
    "active text": ("catalogue", [GOALS | {"active": "true"}], ["$[0].active"]),
    "active number": ("catalogue", [GOALS | {"active": 1}], ["$[0].active"]),
    "mission id empty": ("catalogue", [GOALS | {"id": ""}], ["$[0].id"]),
    "mission id odd": ("catalogue", [GOALS | {"id": "a/b"}], ["$[0].id"]),
    "mission id newline": ("catalogue", [GOALS | {"id": "a\n"}], ["$[0].id"]),
    "mission id long": ("catalogue", [GOALS | {"id": "a" * 129}], ["$[0].id"]),
    "mission without id": ("catalogue", [{"title": "x"}], ["$[0]"]),
    "missions many": ("catalogue", [mission(f"m{i}") for i in range(501)], ["$"]),
    "mission twice": ("catalogue", [GOALS, GOALS], ["$[1].id"]),
    "requires nobody": ("catalogue", [mission("a", requires=["b"])], ["$[0].requires[0]"]),
    "requires itself": ("catalogue", [mission("a", requires=["a"])], ["$[0].requires"]),
    "requires no list": ("catalogue", [mission("a", requires="b")], ["$[0].requires"]),
    "mission history": ("catalogue", [mission("history")], ["$[0].id"]),
    "name missing": ("profile", {}, ["$"]),
    "name empty": ("profile", {"name": ""}, ["$.name"]),
    "name long": ("profile", {"name": "x" * 201}, ["$.name"]),
    "name with NUL": ("profile", {"name": "a\0b"}, ["$.name"]),
    "name with escape": ("profile", {"name": "a\x1bb"}, ["$.name"]),
    "name with DEL": ("profile", {"name": "a\x7fb"}, ["$.name"]),
    "name with C1": ("profile", {"name": "a\x85b"}, ["$.name"]),
    "tag number": ("profile", PROFILE | {"interests": ["a", 1]}, ["$.interests[1]"]),
    "tags many": ("profile", PROFILE | {"seeks": ["a"] * 101}, ["$.seeks"]),
    "visibility": ("profile", PROFILE | {"visibility": "secret"}, ["$.visibility"]),
    "avatar script": ("profile", PROFILE | {"avatar_url": "javascript:x"}, ["$.avatar_url"]),
    "zone unknown": ("event", EVENT | {"timezone": "Mars/Olympus"}, ["$.timezone"]),
    "zone a path": ("event", EVENT | {"timezone": "../etc/passwd"}, ["$.timezone"]),
    "start naive": ("event", EVENT | {"starts_at": "2026-01-01T00:00"}, ["$.starts_at"]),
    "start a number": ("event", EVENT | {"starts_at": 5}, ["$.starts_at"]),
    "end before start": (
        "event",
        EVENT | {"starts_at": "2026-01-02T00:00:00+02:00", "ends_at": "2026-01-01T21:00:00Z"},
        ["$.ends_at"],
    ),
    "action unknown": ("telemetry", SEEN | {"action": "winked"}, ["$.action"]),
    "dwell negative": ("telemetry", SEEN | {"dwell_ms": -1}, ["$.dwell_ms"]),
    "dwell text": ("telemetry", SEEN | {"dwell_ms": "5"}, ["$.dwell_ms"]),
    "dwell more than a day": ("telemetry", SEEN | {"dwell_ms": 86_400_001}, ["$.dwell_ms"]),
    "ts without offset": ("telemetry", SEEN | {"ts": "2026-01-01T00:00:00"}, ["$.ts"]),
    "ts no date": ("telemetry", SEEN | {"ts": "2026-02-30T00:00:00Z"}, ["$.ts"]),
    "ts before time": ("telemetry", SEEN | {"ts": "0001-01-01T00:00:00+14:00"}, ["$"]),
    "ts after time": ("telemetry", SEEN | {"ts": "9999-12-31T23:59:59-14:00"}, ["$"]),
    "target odd": ("telemetry", SEEN | {"target_member_id": "a b"}, ["$.target_member_id"]),
}


@pytest.mark.parametrize(("call", "body", "wrong"), WRONG.values(), ids=WRONG)
def test_field_that_is_wrong_is_named(board: Board, call: str, body: Any, wrong: list[str]) -> None:
    with nothing_recorded(board.product):
        assert paths(board.send(call, body)) == wrong


def test_text_that_grows_in_normal_form_keeps_its_bound(board: Board) -> None:
    """U+1D160 is three characters in NFC."""
    for count, status in ((66, 200), (67, 400), (200, 400)):
        answer = board.send("profile", {"name": "\U0001d160" * count})
        assert answer.status_code == status
    assert answer.json()["errors"][0]["path"] == "$"


def test_more_marks_than_a_language_needs_are_400(board: Board) -> None:
    """In normal form they would take the square of their number."""
    for count, status in ((30, 200), (31, 400)):
        answer = board.send("profile", {"name": "a" + "\u0327" * count})
        assert answer.status_code == status
    assert "30 combining marks" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\udc00", rb"\ud83d\u0041", rb"\u00zz", rb"\x41"])
def test_text_with_half_a_character_is_400(board: Board, escape: bytes) -> None:
    with nothing_recorded(board.product):
        paths(board.send("profile", b'{"name": "' + escape + b'"}'))


def test_what_is_wrong_is_said_in_words(board: Board) -> None:
    """No regular expression, no name of a library, and not all of what was sent."""
    said = problem(board.send("catalogue", [GOALS | {"id": "a/b"}]), 400)
    assert said["detail"] == "$[0].id: must be 1-128 of A-Z a-z 0-9 _ - ."
    assert said["errors"] == [{"path": "$[0].id", "message": "must be 1-128 of A-Z a-z 0-9 _ - ."}]
    long = problem(board.send("status", {"x" * 100_000: 1, "status": "completed"}), 400)
    assert len(str(long)) < 2_000


SOME = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SOME
@given(
    call=st.sampled_from(CALLS),
    body=st.binary(max_size=200) | JSON.map(msgspec.json.encode),
)
@example(call="catalogue", body=b"[]")
@example(call="catalogue", body=b"[{}]")
@example(call="profile", body=b'{"name":{"name":"x"}}')
def test_any_bytes_are_400_or_what_was_asked_for(
    another_board: Board, call: str, body: bytes
) -> None:
    before = recorded(another_board.product)
    answer = another_board.send(call, body)
    if answer.status_code != 200:
        problem(answer, 400)
        assert recorded(another_board.product) == before
    else:  # nothing else of so few leaves is right
        assert (call, msgspec.json.decode(body)) == ("catalogue", [])


# Around the body
def test_whole_number_may_come_as_a_fraction_without_a_rest(board: Board) -> None:
    answer = board.send("telemetry", msgspec.json.encode(SEEN | {"dwell_ms": 1.0}))
    assert answer.status_code == 204


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", ";;=,", "a/b; charset=x"],
)
def test_body_is_json_whatever_its_content_type_says(board: Board, content_type: str) -> None:
    body = {"status": "not_started"}
    answer = board.send("status", body, **{"Content-Type": content_type})
    assert answer.status_code == 200


def test_body_that_is_too_large_is_413(board: Board) -> None:
    large = b'{"status": "' + b"x" * 10_000_000 + b'"}'
    with nothing_recorded(board.product):
        for call in CALLS:
            problem(board.send(call, large), 413)
        pieces = (large[i : i + 100_000] for i in range(0, len(large), 100_000))
        chunked = board.client.request(*board.calls["status"], content=pieces)
        problem(chunked, 413)
    just = b'{"status": "not_started"}'.ljust(LARGEST_BODY)
    assert board.send("status", just).status_code == 200
    problem(board.send("status", just + b" "), 413)


def head(board: Board, *lines: str) -> bytes:
    """The beginning of a PATCH, as it goes over the wire."""
    method, path = board.calls["status"]
    token = board.client.headers["Authorization"]
    first = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: {token}")
    return "\r\n".join((*first, *lines, "", "")).encode()


def test_body_that_is_cut_off_stores_nothing_and_is_no_error_of_ours(board: Board) -> None:
    body = b'{"status": "completed"}'
    with nothing_recorded(board.product):
        length = head(board, "Content-Length: 100")
        assert said_raw(board.product, length, body, hang_up=True) == b""
        chunked = head(board, "Transfer-Encoding: chunked")
        assert said_raw(board.product, chunked, b"17\r\n" + body, hang_up=True) == b""
        assert said_raw(board.product, length[:-20], hang_up=True) == b""
        assert board.send("status", {"status": "not_started"}).status_code == 200
    assert '"level":"error"' not in board.product.log("api")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
        b"PATCH / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"PATCH / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_400(product: Product, garbage: bytes) -> None:
    head_, _, body = said_raw(product, garbage).partition(b"\r\n\r\n")
    assert head_.split(b"\r\n")[0] == b"HTTP/1.1 400 Bad Request"
    assert b"content-type: application/problem+json" in head_.lower()
    assert msgspec.json.decode(body)["status"] == 400


# Addresses
ODD_IDS = ("%00", "a%00", "a%0A", "%0a", "a%20b", "a:b", "%C3%A9", "%ff", "a%7Fb", "%", "%zz", "a*")


@pytest.mark.parametrize("odd", [*ODD_IDS, "x" * 129, "x" * 5_000])
def test_id_with_odd_characters_is_400(board: Board, odd: str) -> None:
    at = f"/api/events/{board.event}"
    with nothing_recorded(board.product):
        for method, path, body in (
            ("GET", f"/api/events/{odd}", None),
            ("GET", f"/api/events/{odd}/leaderboard", None),
            ("GET", f"{at}/members/{odd}/stream", None),
            ("PUT", f"/api/events/{odd}", EVENT),
            ("PUT", f"{at}/attendees/{odd}", PROFILE),
            ("PATCH", f"{at}/missions/{odd}", {"status": "completed"}),
        ):
            url = httpx.URL(board.product.url).copy_with(raw_path=path.encode())
            problem(board.client.request(method, url, json=body), 400)


def test_id_with_a_slash_is_another_address(board: Board) -> None:
    with nothing_recorded(board.product):
        for path in ("/api/events/a%2Fb", f"/api/events/{board.event}/missions/a%2Fb"):
            problem(board.client.get(path), 404)
    problem(board.client.get("/nothing/here"), 404)
    problem(board.client.get("/web/%2e%2e/app.py"), 404)
    problem(board.client.get("/web/..%2fapp.py"), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "", "GET, HEAD, OPTIONS, PUT"),
        ("DELETE", "/missions", "GET, HEAD, OPTIONS, PUT"),
        ("GET", "/missions/goals", "OPTIONS, PATCH"),
        ("TRACE", "/missions/goals", "OPTIONS, PATCH"),
        ("PATCH", "/missions/history", "GET, HEAD, OPTIONS"),
        ("GET", "/missions/meet_attendees/telemetry", "OPTIONS, POST"),
    ],
)
def test_method_that_is_not_taken_is_405_and_says_which_are(
    board: Board, method: str, path: str, allowed: str
) -> None:
    url = f"/api/events/{board.event}{path}"
    answer = board.client.request(method, url)
    problem(answer, 405)
    assert answer.headers["Allow"] == allowed
    asked = board.client.options(url)
    assert (asked.status_code, asked.headers["Allow"]) == (204, allowed)


def test_head_is_get_without_a_body(board: Board) -> None:
    at = f"/api/events/{board.event}"
    for path in (at, f"{at}/missions", f"{at}/leaderboard", "/", "/health/live", "/schema"):
        answers = (board.client.get(path), board.client.head(path))
        for name in ("Content-Type", "Content-Length", "Cache-Control", "Event-Position"):
            assert answers[0].headers.get(name) == answers[1].headers.get(name)
        assert (answers[1].status_code, answers[1].content) == (200, b"")
    feed = board.client.head(f"{at}/members/me/stream")
    assert (feed.status_code, feed.headers["Content-Type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )
    assert board.client.head(f"{at}/members/me/stream?last_event_id=x").status_code == 400
    assert board.client.head("/nothing/here").status_code == 404
