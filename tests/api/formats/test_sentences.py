"""The answer without a model, read aloud."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.formats.sentences import BEGINNING, NOTHING, sentences
from projections.sessions.questions import SessionNow, SessionSoon

NINE = datetime(2026, 9, 1, 7, tzinfo=UTC)  # in Brussels


def said_of(session_id: str, minutes: float, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "session_id": session_id,
        "event_id": "evt_1",
        "speaker_name": None,
        "session_title": "A talk",
        "session_time": NINE + timedelta(minutes=minutes),
        "session_end": NINE + timedelta(minutes=minutes + 30),
        "session_location": "",
        "session_description": "",
        "focus_areas": (),
        "event_name": "A conference",
        "event_timezone": "Europe/Brussels",
    }
    return facts | more


def on(session_id: str, minutes: float = -5, matches: int = 0, **more: Any) -> SessionNow:
    score = 100 if matches else 50
    own = {"relevance_score": score, "focus_area_match_count": matches}
    return SessionNow(**said_of(session_id, minutes, **more), **own)


def soon(session_id: str, minutes: float, matches: int = 0, **more: Any) -> SessionSoon:
    own = {"minutes_until_start": float(minutes), "match_count": matches, "priority_score": 50}
    return SessionSoon(**said_of(session_id, minutes, **more), **own)


def test_nothing_is_said_to_be_nothing() -> None:
    assert sentences([], []) == NOTHING


def test_one_session_on_now_and_none_later() -> None:
    talk = on("s1", speaker_name="Grace", session_location="K.1.105", matches=1)
    assert sentences([talk], []) == (
        f"{BEGINNING}\n"
        "On now, until 09:25: “A talk” by Grace, in K.1.105; it shares 1 of your interests.\n"
        "Nothing more starts within the next hour."
    )


def test_two_sessions_later_and_none_now() -> None:
    assert sentences([], [soon("s1", 1), soon("s2", 14.9, matches=2)]) == (
        f"{BEGINNING}\n"
        "Nothing is on now.\n"
        "In 1 minute, at 09:01: “A talk”.\n"
        "In 14 minutes, at 09:14: “A talk”; it shares 2 of your interests."
    )


def test_five_of_each_are_a_line_each() -> None:
    now = [on(f"n{i}") for i in range(5)]
    later = [soon(f"s{i}", i + 0.5) for i in range(5)]
    lines = sentences(now, later).split("\n")[1:]
    assert lines[:5] == ["On now, until 09:25: “A talk”."] * 5
    assert lines[5:7] == [
        "In less than a minute, at 09:00: “A talk”.",
        "In 1 minute, at 09:01: “A talk”.",
    ]
    assert len(lines) == 10


def test_what_starts_at_this_very_moment_is_named_once() -> None:
    assert sentences([on("s1", 0)], [soon("s1", 0)]) == (
        f"{BEGINNING}\nOn now, until 09:30: “A talk”.\nNothing more starts within the next hour."
    )


def test_end_of_all_days_is_said_as_in_utc() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    (_, first, _) = sentences([on("s1", session_end=last)], []).split("\n")
    assert first.startswith("On now, until 23:59: ")


@given(st.text(), st.text(), st.none() | st.text(min_size=1))
def test_whatever_a_speaker_wrote_stays_in_its_line(
    title: str, where: str, who: str | None
) -> None:
    talk = on("s1", session_title=title, session_location=where, speaker_name=who)
    assert len(sentences([talk], []).splitlines()) == 3
