"""schedule.json, as frab, pretalx and the CCC publish it, and as this product exports it."""

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct

from domain.agenda import Speaker
from domain.errors import Invalid
from workers.schedules import moments
from workers.schedules.draft import Draft
from workers.schedules.json_values import converted, localized, rows
from workers.schedules.schedule import Session, id_from, id_from_name

Number = int | str | None
Localized = str | dict[str, Any] | None


class Conference(Struct):
    days: list[Any]
    acronym: str | None = None
    title: Localized = None
    time_zone_name: str | None = None


class Day(Struct):
    date: str | None = None
    rooms: dict[str, Any] | list[Any] | None = None  # PHP writes an empty object as a list


class Person(Struct):
    id: Number = None
    guid: str | None = None
    code: str | None = None
    public_name: str | None = None
    name: str | None = None
    full_public_name: str | None = None
    email: str | None = None
    focus_areas: Any = None

    @property
    def display_name(self) -> str:
        return self.public_name or self.full_public_name or self.name or ""


class Event(Struct):
    """An event of schedule.json. Only this product writes the fields from `focus_areas` on."""

    id: Number = None
    guid: str | None = None
    date: str | None = None
    start: str | None = None
    duration: str | None = None
    room: Localized = None
    title: Localized = None
    subtitle: Localized = None
    abstract: Localized = None
    description: Localized = None
    track: Localized = None
    type: Localized = None
    language: str | None = None
    url: str | None = None
    persons: list[Any] | None = None
    tags: Any = None
    focus_areas: Any = UNSET
    item_type: str | None = None
    status: str | None = None
    end_time: str | None = None


def recognises(document: Any) -> bool:
    schedule = document.get("schedule") if isinstance(document, dict) else None
    return isinstance(schedule, dict) and "conference" in schedule


def read(document: Any, draft: Draft) -> None:
    at = "$.schedule.conference"
    conference = converted(document["schedule"]["conference"], Conference, at)
    draft.set_source(conference.acronym or "", localized(conference.title))
    draft.set_zone(conference.time_zone_name or "", f"{at}.time_zone_name")
    days = list(rows(conference.days, Day, f"{at}.days"))
    of_rooms = [day.rooms for _, day in days if isinstance(day.rooms, dict)]
    listed = [events for rooms in of_rooms for events in rooms.values()]
    draft.expect(sum(len(events) for events in listed if isinstance(events, list)))
    for where, day in days:
        draft.name_day(day.date or "")
        if isinstance(day.rooms, dict):
            for room, events in day.rooms.items():
                in_room = f"{where}.rooms[{moments.quoted(room)}]"
                for at_event, event in rows(events or [], Event, in_room):
                    _add(event, room, day.date or "", at_event, draft)


def _add(event: Event, room: str, date: str, where: str, draft: Draft) -> None:
    start = _start(event, date, where, draft)
    if start is None:
        draft.skip("sessions without a time")
        return
    end, length = _end(event, start, where, draft)
    draft.add(
        Session(
            id=_id(event, draft),
            where=where,
            title=localized(event.title),
            start=start,
            end=end,
            length=length,
            texts=(
                localized(event.subtitle),
                localized(event.abstract),
                localized(event.description),
            ),
            location=localized(event.room) or room,
            track=localized(event.track),
            tags=event.tags,
            focus_areas=event.focus_areas,
            kind=localized(event.type),
            item_type=event.item_type or "",
            status=event.status or "",
            speaker_ids=tuple(_speakers(event, where, draft)),
            url=event.url or "",
            language=event.language or "",
            exported_here=bool(event.end_time),
        )
    )


def _id(event: Event, draft: Draft) -> str:
    if event.guid and event.guid.strip():
        return id_from(event.guid.strip())
    return draft.prefixed_id(
        id_from_name(localized(event.title)) if event.id in (None, "") else event.id
    )


def _start(event: Event, date: str, where: str, draft: Draft) -> datetime | None:
    if event.date and ("T" in event.date or " " in event.date.strip()):
        return draft.moment(event.date, f"{where}.date")
    if not event.start:
        return None
    try:
        local = datetime.combine(moments.day(event.date or date), moments.clock(event.start))
    except moments.TimeError as error:
        raise Invalid("", (f"{where}.start", str(error))) from None
    return draft.instant(local, f"{where}.start")


def _end(
    event: Event, start: datetime, where: str, draft: Draft
) -> tuple[datetime, moments.Length | None]:
    if event.end_time:
        return draft.moment(event.end_time, f"{where}.end_time"), None
    where = f"{where}.duration"
    if not event.duration:
        draft.remarks.add(where, "is missing: taken as having no length")
        return start, None
    return draft.end_and_length(start, event.duration, where)


def _speakers(event: Event, where: str, draft: Draft) -> list[str]:
    people = rows(event.persons or [], Person, f"{where}.persons")
    return [_speaker(person, at, draft) for at, person in people if person.display_name.strip()]


def _speaker(person: Person, where: str, draft: Draft) -> str:
    numbered = person.code or person.id
    found = Speaker(
        id_from(person.guid.strip())
        if person.guid and person.guid.strip()
        else ""
        if numbered in (None, "")
        else draft.prefixed_id(numbered),
        person.display_name,
        person.email,
    )
    return draft.add_speaker(found, where, person.focus_areas)
