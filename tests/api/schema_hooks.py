"""Hooks that tell schemathesis what OpenAPI cannot say."""

import os
import re
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, get_type_hints

import msgspec
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core import NOT_SET

from api.http import fields
from api.http.fields import ID, POSITION, ZONES
from api.syncs import SyncBody
from tests.workers.schedules.files import frab

MOST = 100  # that a mission requires
PROPOSED = get_type_hints(SyncBody, include_extras=True)["proposals"]
TURNS = count()

schemathesis.openapi.format("iana-time-zone", st.sampled_from(sorted(ZONES)))


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """A position that nobody was given yet is waited for, and then a 503; and the board as of it is
    a 400. Both are documented and tried in test_reading.py; here every 5xx is a failure."""
    asked = ((case.headers or {}).get("Min-Position"), (case.query or {}).get("as_of"))
    return not any(re.match(POSITION, str(value)) and int(value) > 0 for value in asked)


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """An event ends after it has begun, an item no earlier than it starts, and a catalogue holds
    what it requires, each once. What is wrong by the schema stays as wrong as it is."""
    if isinstance(body, dict) and {"starts_at", "ends_at"} <= body.keys():
        return body | {"ends_at": None} if isinstance(body["ends_at"], str) else body
    if isinstance(body, dict) and {"start_time", "end_time"} <= body.keys():
        times = body["start_time"], body["end_time"]
        return body | {"end_time": times[0]} if all(isinstance(t, str) for t in times) else body
    if isinstance(body, list) and all(isinstance(mission, dict) for mission in body):
        return _catalogue(body)
    return body


def _catalogue(missions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for i, mission in enumerate(missions):
        if isinstance(mission.get("requires"), list) and len(mission["requires"]) <= MOST:
            kept = [needed for needed in mission["requires"] if not _is_id(needed)]
            missions[i] = mission | {"requires": kept}
        if _is_id(mission.get("id")):
            missions[i] = missions[i] | {"id": f"mission_{i}"}
    return missions


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(re.match(ID, value))


@schemathesis.deserializer("text/calendar")
def calendar(context: Any, response: Any) -> str:
    text: str = response.content.decode()
    return text


def _with_link(case: Any) -> None:
    """Every other link opens an agenda: no schema leads to a secret."""
    known, query = os.environ.get("SCHEMA_LINK"), case.query
    if known and case.operation.path.endswith("/agenda.ics") and len(str(query)) % 2:
        path = case.path_parameters or {}
        if {*map(_is_id, path.values())} == {True} and _is_id((query or {}).get("secret")):
            event_id, member_id, secret = known.split()
            case.path_parameters = path | {"event_id": event_id, "member_id": member_id}
            case.query = query | {"secret": secret}


def _with_sync(case: Any) -> None:
    """Every other sync is asked of somebody who is there, for tomorrow; every other answer is to
    one that was."""
    known, path = os.environ.get("SCHEMA_SYNC"), case.path_parameters or {}
    if not known or {*map(_is_id, path.values())} != {True} or len(str(case.body)) % 2:
        return
    event_id, member_id, sync_id = known.split()
    body = case.body if isinstance(case.body, dict) else {}
    if case.operation.label == "POST /api/events/{event_id}/syncs":
        if _is_id(body.get("with")) and _fits(body.get("proposals"), PROPOSED):
            case.path_parameters = path | {"event_id": event_id}
            start = datetime.now(UTC) + timedelta(days=1)
            case.body = body | {"with": member_id, "proposals": [start.isoformat()]}
    elif body and "sync_id" in path and _fits(body.get("start"), fields.Moment | None):
        case.path_parameters = path | {"event_id": event_id, "sync_id": sync_id}
        case.body = {name: value for name, value in body.items() if name != "start"}


def _fits(value: Any, type_: Any) -> bool:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True


def _with_mission(case: Any) -> None:
    """Every other mission is one that there is, else nobody would ever complete any. Here, since
    values that the tool has seen before take the place of those that are made."""
    known, path = os.environ.get("SCHEMA_EVENT"), case.path_parameters or {}
    if not known or "mission_id" not in path or {*map(_is_id, path.values())} != {True}:
        return
    if next(TURNS) % 2 == 0:
        case.path_parameters = path | {"event_id": known, "mission_id": "meet_attendees"}


def _with_message(case: Any) -> None:
    """Every other message is written to somebody who is there, and every other report is of one
    that was."""
    known, path = os.environ.get("SCHEMA_MESSAGE"), case.path_parameters or {}
    if not known or {*map(_is_id, path.values())} != {True} or len(str(case.body)) % 2:
        return
    event_id, member_id, message_id = known.split()
    if case.operation.label == "POST /api/events/{event_id}/messages":
        if isinstance(case.body, dict) and _is_id(case.body.get("to")):
            case.path_parameters = path | {"event_id": event_id}
            case.body = case.body | {"to": member_id}
    elif "message_id" in path:
        case.path_parameters = path | {"event_id": event_id, "message_id": message_id}


def _with_address(case: Any) -> None:
    """Every other address is one that is there."""
    known, path = os.environ.get("SCHEMA_ADDRESS"), case.path_parameters or {}
    if not known or not case.operation.path.endswith("/address") or next(TURNS) % 2:
        return
    if {*map(_is_id, path.values())} == {True}:
        event_id, member_id = known.split()
        case.path_parameters = path | {"event_id": event_id, "member_id": member_id}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """A file is a schedule, or a list of attendees. A feed that lets us in has no end; HEAD is
    answered the same, but for that."""
    _with_link(case)
    _with_sync(case)
    _with_mission(case)
    _with_message(case)
    _with_address(case)
    if case.operation.label == "POST /api/events/{event_id}/schedule" and case.body is not NOT_SET:
        case.body = frab({"guid": f"talk-{len(str(case.body)) % 7}"})
    if case.operation.label == "POST /api/events/{event_id}/attendees/import":
        case.body = case.body if case.body is NOT_SET else b"email,name\nada@example.org,Ada\n"
    if case.operation.path.endswith("/stream") and case.method == "GET":
        request = case.as_transport_kwargs(headers=kwargs.get("headers"))
        if requests.request(**request | {"method": "HEAD"}, timeout=5).status_code == 200:
            case.method = "HEAD"
