"""The demo conference on the running product: complete, and not one event more on a second run."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.product import SECRET, Product
from workers.demo.client import EVENT, ORGANIZER, Client
from workers.demo.conference import MISSIONS, NEWCOMER, PEOPLE, REGULAR, TIMEZONE, plan
from workers.demo.fill import act, build, print_links, schedule
from workers.demo.programme import Item, picks, programme


@pytest.fixture(scope="module")
def demo(product: Product) -> Iterator[Client]:
    with closing(Client(product.url, SECRET)) as client:
        build(client)
        yield client


def end_of_log(product: Product) -> int:
    with psycopg.connect(product.database_url) as connection:
        rows = connection.execute("SELECT max(notification_id) FROM events.log").fetchall()
    return int(rows[0][0])


def test_plan_completes_nothing_that_is_locked() -> None:
    requires = {mission.id: set(mission.requires) for mission in MISSIONS}
    for person in PEOPLE:
        done = plan(person)
        assert [m for i, m in enumerate(done) if not requires[m] <= set(done[:i])] == []
        assert len(done) == len(set(done))


def test_regular_is_on_the_way_and_newcomer_at_the_start(demo: Client) -> None:
    regular = demo.ask(REGULAR.id, "GET", f"{EVENT}/missions")["progress"]
    newcomer = demo.ask(NEWCOMER.id, "GET", f"{EVENT}/missions")["progress"]
    total = {"missions_total": 10, "points_total": 160}

    assert regular == {"points_earned": 45, "missions_completed": 3, **total}
    assert newcomer == {"points_earned": 0, "missions_completed": 0, **total}


def test_leaderboard_shows_all_who_have_points_and_want_to_be_shown(demo: Client) -> None:
    entries = demo.ask(ORGANIZER, "GET", f"{EVENT}/leaderboard?limit=100")["entries"]
    points = {mission.id: mission.points for mission in MISSIONS}
    shown = [
        p for p in PEOPLE if p.profile["visibility"] == "listed" and p.profile["on_leaderboard"]
    ]

    assert {(e["name"], e["points_earned"]) for e in entries} == {
        (p.name, sum(points[m] for m in plan(p))) for p in shown if plan(p)
    }


def test_event_is_in_progress_and_once_over_is_held_again(demo: Client, product: Product) -> None:
    def in_progress() -> bool:
        event = demo.ask(ORGANIZER, "GET", EVENT)
        start, end = (datetime.fromisoformat(event[f]) for f in ("starts_at", "ends_at"))
        return start < datetime.now(UTC) < end

    assert in_progress()
    over = {"starts_at": "2020-05-04T09:00:00+02:00", "ends_at": "2020-05-06T17:00:00+02:00"}
    demo.ask(ORGANIZER, "PUT", EVENT, {"name": "Over", "timezone": "Europe/Amsterdam", **over})
    before = end_of_log(product)
    build(demo)
    assert in_progress()
    assert end_of_log(product) == before + 1


def test_second_run_adds_nothing_and_leaves_those_alone_who_have_acted(
    demo: Client, product: Product
) -> None:
    demo.ask(REGULAR.id, "PATCH", f"{EVENT}/missions/speak_to_speaker", {"status": "not_started"})
    before = end_of_log(product)
    build(demo)
    assert end_of_log(product) == before
    demo.ask(REGULAR.id, "PATCH", f"{EVENT}/missions/speak_to_speaker", {"status": "completed"})


def test_somebody_gains_and_loses_and_is_never_done(demo: Client) -> None:
    chance = Random(7)  # noqa: S311 - no secret
    points = []
    for _ in range(100):
        act(demo, PEOPLE[5], chance)
        board = demo.ask(PEOPLE[5].id, "GET", f"{EVENT}/missions")
        points.append(board["progress"]["points_earned"])
    steps = {(b > a) - (b < a) for a, b in itertools.pairwise(points[50:])}

    assert steps == {-1, 0, 1}
    assert points.count(160) < 10


def test_links_say_how_each_stands_now(demo: Client, capsys: pytest.CaptureFixture[str]) -> None:
    demo.ask(NEWCOMER.id, "PATCH", f"{EVENT}/missions/plan_your_day", {"status": "completed"})
    print_links(demo)
    told = capsys.readouterr().out
    demo.ask(NEWCOMER.id, "PATCH", f"{EVENT}/missions/plan_your_day", {"status": "not_started"})

    assert f"{REGULAR.name}, who has 45 of 160 points" in told
    assert f"{NEWCOMER.name}, who has 10 of 160 points" in told


def test_link_leads_to_where_browsers_reach_it() -> None:
    for public in ("https://conf.example", "https://conf.example/"):
        client = Client("http://127.0.0.1:8000", SECRET, public)
        assert client.link(NEWCOMER.id).startswith("https://conf.example/sign-in#token=")


def test_link_signs_in_and_leads_to_the_board(demo: Client, product: Product) -> None:
    link = urlsplit(demo.link(NEWCOMER.id))
    parts = {name: values[0] for name, values in parse_qs(link.fragment).items()}
    with httpx.Client(base_url=f"{link.scheme}://{link.netloc}") as browser:
        signed_in = browser.post("/api/session", json={"token": parts["token"]})
        page = browser.get(parts["to"])
        board = browser.get(f"{EVENT}/missions?member_id=me")

    assert link.path == "/sign-in"
    assert [signed_in.status_code, page.status_code, board.status_code] == [204, 200, 200]
    assert board.json()["member_id"] == NEWCOMER.id


def at(hour: int, minute: int) -> datetime:
    return datetime(2026, 5, 5, hour, minute, tzinfo=ZoneInfo(TIMEZONE))


def begun(items: Sequence[Item], now: datetime) -> list[str]:
    sessions = [i for i in items if "item_type" not in i.body]
    return [i.id for i in sessions if i.body["start_time"] <= now <= i.body["end_time"]]


def soon(items: Sequence[Item], now: datetime) -> list[str]:
    sessions = [i for i in items if "item_type" not in i.body]
    return [i.id for i in sessions if now <= i.body["start_time"] <= now + timedelta(hours=1)]


@given(st.integers(0, 23), st.integers(0, 59))
def test_something_is_on_and_something_begins_soon_whenever_the_demo_starts(
    hour: int, minute: int
) -> None:
    items = programme(at(hour, minute))
    assert begun(items, at(hour, minute))
    assert soon(items, at(hour, minute))


@given(st.integers(0, 8 * 60))
def test_no_moment_of_a_day_is_empty(minutes: int) -> None:
    now = at(9, 0) + timedelta(minutes=minutes)
    items = programme(at(9, 0))
    assert begun(items, now)
    assert soon(items, now)


def test_nobody_is_in_two_rooms_at_once_and_no_room_has_two_sessions() -> None:
    items = programme(at(9, 0))
    slots = [i.body for i in items]
    for one, other in itertools.combinations(slots, 2):
        if one["start_time"] < other["end_time"] and other["start_time"] < one["end_time"]:
            speaking = {*one.get("speaker_ids", ())} & {*other.get("speaker_ids", ())}
            assert (one["location"] == other["location"], speaking) == (False, set())


def test_agenda_shows_something_now_and_soon_and_some_of_it_suits(demo: Client) -> None:
    windows = [
        demo.ask(REGULAR.id, "GET", f"{EVENT}/sessions?window={window}")["sessions"]
        for window in ("now", "next_60")
    ]
    starred = demo.ask(REGULAR.id, "GET", f"{EVENT}/agenda")["sessions"]

    assert all(windows)
    assert {s["session_id"] for s in starred} == {*picks(REGULAR, programme(at(9, 0)))}


def test_agenda_that_is_over_is_laid_out_again_and_stars_stay(demo: Client) -> None:
    for item_id, body in programme(at(9, 0)):
        demo.ask(ORGANIZER, "PUT", f"{EVENT}/agenda/{item_id}", body)
    before = demo.ask(REGULAR.id, "GET", f"{EVENT}/agenda")["sessions"]
    assert demo.ask(REGULAR.id, "GET", f"{EVENT}/sessions?window=now")["sessions"] == []
    schedule(demo)
    after = demo.ask(REGULAR.id, "GET", f"{EVENT}/agenda")["sessions"]
    assert demo.ask(REGULAR.id, "GET", f"{EVENT}/sessions?window=now")["sessions"]
    assert {s["session_id"] for s in after} == {s["session_id"] for s in before}
