"""The programme, and what of it suits a member now, call by call."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.request import decoded
from api.sessions import ItemBody, in_zone
from domain.agenda_items import AgendaItem
from tests.api.agents.asking import Json, nothing_recorded, paths, problem
from tests.product import Product

NINE = "2026-09-01T09:00:00+02:00"
HALF_PAST = "2026-09-01T09:30:00+02:00"
TALK = {"title": "A talk", "start_time": NINE, "end_time": HALF_PAST}
KEPT = {
    "description": "",
    "location": "",
    "track": "",
    "focus_areas": [],
    "item_type": "session",
    "status": "scheduled",
    "speaker_ids": [],
    "url": "",
    "language": "",
}


@pytest.fixture
def event(event_id: str) -> str:
    return event_id


def at(event: str, path: str) -> str:
    return f"/api/events/{event}{path}"


def put(client: httpx.Client, event: str, item_id: str, **more: Any) -> Json:
    answer = client.put(at(event, f"/agenda/{item_id}"), json=TALK | more)
    assert answer.status_code == 200, answer.text
    said: Json = answer.json()
    return said


def seen(client: httpx.Client, event: str, **query: Any) -> list[Json]:
    answer = client.get(at(event, "/sessions"), params=query)
    assert answer.status_code == 200, answer.text
    sessions: list[Json] = answer.json()["sessions"]
    return sessions


def ids(sessions: list[Json]) -> list[str]:
    return [session["session_id"] for session in sessions]


# The agenda and its speakers
def test_item_is_put_changed_cancelled_and_said_back(
    product: Product, event: str, organizer: httpx.Client
) -> None:
    times = {"start_time": "2026-09-01T07:00:00Z", "end_time": "2026-09-01T07:30:00Z"}
    expected = KEPT | TALK | times | {"id": "s1", "event_id": event}
    assert put(organizer, event, "s1") == expected
    with nothing_recorded(product):
        assert put(organizer, event, "s1", **times, focus_areas=None) == expected
    assert put(organizer, event, "s1", location="K.1") == expected | {"location": "K.1"}
    cancelled = organizer.delete(at(event, "/agenda/s1")).json()
    assert cancelled == expected | {"location": "K.1", "status": "cancelled"}
    with nothing_recorded(product):
        assert organizer.delete(at(event, "/agenda/s1")).json() == cancelled
        problem(organizer.delete(at(event, "/agenda/nothing")), 404)


def test_speaker_is_put_and_said_back(
    product: Product, event: str, organizer: httpx.Client
) -> None:
    path, body = at(event, "/speakers/p1"), {"name": "Grace", "email": "grace@example.org"}
    expected = body | {"id": "p1", "event_id": event, "focus_areas": []}
    assert organizer.put(path, json=body).json() == expected
    with nothing_recorded(product):
        assert organizer.put(path, json=body | {"focus_areas": None}).json() == expected
        assert paths(organizer.put(path, json=body | {"email": "grace"})) == ["$.email"]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"end_time": "2026-09-01T06:59:59Z"}, "$.end_time"),
        ({"start_time": "at nine"}, "$.start_time"),
        ({"start_time": None}, "$.start_time"),
        ({"start_time": "0001-01-01T00:00:00"}, "$.start_time"),
        ({"status": "perhaps"}, "$.status"),
        ({"focus_areas": "ai"}, "$.focus_areas"),
        ({"focus_areas": [1]}, "$.focus_areas[0]"),
        ({"speaker_ids": ["a speaker"]}, "$.speaker_ids[0]"),
        ({"title": ""}, "$.title"),
        ({"url": "javascript:alert(1)"}, "$.url"),
        ({"room": "K.1"}, "$"),
    ],
)
def test_item_that_is_wrong_changes_nothing(
    product: Product, event: str, organizer: httpx.Client, wrong: Json, path: str
) -> None:
    with nothing_recorded(product):
        assert paths(organizer.put(at(event, "/agenda/s1"), json=TALK | wrong)) == [path]


def test_programme_is_for_organizers_to_change(
    product: Product, event: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    put(organizer, event, "s1")
    with nothing_recorded(product):
        problem(ada.put(at(event, "/agenda/s1"), json=TALK | {"title": "Mine"}), 403)
        problem(ada.delete(at(event, "/agenda/s1")), 403)
        problem(ada.put(at(event, "/speakers/p1"), json={"name": "Ada"}), 403)
    with product.client("eve", "admin") as admin, nothing_recorded(product):
        problem(admin.put("/api/events/evt_nowhere/agenda/s1", json=TALK), 404)
        naive = {"start_time": "2026-09-01T09:00:00", "end_time": "2026-09-01T09:00:00"}
        problem(admin.put("/api/events/evt_nowhere/agenda/s1", json=TALK | naive), 404)
        problem(admin.get("/api/events/evt_nowhere/sessions?window=now"), 404)


# Times
@pytest.mark.parametrize(
    ("naive", "instant"),
    [
        ("2026-01-15T09:00:00", "2026-01-15T08:00:00Z"),
        ("2026-07-15T09:00:00", "2026-07-15T07:00:00Z"),
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),  # twice on the clock: the first
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),  # never on the clock
    ],
)
def test_naive_time_is_local_to_the_event(
    event: str, organizer: httpx.Client, naive: str, instant: str
) -> None:
    said = put(organizer, event, "s1", start_time=naive, end_time=naive)
    assert (said["start_time"], said["end_time"]) == (instant, instant)


ZONES = st.sampled_from(
    ["Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
)


@given(naive=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), zone=ZONES)  # noqa: DTZ001 - naive on purpose
def test_naive_time_is_what_the_clocks_there_show(naive: datetime, zone: str) -> None:
    """Unless the clocks skip it: then it is as far behind the change as it was meant to be."""
    body = f'{{"title": "x", "start_time": "{naive.isoformat()}", "end_time": "{NINE}"}}'
    sent = decoded(body.encode(), ItemBody)
    there = ZoneInfo(zone)
    item = in_zone(AgendaItem("s1", "x", sent.start_time, sent.end_time), there)
    shown = item.start_time.astimezone(there).replace(tzinfo=None)
    assert shown - naive in (timedelta(), timedelta(minutes=30), timedelta(hours=1))
    if shown != naive:
        before = (item.start_time - timedelta(hours=2)).astimezone(there).utcoffset()
        after = item.start_time.astimezone(there).utcoffset()
        assert before
        assert after
        assert after - before == shown - naive
    assert item.end_time == datetime.fromisoformat(NINE)


# Now, and the next 60 minutes
def test_session_on_now_is_that_of_the_spec(
    product: Product, event: str, organizer: httpx.Client
) -> None:
    product.attendee(event, "ada", focus_areas=["ai", "db"])
    for speaker, areas in (("p1", ["ai"]), ("p2", [])):
        body = {"name": speaker.upper(), "focus_areas": areas}
        organizer.put(at(event, f"/speakers/{speaker}"), json=body).raise_for_status()
    more = {"description": "All of it", "location": "K.1", "focus_areas": ["web", "ai"]}
    put(organizer, event, "s1", speaker_ids=["p2", "p1"], **more)
    query = {"window": "now", "at": NINE, "member_id": "ada"}
    answer = organizer.get(at(event, "/sessions"), params=query)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "event_id": event,
        "member_id": "ada",
        "window": "now",
        "at": "2026-09-01T07:00:00Z",
        "sessions": [
            {
                "session_id": "s1",
                "event_id": event,
                "speaker_name": "P2, P1",
                "session_title": "A talk",
                "session_time": "2026-09-01T07:00:00Z",
                "session_end": "2026-09-01T07:30:00Z",
                "session_location": "K.1",
                "session_description": "All of it",
                "focus_areas": ["ai", "web"],
                "event_name": "A conference",
                "event_timezone": "Europe/Brussels",
                "relevance_score": 100,
                "focus_area_match_count": 1,
            }
        ],
    }
    organizer.put(at(event, "/speakers/p1"), json={"name": "P1", "focus_areas": ["db"]})
    (session,) = seen(organizer, event, **query)
    assert session["focus_areas"] == ["ai", "db", "web"]
    assert session["focus_area_match_count"] == 2


def test_session_of_the_next_hour_says_in_how_many_minutes(
    event: str, organizer: httpx.Client
) -> None:
    put(organizer, event, "s1")
    (session,) = seen(organizer, event, window="next_60", at="2026-09-01T08:45:30+02:00")
    assert session["speaker_name"] is None
    assert session.keys() - KEPT.keys() >= {"minutes_until_start", "match_count", "priority_score"}
    assert "relevance_score" not in session
    said = session["minutes_until_start"], session["match_count"], session["priority_score"]
    assert said == (14.5, 0, 100)


def test_what_suits_better_comes_first_and_the_limit_cuts_the_rest(
    product: Product, event: str, organizer: httpx.Client
) -> None:
    product.attendee(event, "ada", focus_areas=["ai", "db"])
    put(organizer, event, "b")
    put(organizer, event, "a")
    put(organizer, event, "earlier", start_time="2026-09-01T08:00:00+02:00")
    put(organizer, event, "one", focus_areas=["ai", "web"])
    put(organizer, event, "two", focus_areas=["ai", "db"])
    query = {"window": "now", "at": NINE, "member_id": "ada"}
    assert ids(seen(organizer, event, **query)) == ["two", "one", "earlier", "a", "b"]
    assert ids(seen(organizer, event, **query, limit=2)) == ["two", "one"]
    assert ids(seen(organizer, event, **query | {"window": "next_60"})) == ["two", "one", "a", "b"]
    for n in range(3):
        put(organizer, event, f"z{n}")
    assert len(seen(organizer, event, **query)) == 5


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"status": "confirmed"}, True),
        ({"status": "tentative"}, True),
        ({"status": "cancelled"}, False),
        ({"item_type": "break"}, False),
    ],
)
def test_only_sessions_that_may_take_place_are_shown(
    event: str, organizer: httpx.Client, more: Json, shown: bool
) -> None:
    put(organizer, event, "s1", **more)
    for window in ("now", "next_60"):
        assert ids(seen(organizer, event, window=window, at=NINE)) == ["s1"] * shown


def test_now_is_now(event: str, organizer: httpx.Client, ada: httpx.Client) -> None:
    today = datetime.now(ZoneInfo("Europe/Brussels")).replace(microsecond=0)
    for item_id, start in (("on", -10), ("soon", 20), ("later", 70)):
        starts = today + timedelta(minutes=start)
        times = {"start_time": starts, "end_time": starts + timedelta(minutes=30)}
        put(organizer, event, item_id, **{k: t.isoformat() for k, t in times.items()})
    assert ids(seen(ada, event, window="now")) == ["on"]
    assert ids(seen(ada, event, window="next_60", member_id="ME")) == ["soon"]


def test_hour_that_comes_twice_is_told_apart(event: str, organizer: httpx.Client) -> None:
    """In Brussels it is 02:30 at 00:30 and at 01:30 UTC that night."""
    first, second = "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"
    put(organizer, event, "first", start_time=first, end_time="2026-10-25T02:50:00+02:00")
    put(organizer, event, "second", start_time=second, end_time="2026-10-25T02:50:00+01:00")
    assert ids(seen(organizer, event, window="now", at=first)) == ["first"]
    assert ids(seen(organizer, event, window="now", at=second)) == ["second"]
    both = seen(organizer, event, window="next_60", at=first)
    assert [(s["session_id"], s["minutes_until_start"]) for s in both] == [
        ("first", 0),
        ("second", 60),
    ]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({}, "window"),
        ({"window": "today"}, "window"),
        ({"window": "now", "limit": 0}, "limit"),
        ({"window": "now", "limit": 101}, "limit"),
        ({"window": "now", "at": "2026-09-01T09:00:00"}, "at"),
        ({"window": "now", "at": "nine"}, "at"),
    ],
)
def test_question_that_is_wrong_is_400(
    event: str, organizer: httpx.Client, query: Json, path: str
) -> None:
    assert paths(organizer.get(at(event, "/sessions"), params=query)) == [path]


def test_other_times_and_other_members_are_for_organizers(event: str, ada: httpx.Client) -> None:
    path = at(event, "/sessions")
    problem(ada.get(path, params={"window": "now", "at": NINE}), 403)
    problem(ada.get(path, params={"window": "now", "member_id": "bob"}), 403)
    problem(ada.get(at(event, "/agenda"), params={"member_id": "bob"}), 403)


# Stars, and the personal agenda
def test_stars_make_a_personal_agenda_that_warns_of_conflicts(
    product: Product, event: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    organizer.put(at(event, "/speakers/p1"), json={"name": "Grace"})
    late = {"start_time": "2026-09-01T09:20:00+02:00", "end_time": "2026-09-01T10:00:00+02:00"}
    after = {"start_time": HALF_PAST, "end_time": "2026-09-01T10:00:00+02:00"}
    put(organizer, event, "s1", speaker_ids=["p1"], track="Keynotes")
    put(organizer, event, "s2", **late)
    put(organizer, event, "s3", **after)
    put(organizer, event, "s4")
    star = {"event_id": event, "member_id": "ada"}
    for session in ("s2", "s1", "s3"):
        said = ada.put(at(event, f"/sessions/{session}/star")).json()
        assert said == star | {"session_id": session, "starred": True}
    agenda = ada.get(at(event, "/agenda")).json()
    assert agenda.items() >= star.items()
    assert [(s["session_id"], s["conflicts_with"]) for s in agenda["sessions"]] == [
        ("s1", ["s2"]),
        ("s2", ["s1", "s3"]),
        ("s3", ["s2"]),
    ]
    first = agenda["sessions"][0]
    assert (first["speaker_name"], first["status"], first["track"]) == (
        "Grace",
        "scheduled",
        "Keynotes",
    )
    organizer.delete(at(event, "/agenda/s2"))
    said = ada.delete(at(event, "/sessions/s3/star")).json()
    assert said == star | {"session_id": "s3", "starred": False}
    seen_by_eve = organizer.get(at(event, "/agenda"), params={"member_id": "ada"}).json()
    assert [
        (s["session_id"], s["status"], s["conflicts_with"]) for s in seen_by_eve["sessions"]
    ] == [("s1", "scheduled", []), ("s2", "cancelled", [])]
    assert organizer.get(at(event, "/agenda")).json()["sessions"] == []


def test_starring_twice_changes_nothing_and_what_is_not_there_is_404(
    product: Product, event: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    put(organizer, event, "s1")
    first = ada.put(at(event, "/sessions/s1/star"))
    with nothing_recorded(product):
        assert ada.put(at(event, "/sessions/s1/star")).json() == first.json()
        for click in (ada.put, ada.delete):
            problem(click(at(event, "/sessions/nothing/star")), 404)
    organizer.delete(at(event, "/agenda/s1"))
    with nothing_recorded(product), product.member(event, "bob") as bob:
        problem(bob.put(at(event, "/sessions/s1/star")), 409)


def test_those_who_starred_hear_that_a_session_moves_is_cancelled_and_is_on_again(
    product: Product, event: str, organizer: httpx.Client, ada: httpx.Client
) -> None:
    put(organizer, event, "s1")
    put(organizer, event, "s2")
    with product.listening(event, "ada") as feed, product.listening(event, "bob") as other:
        ada.put(at(event, "/sessions/s1/star"))
        with product.member(event, "bob") as bob:
            bob.put(at(event, "/sessions/s2/star"))
        put(organizer, event, "s2", location="elsewhere")
        put(organizer, event, "s1", title="Another name")
        put(organizer, event, "s1", title="Another name", location="K.1")
        organizer.delete(at(event, "/agenda/s1"))
        put(organizer, event, "s1")
        put(organizer, event, "s2")
        told = [next(feed) for _ in range(3)]
        assert [next(other)["data"]["session_location"] for _ in range(2)] == ["elsewhere", ""]
    moved = {
        "type": "SESSIONS_UPDATED",
        "session_id": "s1",
        "change": "moved",
        "session_title": "Another name",
        "session_time": "2026-09-01T07:00:00Z",
        "session_end": "2026-09-01T07:30:00Z",
        "session_location": "K.1",
    }
    assert [message["event"] for message in told] == ["SESSIONS_UPDATED"] * 3
    assert [message["data"] for message in told] == [
        moved,
        moved | {"change": "cancelled"},
        moved | {"change": "restored", "session_title": "A talk", "session_location": ""},
    ]
