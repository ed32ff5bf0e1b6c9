"""The questions about sessions, asked of Postgres and of the log, beside an evaluation of their own
that was written from the words of the request."""

import time
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from api.sessions import ItemBody, in_zone
from domain.agenda import AgendaItemScheduled, Speaker, SpeakerSaved
from domain.agenda_items import AgendaItem
from domain.aggregate import Recorded, stream
from domain.attendees import AttendeeRegistered, Profile
from domain.conferences import ConferenceAnnounced
from projections.read_model import Rows, folded
from projections.sessions.questions import (
    WINDOWS,
    Programme,
    SessionsAsk,
    next_60,
    now,
    starred,
)
from projections.sessions.rows import SESSIONS, Agenda, Item
from tests.harness.agenda import areas, items, speakers
from tests.harness.play import Play
from tests.harness.values import MEMBERS
from tests.projections.sessions.conftest import StoredRows

MEMBER = MEMBERS[0]
EVENTS = count()
SECOND, MINUTE = 1_000_000, 60_000_000  # microseconds

# Where clocks change, by an hour or by half of one, and where they do not.
ZONES = {
    "Europe/Brussels": ["2026-03-29T00:45:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:10:00Z"],
    "America/New_York": ["2026-03-08T06:40:00Z", "2026-11-01T05:20:00Z", "2026-11-01T06:00:00Z"],
    "Australia/Lord_Howe": ["2026-04-04T14:50:00Z", "2026-10-03T15:15:00Z"],
    "Asia/Kathmandu": ["2026-02-28T18:15:00Z"],
    "Pacific/Kiritimati": ["2026-12-31T10:00:00Z"],
    "UTC": ["2026-09-01T09:00:00.000001Z"],
}
EDGES = [minutes * MINUTE + more for minutes in (-90, -60, 0, 15, 30, 60) for more in (-1, 0, 1)]


class Facts(Struct):
    """All that is known, as it was sent: times local to the event, as far as that tells them."""

    zone: str
    at: datetime
    items: list[dict[str, Any]]
    speakers: list[Speaker]
    areas: tuple[str, ...] | None


@st.composite
def facts(draw: Any) -> Facts:
    zone = draw(st.sampled_from(sorted(ZONES)))
    at = datetime.fromisoformat(draw(st.sampled_from(ZONES[zone])))
    drawn = draw(st.lists(items(), max_size=7))
    sent = []
    for i, item in enumerate(drawn):
        start = at + timedelta(microseconds=draw(st.sampled_from(EDGES)))
        end = draw(st.sampled_from([at, start]))
        end += timedelta(microseconds=draw(st.sampled_from([-1, 0, 1, 20 * MINUTE, 90 * MINUTE])))
        body = msgspec.to_builtins(item) | {
            "start_time": _as_sent(start, zone),
            "end_time": _as_sent(max(start, end), zone),
        }
        sent.append(body | {"id": f"s{draw(st.integers(0, 2))}{i}"})
    speaking = draw(st.lists(speakers, max_size=3, unique_by=lambda s: s.id))
    return Facts(zone, at, sent, speaking, draw(st.none() | areas))


def _as_sent(moment: datetime, zone: str) -> str:
    """Naive, but for the second time that the clocks show it."""
    local = moment.astimezone(ZoneInfo(zone))
    return local.isoformat() if local.fold else local.replace(tzinfo=None).isoformat()


def log_of(facts: Facts, event_id: str) -> list[Recorded]:
    play = Play()
    play.record(stream("conference", event_id), ConferenceAnnounced("A conference", facts.zone))
    agenda = stream("agenda", event_id)
    for body in facts.items:
        sent = msgspec.convert({k: v for k, v in body.items() if k != "id"}, ItemBody)
        item = AgendaItem(id=body["id"], **msgspec.structs.asdict(sent))
        play.record(agenda, AgendaItemScheduled(in_zone(item, ZoneInfo(facts.zone))))
    for speaker in facts.speakers:
        play.record(agenda, SpeakerSaved(speaker))
    if facts.areas is not None:
        profile = Profile("A name", focus_areas=facts.areas)
        play.record(stream("attendee", event_id, MEMBER), AttendeeRegistered(profile))
    return play.log


# The request, read aloud: items, with those of their speakers who are known; both their areas
# together; only sessions that are scheduled, confirmed or tentative; BETWEEN has both its bounds.
def expected(facts: Facts, ask: SessionsAsk) -> list[dict[str, Any]]:
    known = {speaker.id: speaker for speaker in facts.speakers}
    found = []
    for item in facts.items:
        if item["item_type"] != "session" or item["status"] == "cancelled":
            continue
        joined = [known[s] for s in dict.fromkeys(item["speaker_ids"]) if s in known]
        combined = set(item["focus_areas"])
        for speaker in joined:
            combined.update(speaker.focus_areas)
        matching = len([area for area in combined if area in (facts.areas or ())])
        until_start = _microseconds(item["start_time"], facts)
        until_end = _microseconds(item["end_time"], facts)
        if ask.window == "now":
            if until_start > 0 or until_end < 0:
                continue
            score = 100 if matching >= 1 else 50
            own = {"relevance_score": score, "focus_area_match_count": matching}
        else:
            if until_start < 0 or until_start > 60 * MINUTE:
                continue
            score = 50
            if until_start < 30 * MINUTE:
                score = 75
            if until_start < 15 * MINUTE:
                score = 100
            score += 10 * matching
            own = {"match_count": matching, "priority_score": score}
        names = [speaker.name for speaker in joined]
        shown = {
            "session_id": item["id"],
            "event_id": ask.event_id,
            "speaker_name": ", ".join(names) if names else None,
            "session_title": item["title"],
            "session_location": item["location"],
            "session_description": item["description"],
            "focus_areas": combined,
            "event_name": "A conference",
            "event_timezone": facts.zone,
            "starts": until_start,
            "ends": until_end,
        }
        found.append((score, matching, until_start, item["id"], shown | own))
    found.sort(key=lambda f: f[3])
    found.sort(key=lambda f: f[2])
    found.sort(key=lambda f: f[1], reverse=True)
    found.sort(key=lambda f: f[0], reverse=True)
    return [f[4] for f in found][: ask.limit]


def _microseconds(sent: str, facts: Facts) -> int:
    """From the moment that is asked about to a time that was sent."""
    time = datetime.fromisoformat(sent)
    if time.tzinfo is None:
        time = time.replace(tzinfo=ZoneInfo(facts.zone))
    return (time.astimezone(UTC) - facts.at) // timedelta(microseconds=1)


def comparable(said: Any, at: datetime) -> list[dict[str, Any]]:
    found = []
    for session in said.sessions:
        row = msgspec.structs.asdict(session)
        starts, ends = row.pop("session_time"), row.pop("session_end")
        row["starts"] = (starts - at) // timedelta(microseconds=1)
        row["ends"] = (ends - at) // timedelta(microseconds=1)
        minutes = row.pop("minutes_until_start", None)
        assert minutes is None or minutes == pytest.approx(row["starts"] / MINUTE, abs=1e-9)
        assert list(row["focus_areas"]) == sorted(set(row["focus_areas"]))
        found.append(row | {"focus_areas": set(row["focus_areas"])})
    return found


def folded_sessions(rows: Rows, ask: SessionsAsk) -> Any:
    found = {table: list(of_table.values()) for table, of_table in rows.items()}
    return WINDOWS[ask.window].answer(ask, found)


@settings(max_examples=150)
@given(facts=facts(), limit=st.sampled_from([1, 2, 5, 100]), zone=st.sampled_from(sorted(ZONES)))
def test_sessions_are_those_that_the_request_describes(
    shown: StoredRows, facts: Facts, limit: int, zone: str
) -> None:
    event_id = f"evt_{next(EVENTS)}"
    rows = folded(SESSIONS, log_of(facts, event_id))
    shown.write(rows)
    for window in WINDOWS:
        at = facts.at.astimezone(ZoneInfo(zone))  # the same moment, whoever's clock says it
        ask = SessionsAsk(event_id, MEMBER, window, at, limit)
        wanted = expected(facts, ask)
        assert comparable(shown.ask(WINDOWS[ask.window], ask), facts.at) == wanted
        assert comparable(folded_sessions(rows, ask), facts.at) == wanted
        assert folded_sessions(rows, ask) == shown.ask(WINDOWS[ask.window], ask)


def test_with_equal_priority_more_matches_come_first(shown: StoredRows) -> None:
    """Half an hour is worth five areas."""
    zone, at = "UTC", datetime(2026, 9, 1, 9, tzinfo=UTC)
    five = tuple("abcde")
    sent = [
        {
            **msgspec.to_builtins(AgendaItem(item_id, item_id, at, at, focus_areas=own)),
            "start_time": (at + timedelta(minutes=minutes)).isoformat(),
            "end_time": (at + timedelta(minutes=90)).isoformat(),
        }
        for item_id, minutes, own in (("soon", 5, ()), ("suited", 40, five))
    ]
    facts = Facts(zone, at, sent, [], five)
    event_id = f"evt_{next(EVENTS)}"
    rows = folded(SESSIONS, log_of(facts, event_id))
    shown.write(rows)
    ask = SessionsAsk(event_id, MEMBER, "next_60", at)
    for said in (shown.ask(WINDOWS[ask.window], ask), folded_sessions(rows, ask)):
        assert [(s.session_id, s.priority_score, s.match_count) for s in said.sessions] == [
            ("suited", 100, 5),
            ("soon", 100, 0),
        ]


# The edges, one by one
NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
AGENDA = Agenda("evt_1", "A conference", "UTC")


def session(start: int, end: int, item_id: str = "s", **more: Any) -> Item:
    """Minutes and microseconds from nine."""
    facts: Any = {
        "description": "",
        "location": "",
        "track": "",
        "focus_areas": (),
        "item_type": "session",
        "status": "scheduled",
        "speaker_ids": (),
        "url": "",
        "language": "",
    }
    times = (NINE + timedelta(microseconds=start), NINE + timedelta(microseconds=end))
    return Item("evt_1", item_id, 0, NINE, item_id, *times, **facts | more)


@pytest.mark.parametrize(
    ("start", "end", "is_on"),
    [
        (0, 30 * MINUTE, True),
        (1, 30 * MINUTE, False),
        (-30 * MINUTE, 0, True),
        (-30 * MINUTE, -1, False),
        (0, 0, True),
    ],
)
def test_session_is_on_from_its_start_to_its_end(start: int, end: int, is_on: bool) -> None:
    programme = Programme(AGENDA, [session(start, end)], {})
    assert bool(now(programme, frozenset(), NINE)) == is_on


@pytest.mark.parametrize(
    ("start", "priority"),
    [
        (-1, None),
        (0, 100),
        (15 * MINUTE - 1, 100),
        (15 * MINUTE, 75),
        (30 * MINUTE - 1, 75),
        (30 * MINUTE, 50),
        (60 * MINUTE, 50),
        (60 * MINUTE + 1, None),
    ],
)
def test_priority_falls_at_15_and_30_minutes(start: int, priority: int | None) -> None:
    programme = Programme(AGENDA, [session(start, start)], {})
    assert [s.priority_score for s in next_60(programme, frozenset(), NINE)] == (
        [] if priority is None else [priority]
    )


# The personal agenda
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=6))
def test_sessions_conflict_where_one_would_have_to_be_twice(
    drawn: list[tuple[int, int, bool]],
) -> None:
    """Asked of each minute, not of the bounds."""
    held = [
        session(start * MINUTE, (start + length) * MINUTE, f"s{i}", status=status)
        for i, (start, length, on) in enumerate(drawn)
        for status in ("scheduled" if on else "cancelled",)
    ]
    busy = {
        f"s{i}": {*range(start, start + length)} if on else set()
        for i, (start, length, on) in enumerate(drawn)
        if length
    }
    for one in starred(Programme(AGENDA, held, {})):
        if one.session_id in busy:
            conflicts = [s for s in one.conflicts_with if s in busy]
            assert sorted(conflicts) == [
                other
                for other in sorted(busy)
                if other != one.session_id and busy[other] & busy[one.session_id]
            ]


def test_conflicts_of_very_many_sessions_are_found_in_a_moment() -> None:
    held = [session(n * MINUTE, (n + 2) * MINUTE, f"s{n:04}") for n in range(5_000)]
    began = time.process_time()
    found = starred(Programme(AGENDA, held, {}))
    assert time.process_time() - began < 2
    assert found[1].conflicts_with == ("s0000", "s0002")
