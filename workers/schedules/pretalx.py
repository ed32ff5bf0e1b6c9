"""JSON of pretalx other than schedule.json: from its API a page of submissions or a schedule with
slots, or the data of its schedule widget. Related objects may be ids, or expanded."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from msgspec import Struct

from domain.agenda import Speaker
from domain.errors import Invalid
from workers.schedules import moments
from workers.schedules.draft import Draft
from workers.schedules.json_values import converted, localized, rows
from workers.schedules.schedule import STATUS_OF_STATE, THE_FILE, Session, id_from, id_from_name

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


class Lookup:
    """Rooms, tracks and speakers by their ids, as far as the document lists them."""

    def __init__(self, document: Any) -> None:
        self._of = {kind: _by_key(document.get(kind)) for kind in ("rooms", "tracks", "speakers")}

    def name(self, kind: str, found: Any) -> str:
        if isinstance(found, int | str):
            found = self._of.get(kind, {}).get(found, found)
        if isinstance(found, dict) and "name" in found:
            found = found["name"]
        return localized(found)

    def person(self, found: Any, where: str) -> Person:
        if isinstance(found, str):
            found = self._of["speakers"].get(found, {"code": found, "name": found})
        return converted(found, Person, where)


def _by_key(listed: Any) -> dict[Any, Any]:
    things = [thing for thing in listed if isinstance(thing, dict)] if listed else []
    return {
        thing.get(key): thing for thing in things for key in ("id", "code") if _has_key(thing, key)
    }


def _has_key(thing: dict[str, Any], key: str) -> bool:
    return isinstance(thing.get(key), int | str)


def recognises(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    return any(isinstance(document.get(key), list) for key in LISTS)


def read(document: Any, draft: Draft) -> None:
    """Raises Invalid for one page of several: an import would cancel what the others list."""
    draft.set_source(_event(document), "pretalx")
    if document.get("next") or document.get("previous"):
        count = document.get("count")
        in_all = f", of {count} in all" if isinstance(count, int) else ""
        raise Invalid("", (THE_FILE, f"is one page of several{in_all}: ask for one page"))
    zone = document.get("timezone")
    draft.set_zone(zone if isinstance(zone, str) else "", "$.timezone")
    names = Lookup({key: _listed(document.get(key)) for key in ("rooms", "tracks", "speakers")})
    for where, talk, slot in _slots(document):
        _add(talk, slot, where, names, draft)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _event(document: Any) -> str:
    found = document.get("event")
    return localized(found.get("slug")) if isinstance(found, dict) else localized(found)


def _slots(document: Any) -> Iterator[tuple[str, Talk, Slot]]:
    if isinstance(document.get("slots"), list):
        for where, slot in rows(document["slots"], Slot, "$.slots"):
            talk = slot.submission
            whole = {"code": talk} if isinstance(talk, str) else talk or {"title": slot.description}
            yield where, converted(whole, Talk, f"{where}.submission"), slot
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


def _add(talk: Talk, slot: Slot, where: str, names: Lookup, draft: Draft) -> None:
    state = talk.state or "confirmed"
    if state not in STATUS_OF_STATE:
        draft.skip(f"submissions that are {moments.quoted(state)}")
    elif not slot.start:
        draft.skip("submissions without a slot")
    else:
        draft.add(_session(talk, slot, where, names, draft))


def _session(talk: Talk, slot: Slot, where: str, names: Lookup, draft: Draft) -> Session:
    start = draft.moment(slot.start or "", f"{where}.start")
    end = start
    if slot.end:
        end = draft.moment(slot.end, f"{where}.end")
    elif slot.duration:
        end = draft.end_after(start, _minutes(slot.duration, where), where)
    return Session(
        id=id_from(talk.code)
        if talk.code
        else draft.prefixed_id(id_from_name(localized(talk.title))),
        where=where,
        title=localized(talk.title) or talk.code or "",
        start=start,
        end=end,
        texts=(talk.abstract or "", talk.description or ""),
        location=names.name("rooms", slot.room),
        track=names.name("tracks", talk.track),
        tags=[names.name("tags", tag) for tag in _listed(talk.tags)],
        kind=names.name("types", talk.submission_type) if talk.code else "break",
        status=STATUS_OF_STATE[talk.state or "accepted"],
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


def _speakers(talk: Talk, where: str, names: Lookup, draft: Draft) -> Iterator[str]:
    for i, found in enumerate(talk.speakers or []):
        person = names.person(found, f"{where}.speakers[{i}]")
        name = person.name or person.code or ""
        if name.strip():
            id_ = id_from(person.code) if person.code else ""
            yield draft.add_speaker(Speaker(id_, name, person.email), f"{where}.speakers[{i}]")
