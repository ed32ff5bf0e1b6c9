"""schedule.xml, as Pentabarf, frab, pretalx, FOSDEM and the CCC publish it since 2008."""

from datetime import datetime, timedelta

from msgspec import UNSET, Struct

from domain.agenda import Speaker
from domain.errors import Invalid
from workers.schedules import moments
from workers.schedules.draft import ITEMS, Draft
from workers.schedules.schedule import Session, id_from, id_from_name
from workers.schedules.xml_elements import Element, Parser


class PlacedEvent(Struct):
    """An event, with the day and room that it is listed under. Most name their own as well."""

    event: Element
    date: str
    room: str


class Document:
    """Collects the elements of a file that are needed."""

    def __init__(self) -> None:
        self.conference: Element | None = None
        self.found: list[PlacedEvent] = []
        self.days: list[str] = []
        self._date = self._room = ""

    def is_wanted(self, element: Element, depth: int) -> bool:
        if depth == 0 and element.tag != "schedule":
            raise Invalid("", (element.where, f"is <{element.tag[:40]}>, no <schedule>"))
        if element.tag == "day":
            self._date, self._room = element.attributes.get("date", ""), ""
            self.days.append(self._date)
        elif element.tag == "room":
            self._room = element.attributes.get("name", "")
        return element.tag in {"conference", "event"}

    def add(self, element: Element) -> None:
        if element.tag == "conference":
            self.conference = self.conference or element
        elif len(self.found) < ITEMS:
            self.found.append(PlacedEvent(element, self._date, self._room))
        else:
            raise Invalid("", (element.where, f"is one session more than {ITEMS}"))


def read(data: bytes, draft: Draft) -> None:
    document = Document()
    Parser(document.is_wanted, document.add).read(data)
    changes = timedelta()
    if document.conference:
        changes = _conference(document.conference, draft)
    for day in document.days:
        draft.name_day(day)
    draft.expect(len(document.found))
    for found in document.found:
        _add(found, changes, draft)


def _conference(conference: Element, draft: Draft) -> timedelta:
    """Returns how long a day goes on after midnight."""
    draft.set_source(conference.text_of("acronym"), conference.text_of("title"))
    draft.set_zone(conference.text_of("time_zone_name"), conference.where)
    for tag in ("start", "end"):
        if child := conference.child(tag):
            _check_day(child, draft)
    child = conference.child("day_change")
    try:
        at = moments.clock(child.text) if child and child.text else None
    except moments.TimeError as error:
        raise Invalid("", ((child or conference).where, str(error))) from None
    return timedelta(hours=at.hour, minutes=at.minute) if at else timedelta()


def _check_day(child: Element, draft: Draft) -> None:
    """Only a remark, as nothing depends on the conference's first and last day."""
    try:
        moments.day(child.text)
    except moments.TimeError as error:
        draft.remarks.add(child.where, f"of the conference's {child.tag}, {error}")


def _add(found: PlacedEvent, changes: timedelta, draft: Draft) -> None:
    event = found.event
    start = _start(found, changes, draft)
    if start is None:
        draft.skip("sessions without a time")
        return
    end, length = _end(event, start, draft)
    draft.add(
        Session(
            id=_id(event, draft),
            where=event.where,
            title=event.text_of("title"),
            start=start,
            end=end,
            length=length,
            texts=(
                event.text_of("subtitle"),
                event.text_of("abstract"),
                event.text_of("description"),
            ),
            location=event.text_of("room") or found.room,
            track=event.text_of("track"),
            tags=[tag.text for tag in event.find_all("tags", "tag")],
            focus_areas=UNSET,
            kind=event.text_of("type"),
            status=event.text_of("status"),
            speaker_ids=tuple(_speakers(event, draft)),
            url=event.text_of("url"),
            language=event.text_of("language"),
        )
    )


def _id(event: Element, draft: Draft) -> str:
    if guid := event.attributes.get("guid", "").strip():
        return id_from(guid)
    if number := event.attributes.get("id", "").strip():
        return draft.prefixed_id(number)
    return draft.prefixed_id(id_from_name(event.text_of("title")))


def _start(found: PlacedEvent, changes: timedelta, draft: Draft) -> datetime | None:
    event = found.event
    date, start = event.text_of("date"), event.text_of("start")
    if "T" in date or " " in date:
        return draft.moment(date, _where(event, "date"))
    if not start:
        return None
    try:
        at = moments.clock(start)
        local = datetime.combine(moments.day(date or found.date), at)
        if not date and timedelta(hours=at.hour, minutes=at.minute) < changes:
            local += timedelta(days=1)
    except (moments.TimeError, OverflowError) as error:
        raise Invalid("", (_where(event, "start"), str(error))) from None
    return draft.instant(local, _where(event, "start"))


def _end(event: Element, start: datetime, draft: Draft) -> tuple[datetime, moments.Length | None]:
    where = _where(event, "duration")
    if not (duration := event.text_of("duration")):
        draft.remarks.add(where, "has no duration")
        return start, None
    return draft.end_and_length(start, duration, where)


def _speakers(event: Element, draft: Draft) -> list[str]:
    return [
        draft.add_speaker(Speaker(_speaker_id(person, draft), person.text), person.where)
        for person in event.find_all("persons", "person")
        if person.text
    ]


def _speaker_id(person: Element, draft: Draft) -> str:
    if guid := person.attributes.get("guid", "").strip():
        return id_from(guid)
    written = person.attributes.get("code") or person.attributes.get("id")
    return draft.prefixed_id(written.strip()) if written and written.strip() else ""


def _where(event: Element, tag: str) -> str:
    child = event.child(tag)
    return child.where if child else event.where
