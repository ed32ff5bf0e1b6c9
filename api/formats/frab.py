"""An agenda as schedule.json, in the form that frab, pretalx and the CCC publish: with every key
that https://c3voc.de/schedule/schema.json requires. Keys of our own hold what that form has no
place for, so that `workers.schedules` can read all of it again."""

import html
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from api.formats.local_time import MINUTE, local
from projections.sessions.questions import Programme
from projections.sessions.rows import Item, Speaker

GENERATOR = "Rapport"
SCHEMA = "https://c3voc.de/schedule/schema.json"
NO_DAY = date(1970, 1, 1)  # of a conference without a session: the form wants a date
READ_AS_IT_IS = timedelta(hours=3)  # a longer `duration` could be one in minutes and seconds


class Person(Struct, frozen=True, omit_defaults=True):
    """The e-mail address is for organizers."""

    id: int
    guid: str
    public_name: str
    focus_areas: tuple[str, ...] = ()
    email: str | None = None


class Event(Struct, frozen=True, omit_defaults=True):
    """A session. The fields from `focus_areas` on are our own."""

    id: int
    guid: str
    date: datetime
    start: str
    duration: str
    room: str
    slug: str
    title: str
    track: str
    type: str
    language: str
    url: str
    subtitle: str
    abstract: str
    description: str
    persons: list[Person]
    links: list[str]
    focus_areas: tuple[str, ...]
    item_type: str
    status: str
    end_time: datetime | None = None  # where `duration` cannot say it


class Day(Struct, frozen=True):
    index: int
    date: date
    day_start: datetime
    day_end: datetime
    rooms: dict[str, list[Event]]


class Conference(Struct, frozen=True, rename={"days_count": "daysCount"}):
    acronym: str
    title: str
    start: date
    end: date
    days_count: int
    timeslot_duration: str
    time_zone_name: str
    days: list[Day]


class Generator(Struct, frozen=True):
    name: str = GENERATOR


class Schedule(Struct, frozen=True):
    version: str  # when it last changed
    base_url: str
    conference: Conference
    generator: Generator = Generator()


class ScheduleFile(Struct, frozen=True, rename={"schema": "$schema"}):
    schedule: Schedule
    schema: str = SCHEMA
    generator: Generator = Generator()


def schedule_file(programme: Programme, *, emails: bool, base_url: str = "") -> ScheduleFile:
    """The acronym is the event's id: imports recognise revisions of a schedule by it."""
    latest = max((item.updated_at for item in programme.items), default=None)
    agenda, zone = programme.agenda, ZoneInfo(programme.agenda.event_timezone)
    of_day: dict[date, list[Event]] = defaultdict(list)
    ends: dict[date, datetime] = {}
    for item in sorted(programme.items, key=lambda item: (item.start_time, item.item_id)):
        event = _event(item, programme, zone, emails)
        day = event.date.date()
        of_day[day].append(event)
        ends[day] = max(ends.get(day, item.start_time), item.end_time)
    days = [
        _day(i, day, of_day[day], local(ends[day], zone)) for i, day in enumerate(sorted(of_day), 1)
    ]
    conference = Conference(
        acronym=agenda.event_id,
        title=agenda.event_name,
        start=days[0].date if days else NO_DAY,
        end=days[-1].date if days else NO_DAY,
        days_count=len(days),
        timeslot_duration="00:05",
        time_zone_name=zone.key,
        days=days,
    )
    return ScheduleFile(Schedule(latest.isoformat() if latest else "", base_url, conference))


def _day(index: int, day: date, events: Sequence[Event], ends: datetime) -> Day:
    """Events come in the order of their starts: times of one zone compare by the clock alone."""
    rooms: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        rooms[event.room].append(event)
    return Day(index, day, events[0].date, ends, {room: rooms[room] for room in sorted(rooms)})


def _event(item: Item, programme: Programme, zone: ZoneInfo, emails: bool) -> Event:
    start, length = local(item.start_time, zone), item.end_time - item.start_time
    minutes = length // MINUTE
    speakers = (programme.speakers.get(id_) for id_ in item.speaker_ids)
    number = _number(item.item_id)
    return Event(
        id=number,
        guid=item.item_id,
        date=start,
        start=f"{start:%H:%M}",
        duration=f"{minutes // 60:02}:{minutes % 60:02}",
        room=item.location,
        slug=f"{re.sub('[^a-z0-9_-]', '-', item.event_id.lower())}-{number}",
        title=item.title,
        track=item.track,
        type=item.item_type,
        language=item.language,
        url=item.url,
        subtitle="",
        abstract="",
        description=html.escape(item.description, quote=False),
        persons=[_person(speaker, emails) for speaker in speakers if speaker],
        links=[],
        focus_areas=item.focus_areas,
        item_type=item.item_type,
        status=item.status,
        end_time=item.end_time if length % MINUTE or length >= READ_AS_IT_IS else None,
    )


def _person(speaker: Speaker, emails: bool) -> Person:
    return Person(
        _number(speaker.speaker_id),
        speaker.speaker_id,
        speaker.name,
        speaker.focus_areas,
        speaker.email if emails else None,
    )


def _number(id_: str) -> int:
    """A number from 1 that stands for the id: the form demands numbers besides guids."""
    return zlib.crc32(id_.encode()) or 1
