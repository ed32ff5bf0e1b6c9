"""A day of two people, to find a time for a sync: what takes oneself, that the other is busy, and
when both are free."""

import datetime as calendar
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.params import QueryParameter
from msgspec import Meta, Struct, field

from api.http import fields
from api.http.fields import EventId
from api.http.problems import documented
from api.http.request import Request
from api.reads.asking import read
from api.reads.reading import answer, who_asks
from api.syncs import PATH, TAGS
from domain.errors import Invalid, NotFound
from projections.conferences import CONFERENCE
from projections.question import Ask, MemberAsk
from projections.sessions.calendar import STARRED_AGENDA
from projections.syncs.free import Slot, free, within
from projections.syncs.questions import APPOINTMENTS, SYNC_PEOPLE, SyncPeopleAsk, TimesAsk

DATE = r"^(19[7-9][0-9]|20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(?![\s\S])"

With = Annotated[
    str, QueryParameter(name="with", pattern=fields.ID, description="who is to be met")
]
Day = Annotated[
    str,
    QueryParameter(
        name="date",
        pattern=DATE,
        description="of 1970 to 2099, in the event's zone: 2026-11-01",
        schema_extra={"format": "date"},
    ),
]


class Taken(Struct, frozen=True):
    """One's own: a starred session, or a sync that was accepted."""

    start: datetime
    end: datetime
    kind: Literal["session", "sync"]
    id: str
    title: str


class FreeDay(Struct, frozen=True, kw_only=True):
    """All times are in the event's zone, and the free ones may be over by now."""

    event_id: str
    member_id: str
    with_: str = field(name="with")
    name: Annotated[str, Meta(description="the other's")]
    event_timezone: str
    date: calendar.date
    start: datetime
    end: datetime
    yours: list[Taken]
    theirs: Annotated[list[Slot], Meta(description="when they are busy, and not with what")]
    free: Annotated[list[Slot], Meta(description="when both are free")]


@get(
    PATH + "/free",
    tags=TAGS,
    summary="A day of oneself and another member: when both are free for a sync",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_free_time(
    request: Request, event_id: EventId, with_: With, date: Day
) -> Response[FreeDay]:
    member = await who_asks(request, event_id)
    others, _ = await read(request, SYNC_PEOPLE, SyncPeopleAsk(event_id, member, with_))
    other = others[with_]
    if not other.shown or with_ == member:
        raise NotFound(f"There is no attendee {with_} to meet here.")
    conference, _ = await read(request, CONFERENCE, Ask(event_id))
    zone = ZoneInfo(conference.timezone if conference else "UTC")
    day = _day(date, zone)
    yours, headers = await _taken(request, MemberAsk(event_id, member), day)
    theirs, _ = await _taken(request, MemberAsk(event_id, with_), day)
    busy = [Slot(one.start, one.end) for one in theirs]
    taken = [*busy, *(Slot(one.start, one.end) for one in yours)]
    found = FreeDay(
        event_id=event_id,
        member_id=member,
        with_=with_,
        name=other.name,
        event_timezone=zone.key,
        date=day.start.date(),
        start=day.start,
        end=day.end,
        yours=yours,
        theirs=[_in(zone, slot) for slot in within(day, busy)],
        free=[_in(zone, slot) for slot in free(day, taken)],
    )
    return answer(found, headers)


def _day(date: str, zone: ZoneInfo) -> Slot:
    """From midnight to midnight there, which may be 23 or 25 hours."""
    try:
        day = calendar.date.fromisoformat(date)
    except ValueError:
        raise Invalid("", ("date", "is no day")) from None
    start, end = (
        datetime.combine(d, datetime.min.time(), zone) for d in (day, day + timedelta(days=1))
    )
    return Slot(start, end)


async def _taken(request: Request, ask: MemberAsk, day: Slot) -> tuple[list[Taken], dict[str, str]]:
    times = TimesAsk(ask.event_id, ask.member_id, day.start, day.end)
    appointments, headers = await read(request, APPOINTMENTS, times)
    agenda, of_agenda = await read(request, STARRED_AGENDA, ask)
    zone = day.start.tzinfo

    def sessions() -> Iterator[Taken]:
        for item in agenda.items:
            slot = Slot(item.start_time, item.end_time)
            if item.status != "cancelled" and slot.overlaps(day):
                local = slot.start.astimezone(zone), slot.end.astimezone(zone)
                yield Taken(*local, "session", item.item_id, item.title)

    syncs = [
        Taken(row.start.astimezone(zone), row.end.astimezone(zone), "sync", row.sync_id, "")
        for row in appointments
        if row.start and row.status == "accepted"
    ]
    first = min(headers, of_agenda, key=lambda said: int(said["Event-Position"]))
    return sorted([*sessions(), *syncs], key=lambda one: (one.start, one.id)), first


def _in(zone: ZoneInfo, slot: Slot) -> Slot:
    return Slot(slot.start.astimezone(zone), slot.end.astimezone(zone))


ROUTES: Any = (get_free_time,)
