"""Open Event archives, as eventyay exports them: event.json, sessions.json and speakers.json.

Older exports write `starts-at`, later ones `start_time`. Both are read.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from domain.agenda import Speaker
from workers.schedules import moments
from workers.schedules.draft import Draft
from workers.schedules.json_values import converted, parse, rows
from workers.schedules.schedule import STATUS_OF_STATE, Session

Number = int | str
RENAMED = {"starts_at": "start_time", "ends_at": "end_time", "event_timezone": "timezone"}


class Event(Struct):
    name: str | None = None
    timezone: str | None = None


class Named(Struct):
    id: Number | None = None
    name: str | None = None
    length: str | None = None


class Person(Struct):
    id: Number
    name: str | None = None
    email: str | None = None


class SessionRow(Struct):
    id: Number
    title: str | None = None
    subtitle: str | None = None
    short_abstract: str | None = None
    long_abstract: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    state: str | None = None
    language: str | None = None
    signup_url: str | None = None
    track: Named | None = None
    microlocation: Named | None = None
    session_type: Named | None = None
    speakers: list[Any] | None = None


def recognises(files: Mapping[str, bytes]) -> bool:
    return "sessions.json" in files


def read(files: Mapping[str, bytes], draft: Draft) -> None:
    event = converted(_plain(parse(files.get("event.json", b"{}"))), Event, "event.json $")
    draft.set_source(event.name or "")
    draft.set_zone(event.timezone or "", "event.json $.timezone")
    people = parse(files.get("speakers.json", b"[]"))
    for where, person in rows(people, Person, "speakers.json $"):
        _speaker(person, where, draft)
    sessions = converted(parse(files["sessions.json"]), list[Any], "sessions.json $")
    for where, found in rows([_plain(row) for row in sessions], SessionRow, "sessions.json $"):
        _add(found, where, draft)


def _plain(row: Any) -> Any:
    """The row with the field names of later exports."""
    if not isinstance(row, dict):
        return row
    plain = {key.replace("-", "_"): value for key, value in row.items()}
    return {RENAMED.get(key, key): value for key, value in plain.items()}


def _add(found: SessionRow, where: str, draft: Draft) -> None:
    state = (found.state or "accepted").lower()
    if state not in STATUS_OF_STATE:
        draft.skip(f"sessions that are {moments.quoted(state)}")
    elif not found.start_time:
        draft.skip("sessions without a time")
    else:
        start = draft.moment(found.start_time, f"{where}.start_time")
        draft.add(_session(found, start, where, draft))


def _session(found: SessionRow, start: datetime, where: str, draft: Draft) -> Session:
    people = rows(found.speakers or [], Person, f"{where}.speakers")
    return Session(
        id=draft.prefixed_id(found.id),
        where=where,
        title=found.title or "",
        start=start,
        end=_end(found, start, where, draft),
        texts=tuple(filter(None, (found.subtitle, found.short_abstract, found.long_abstract))),
        location=(found.microlocation and found.microlocation.name) or "",
        track=(found.track and found.track.name) or "",
        kind=(found.session_type and found.session_type.name) or "",
        status=STATUS_OF_STATE[(found.state or "accepted").lower()],
        speaker_ids=tuple(_speaker(person, at, draft) for at, person in people),
        url=found.signup_url or "",
        language=found.language or "",
    )


def _speaker(person: Person, where: str, draft: Draft) -> str:
    return draft.add_speaker(
        Speaker(draft.prefixed_id(person.id), person.name or "", person.email), where
    )


def _end(found: SessionRow, start: datetime, where: str, draft: Draft) -> datetime:
    """The end. A session that does not end after its start gets the length of its type."""
    end = draft.moment(found.end_time, f"{where}.end_time") if found.end_time else start
    if end > start:
        return end
    declared = ((found.session_type and found.session_type.length) or "").strip()
    try:
        length = moments.length(declared).usual
    except moments.TimeError:
        return end
    draft.remarks.add(
        f"{where}.end_time", f"is not after its start: its type's length, {declared}, is taken"
    )
    return draft.end_after(start, length, where)
