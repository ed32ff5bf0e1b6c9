"""An agenda as iCalendar (RFC 5545), in the same bytes as long as nothing has changed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from projections.sessions.questions import Programme
from projections.sessions.rows import Item

MEDIA_TYPE = "text/calendar"
OCTETS = 75  # of a line, at most
YEARS = range(1970, 2101)  # whose local times are written as such; others are in UTC
REFRESHED = "PT15M"

STATUS = {"cancelled": "CANCELLED", "tentative": "TENTATIVE"}
ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": ""})


class Meeting(Struct, frozen=True):
    """An appointment beside the programme."""

    uid: str
    sequence: int
    updated_at: datetime
    start: datetime
    end: datetime
    is_cancelled: bool
    summary: str
    description: str = ""
    location: str = ""


def calendar(programme: Programme, name: str, meetings: Sequence[Meeting] = ()) -> bytes:
    zone = ZoneInfo(programme.agenda.event_timezone)
    items = sorted(programme.items, key=lambda item: (item.start_time, item.item_id))
    return b"".join(folded(line) for line in _calendar(programme, items, meetings, zone, name))


def folded(line: str) -> bytes:
    """A content line, folded into lines of at most 75 octets, none of which splits a character."""
    data, lines = line.encode(), []
    while len(data) > OCTETS:
        cut = OCTETS
        while data[cut] & 0xC0 == 0x80:
            cut -= 1
        lines.append(data[:cut])
        data = b" " + data[cut:]
    return b"\r\n".join([*lines, data, b""])


def escaped(text: str) -> str:
    return text.translate(ESCAPED)


def _calendar(
    programme: Programme,
    items: list[Item],
    meetings: Sequence[Meeting],
    zone: ZoneInfo,
    name: str,
) -> Iterator[str]:
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Rapport//Rapport//EN")
    yield from ("CALSCALE:GREGORIAN", "METHOD:PUBLISH")
    yield from (f"NAME:{escaped(name)}", f"X-WR-CALNAME:{escaped(name)}")
    yield f"X-WR-TIMEZONE:{zone.key}"
    yield from (f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESHED}", f"X-PUBLISHED-TTL:{REFRESHED}")
    slots = [(item.start_time, item.end_time) for item in items]
    yield from _timezone(zone, [*slots, *((one.start, one.end) for one in meetings)])
    for item in items:
        yield from _event(item, programme, zone)
    for meeting in meetings:
        yield from _meeting(meeting, zone)
    yield "END:VCALENDAR"


def _event(item: Item, programme: Programme, zone: ZoneInfo) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{item.item_id}@{item.event_id}"
    yield f"DTSTAMP:{_utc(item.updated_at)}"
    yield f"LAST-MODIFIED:{_utc(item.updated_at)}"
    yield f"SEQUENCE:{item.sequence}"
    yield f"STATUS:{STATUS.get(item.status, 'CONFIRMED')}"
    yield f"DTSTART{_moment(item.start_time, zone)}"
    if item.end_time > item.start_time:  # without DTEND, an event ends when it starts
        yield f"DTEND{_moment(item.end_time, zone)}"
    yield f"SUMMARY:{escaped(item.title)}"
    yield from _described(item, programme)
    yield "END:VEVENT"


def _meeting(meeting: Meeting, zone: ZoneInfo) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{meeting.uid}"
    yield f"DTSTAMP:{_utc(meeting.updated_at)}"
    yield f"LAST-MODIFIED:{_utc(meeting.updated_at)}"
    yield f"SEQUENCE:{meeting.sequence}"
    yield f"STATUS:{'CANCELLED' if meeting.is_cancelled else 'CONFIRMED'}"
    yield f"DTSTART{_moment(meeting.start, zone)}"
    yield f"DTEND{_moment(meeting.end, zone)}"
    yield f"SUMMARY:{escaped(meeting.summary)}"
    if meeting.description:
        yield f"DESCRIPTION:{escaped(meeting.description)}"
    if meeting.location:
        yield f"LOCATION:{escaped(meeting.location)}"
    yield "END:VEVENT"


def _described(item: Item, programme: Programme) -> Iterator[str]:
    speakers = [
        programme.speakers[id_].name for id_ in item.speaker_ids if id_ in programme.speakers
    ]
    description = "\n\n".join(filter(None, (", ".join(speakers), item.description)))
    if description:
        yield f"DESCRIPTION:{escaped(description)}"
    if item.location:
        yield f"LOCATION:{escaped(item.location)}"
    if item.url:
        yield f"URL:{item.url}"
    categories = dict.fromkeys(filter(None, (item.track, *item.focus_areas)))
    if categories:
        yield f"CATEGORIES:{','.join(map(escaped, categories))}"


# Times
def _moment(at: datetime, zone: ZoneInfo) -> str:
    """A local time where it is unambiguous, else UTC. A local time that comes twice stands for the
    first one in RFC 5545."""
    local = at.astimezone(zone) if _is_written_locally(at, zone) else None
    if local is None or local.fold or zone.key == "UTC":
        return f":{_utc(at)}"
    return f";TZID={zone.key}:{local:%Y%m%dT%H%M%S}"


def _is_written_locally(at: datetime, zone: ZoneInfo) -> bool:
    """Whether local times are written for this year, with a year to spare for the offset."""
    return at.year - 1 in YEARS and at.year + 1 in YEARS


def _utc(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{utc.year:04}{utc:%m%dT%H%M%SZ}"


def _timezone(zone: ZoneInfo, slots: Iterable[tuple[datetime, datetime]]) -> Iterator[str]:
    """The zone in the years of these times, or in one year if there are none: a VTIMEZONE must not
    be empty."""
    times = [at for slot in slots for at in slot]
    years = {at.astimezone(zone).year for at in times if _is_written_locally(at, zone)} or {
        YEARS[1]
    }
    yield from ("BEGIN:VTIMEZONE", f"TZID:{zone.key}")
    for year in sorted(years):
        yield from _observances(zone.key, year, year - 1 not in years)
    yield "END:VTIMEZONE"


@lru_cache(maxsize=256)
def _observances(zone: str, year: int, first: bool) -> tuple[str, ...]:
    """The changes of offset in one year; for the first year also the offset at its beginning."""
    here = ZoneInfo(zone)
    start, end = (datetime(y, 1, 1, tzinfo=here).astimezone(UTC) for y in (year, year + 1))
    lines = list(_observance(start, start, here)) if first else []
    while start < end:
        after = min(start + timedelta(days=1), end)
        if _offset(start, here) != _offset(after, here):
            lines += _observance(start, _change(start, after, here), here)
        start = after
    return tuple(lines)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second with another offset than `before`, by bisection."""
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return after


def _observance(before: datetime, at: datetime, zone: ZoneInfo) -> Iterator[str]:
    local, old = at.astimezone(zone), _offset(before, zone)
    kind = "DAYLIGHT" if local.dst() else "STANDARD"
    yield f"BEGIN:{kind}"
    yield f"DTSTART:{at.replace(tzinfo=None) + old:%Y%m%dT%H%M%S}"
    yield f"TZOFFSETFROM:{_shown(old)}"
    yield f"TZOFFSETTO:{_shown(_offset(at, zone))}"
    yield f"TZNAME:{local.tzname()}"
    yield f"END:{kind}"


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _shown(offset: timedelta) -> str:
    seconds = int(offset.total_seconds())
    hours, rest = divmod(abs(seconds), 3600)
    minutes, seconds_left = divmod(rest, 60)
    shown = f"{'-' if seconds < 0 else '+'}{hours:02}{minutes:02}"
    return shown + (f"{seconds_left:02}" if seconds_left else "")
