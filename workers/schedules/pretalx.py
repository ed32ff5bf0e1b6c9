"""Reads the other forms of pretalx besides schedule.xml and schedule.json: its API's pages of
submissions, its API's schedules with their slots, and the data of its schedule widget. Related
things may be ids, or expanded."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from msgspec import Struct

from domain.agenda import Speaker
from domain.errors import Invalid
from workers.schedules import moments
from workers.schedules.draft import Draft
from workers.schedules.json_values import rows, shaped, worded
from workers.schedules.schedule import TAKE_PLACE, THE_FILE, Session, identifier, named

LISTS = ("results", "talks", "slots")


class Slot(Struct):
    id: int | str | None = None
    start: str | None = None
    end: str | None = None
    duration: int | None = None
    room: Any = None
    description: Any = None
    submission: Any = None


class Talk(Struct):
    code: str | None = None
    title: Any = None
    abstract: str | None = None
    description: str | None = None
    state: str | None = None
    track: Any = None
    submission_type: Any = None
    speakers: list[Any] | None = None
    slots: list[Any] | None = None
    slot: Any = None
    start: str | None = None  # in the widget's data, where a talk is its slot
    end: str | None = None
    duration: int | None = None
    room: Any = None
    tags: Any = None
    content_locale: str | None = None
    urls: Any = None


class Person(Struct):
    code: str | None = None
    name: str | None = None
    email: str | None = None


class Names:
    """Names of rooms, tracks and speakers by id, as far as the document has them."""

    def __init__(self, document: Any) -> None:
        self._of = {kind: _by_key(document.get(kind)) for kind in ("rooms", "tracks", "speakers")}

    def name(self, kind: str, found: Any) -> str:
        if isinstance(found, int | str):
            found = self._of.get(kind, {}).get(found, found)
        if isinstance(found, dict) and "name" in found:
            found = found["name"]
        return worded(found)

    def person(self, found: Any, where: str) -> Person:
        if isinstance(found, str):
            found = self._of["speakers"].get(found, {"code": found, "name": found})
        return shaped(found, Person, where)


def _by_key(listed: Any) -> dict[Any, Any]:
    things = [thing for thing in listed if isinstance(thing, dict)] if listed else []
    return {
        thing.get(key): thing for thing in things for key in ("id", "code") if _plain(thing, key)
    }


def _plain(thing: dict[str, Any], key: str) -> bool:
    return isinstance(thing.get(key), int | str)


def recognises(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    return any(isinstance(document.get(key), list) for key in LISTS)


def read(document: Any, draft: Draft) -> None:
    """Raises Invalid for one page of several: what is on the others would be cancelled."""
    draft.called(_event(document), "pretalx")
    if document.get("next") or document.get("previous"):
        count = document.get("count")
        in_all = f", of {count} in all" if isinstance(count, int) else ""
        raise Invalid("", (THE_FILE, f"is one page of several{in_all}: ask for one page"))
    zone = document.get("timezone")
    draft.local_to(zone if isinstance(zone, str) else "", "$.timezone")
    names = Names({key: _listed(document.get(key)) for key in ("rooms", "tracks", "speakers")})
    for where, talk, slot in _slots(document):
        _add(talk, slot, where, names, draft)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _event(document: Any) -> str:
    found = document.get("event")
    return worded(found.get("slug")) if isinstance(found, dict) else worded(found)


def _slots(document: Any) -> Iterator[tuple[str, Talk, Slot]]:
    if isinstance(document.get("slots"), list):
        for where, slot in rows(document["slots"], Slot, "$.slots"):
            talk = slot.submission
            whole = {"code": talk} if isinstance(talk, str) else talk or {"title": slot.description}
            yield where, shaped(whole, Talk, f"{where}.submission"), slot
        return
    key = "results" if isinstance(document.get("results"), list) else "talks"
    for where, talk in rows(document[key], Talk, f"$.{key}"):
        if talk.start:
            yield where, talk, Slot(None, talk.start, talk.end, talk.duration, talk.room)
            continue
        listed = talk.slots or ([talk.slot] if talk.slot else [])
        placed = [row for row in listed if isinstance(row, dict)]
        for at, slot in rows(placed or [{}], Slot, f"{where}.slots"):
            yield at, talk, slot


def _add(talk: Talk, slot: Slot, where: str, names: Names, draft: Draft) -> None:
    state = talk.state or "confirmed"
    if state not in TAKE_PLACE:
        draft.leave_out(f"submissions that are {moments.shown(state)}")
    elif not slot.start:
        draft.leave_out("submissions without a slot")
    else:
        draft.add(_session(talk, slot, where, names, draft))


def _session(talk: Talk, slot: Slot, where: str, names: Names, draft: Draft) -> Session:
    start = draft.moment(slot.start or "", f"{where}.start")
    end = start
    if slot.end:
        end = draft.moment(slot.end, f"{where}.end")
    elif slot.duration:
        end = draft.after(start, _minutes(slot.duration, where), where)
    return Session(
        id=identifier(talk.code) if talk.code else draft.key(named(worded(talk.title))),
        where=where,
        title=worded(talk.title) or talk.code or "",
        start=start,
        end=end,
        texts=(talk.abstract or "", talk.description or ""),
        location=names.name("rooms", slot.room),
        track=names.name("tracks", talk.track),
        tags=[names.name("tags", tag) for tag in _listed(talk.tags)],
        kind=names.name("types", talk.submission_type),
        item_type="" if talk.code else "break",
        status=TAKE_PLACE[talk.state or "accepted"],
        speaker_ids=tuple(_speakers(talk, where, names, draft)),
        url=_url(talk.urls),
        language=talk.content_locale or "",
    )


def _url(urls: Any) -> str:
    found = urls.get("public") if isinstance(urls, dict) else ""
    return found if isinstance(found, str) else ""


def _minutes(count: int, where: str) -> timedelta:
    try:
        return moments.minutes(count)
    except moments.TimeError as error:
        raise Invalid("", (f"{where}.duration", str(error))) from None


def _speakers(talk: Talk, where: str, names: Names, draft: Draft) -> Iterator[str]:
    for i, found in enumerate(talk.speakers or []):
        person = names.person(found, f"{where}.speakers[{i}]")
        name = person.name or person.code or ""
        if name.strip():
            id_ = identifier(person.code) if person.code else named(name)
            yield draft.speaker(Speaker(id_, name, person.email), f"{where}.speakers[{i}]")
