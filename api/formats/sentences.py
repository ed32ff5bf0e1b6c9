"""Plain sentences about the sessions that the tool found."""

from datetime import datetime
from zoneinfo import ZoneInfo

from api.formats.local_time import local
from projections.sessions.questions import Session, SessionNow, SessionSoon

BEGINNING = "Here is what is on, and what starts soon."
NOTHING = "Nothing is on now, and nothing starts within the next hour."


def sentences(now: list[SessionNow], soon: list[SessionSoon]) -> str:
    """One sentence about each session, those first that suit best, as the tool gives them. A
    session that starts at this very moment is on now."""
    begun = {session.session_id for session in now}
    later = [session for session in soon if session.session_id not in begun]
    if not now and not later:
        return NOTHING
    lines = [BEGINNING]
    lines += [_now(session) for session in now] or ["Nothing is on now."]
    lines += [_soon(session) for session in later] or ["Nothing more starts within the next hour."]
    return "\n".join(lines)


def _now(session: SessionNow) -> str:
    until = f"until {_clock(session, session.session_end)}"
    return f"On now, {until}: {_what(session)}{_why(session.focus_area_match_count)}."


def _soon(session: SessionSoon) -> str:
    minutes = int(session.minutes_until_start)
    left = f"{minutes} minute{'s' * (minutes != 1)}" if minutes else "less than a minute"
    at = _clock(session, session.session_time)
    return f"In {left}, at {at}: {_what(session)}{_why(session.match_count)}."


def _what(session: Session) -> str:
    by = f" by {_line(session.speaker_name)}" if session.speaker_name else ""
    where = f", in {_line(session.session_location)}" if session.session_location else ""
    return f"“{_line(session.session_title)}”{by}{where}"


def _why(matches: int) -> str:
    """The reason for the order, if there is one."""
    return f"; it shares {matches} of your interests" if matches else ""


def _clock(session: Session, moment: datetime) -> str:
    return f"{local(moment, ZoneInfo(session.event_timezone)):%H:%M}"


def _line(text: str) -> str:
    return " ".join(text.split())
