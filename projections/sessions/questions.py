"""The questions that the session tables answer, as `boards` does for the mission tables: what is on
now, what starts within the hour, what a member has starred, and the whole of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, json
from msgspec.structs import replace

from domain.aggregate import StreamName, stream
from projections.engine import event_log
from projections.engine.event_log import Connection
from projections.read_model import Rows, folded
from projections.sessions.rows import (
    AGENDAS,
    AREAS,
    ITEMS,
    SESSIONS,
    SPEAKERS,
    STARS,
    Agenda,
    Item,
    Speaker,
)
from sql import statements

SQL = statements("sessions")
HOUR = timedelta(minutes=60)
SHOWN = frozenset({"scheduled", "confirmed", "tentative"})

Window = Literal["now", "next_60"]


class Session(Struct, frozen=True, kw_only=True):
    """The areas are the session's own and those of its speakers."""

    session_id: str
    event_id: str
    speaker_name: Annotated[
        str | None, Meta(description="several with commas between; null: nobody is known")
    ]
    session_title: str
    session_time: datetime
    session_end: datetime
    session_location: str
    session_description: str
    focus_areas: tuple[str, ...]
    event_name: str
    event_timezone: str


class SessionNow(Session, frozen=True, kw_only=True):
    relevance_score: int
    focus_area_match_count: int


class SessionSoon(Session, frozen=True, kw_only=True):
    minutes_until_start: float
    match_count: int
    priority_score: int


class SessionsNow(Struct, frozen=True):
    event_id: str
    member_id: str
    window: Literal["now"]
    at: datetime
    sessions: list[SessionNow]


class SessionsSoon(Struct, frozen=True):
    event_id: str
    member_id: str
    window: Literal["next_60"]
    at: datetime
    sessions: list[SessionSoon]


Sessions = SessionsNow | SessionsSoon


class Question(Struct, frozen=True):
    event_id: str
    member_id: str
    window: Window
    at: datetime
    limit: int = 5

    def streams(self) -> list[StreamName]:
        """What the answer is made of."""
        return _streams(self.event_id, "attendee", self.member_id)

    def now(self, sessions: list[SessionNow]) -> SessionsNow:
        return SessionsNow(self.event_id, self.member_id, "now", self.at, sessions)

    def soon(self, sessions: list[SessionSoon]) -> SessionsSoon:
        return SessionsSoon(self.event_id, self.member_id, "next_60", self.at, sessions)


class Programme(Struct, frozen=True):
    """A conference's sessions, or some of them, with those who speak there."""

    agenda: Agenda
    items: list[Item]
    speakers: Mapping[str, Speaker]

    def described(self, item: Item) -> dict[str, Any]:
        """What every kind of session says of it."""
        speakers = [self.speakers[id_] for id_ in item.speaker_ids if id_ in self.speakers]
        areas = {*item.focus_areas}.union(*(speaker.focus_areas for speaker in speakers))
        return {
            "session_id": item.item_id,
            "event_id": item.event_id,
            "speaker_name": ", ".join(s.name for s in speakers) if speakers else None,
            "session_title": item.title,
            "session_time": item.start_time,
            "session_end": item.end_time,
            "session_location": item.location,
            "session_description": item.description,
            "focus_areas": tuple(sorted(areas)),
            "event_name": self.agenda.event_name,
            "event_timezone": self.agenda.event_timezone,
        }

    def listed(self, item: Item) -> dict[str, Any]:
        """What an agenda says of it."""
        names = "item_type", "status", "track", "url", "language"
        return self.described(item) | {name: getattr(item, name) for name in names}

    def in_order(self) -> list[Item]:
        return sorted(self.items, key=lambda item: (item.start_time, item.item_id))

    def shown(self) -> Iterator[Item]:
        for item in self.items:
            if item.item_type == "session" and item.status in SHOWN:
                yield item


def now(programme: Programme, areas: frozenset[str], at: datetime) -> list[SessionNow]:
    """As the statement of this name does."""
    found = []
    for item in programme.shown():
        if item.start_time <= at <= item.end_time:
            said = programme.described(item)
            n = len(areas.intersection(said["focus_areas"]))
            score = 100 if n else 50
            found.append(SessionNow(**said, relevance_score=score, focus_area_match_count=n))
    return sorted(found, key=lambda s: (-s.relevance_score, -s.focus_area_match_count, *_slot(s)))


def next_60(programme: Programme, areas: frozenset[str], at: datetime) -> list[SessionSoon]:
    """As the statement of this name does."""
    found = []
    for item in programme.shown():
        left = item.start_time - at
        if timedelta() <= left <= HOUR:
            said = programme.described(item)
            n = len(areas.intersection(said["focus_areas"]))
            found.append(
                SessionSoon(
                    **said,
                    minutes_until_start=left.total_seconds() / 60,
                    match_count=n,
                    priority_score=_urgency(left) + 10 * n,
                )
            )
    return sorted(found, key=lambda s: (-s.priority_score, -s.match_count, *_slot(s)))


def _urgency(left: timedelta) -> int:
    return 100 if left < HOUR / 4 else 75 if left < HOUR / 2 else 50


def _slot(session: Session) -> tuple[datetime, str]:
    return session.session_time, session.session_id


async def read_sessions(connection: Connection, question: Question) -> tuple[int, int, Sessions]:
    q = question
    parameters = {
        "event_id": q.event_id,
        "member_id": q.member_id,
        "at": q.at,
        "limit": q.limit,
        "streams": q.streams(),
    }
    cursor = await connection.execute(SQL[q.window], parameters, prepare=True)
    ((position, concerned, rows),) = await cursor.fetchall()
    if q.window == "now":
        return position, concerned, q.now(json.decode(rows, type=list[SessionNow]))
    return position, concerned, q.soon(json.decode(rows, type=list[SessionSoon]))


async def fold_sessions(connection: Connection, question: Question) -> tuple[int, Sessions]:
    q = question
    log = await event_log.streams(connection, q.streams())
    return event_log.last(log), sessions(folded(SESSIONS, log), q)


def sessions(rows: Rows, question: Question) -> Sessions:
    q = question
    programme = _programme(rows, q.event_id)
    of_member = rows[AREAS].get((q.event_id, q.member_id))
    areas = frozenset(of_member.focus_areas if of_member else ())
    if q.window == "now":
        return q.now(now(programme, areas, q.at)[: q.limit])
    return q.soon(next_60(programme, areas, q.at)[: q.limit])


def _programme(rows: Rows, event_id: str) -> Programme:
    """An event that is not in the log has nothing on its agenda either."""
    agenda = rows[AGENDAS].get((event_id,), Agenda(event_id, "", ""))
    items = [item for item in rows[ITEMS].values() if item.event_id == event_id]
    speakers = {s.speaker_id: s for s in rows[SPEAKERS].values() if s.event_id == event_id}
    return Programme(agenda, items, speakers)


class AgendaSession(Session, frozen=True, kw_only=True):
    item_type: str
    status: str
    track: str
    url: str
    language: str


class StarredSession(AgendaSession, frozen=True, kw_only=True):
    """It conflicts with those that are on at the same time."""

    conflicts_with: tuple[str, ...]


class PersonalAgenda(Struct, frozen=True):
    """The areas are those that the member cares for."""

    event_id: str
    member_id: str
    focus_areas: tuple[str, ...]
    sessions: list[StarredSession]


class Schedule(Struct, frozen=True):
    """The whole agenda, and which of its sessions one member has starred."""

    event_id: str
    event_name: str
    event_timezone: str
    member_id: str
    focus_areas: tuple[str, ...]
    starred: tuple[str, ...]
    sessions: list[AgendaSession]


def starred(programme: Programme) -> list[StarredSession]:
    """All its sessions, in their order. What is cancelled is in nobody's way."""
    items = programme.in_order()
    with_each = _conflicts(item for item in items if item.status != "cancelled")
    return [
        StarredSession(**programme.listed(item), conflicts_with=tuple(with_each[item.item_id]))
        for item in items
    ]


def _conflicts(items: Iterable[Item]) -> Mapping[str, list[str]]:
    """Of items in the order of their starts: with which others each is on at once."""
    found: Mapping[str, list[str]] = defaultdict(list)
    on: list[Item] = []
    for item in items:
        on = [other for other in on if other.end_time > item.start_time]
        for other in on:
            if other.start_time < item.end_time:
                found[item.item_id].append(other.item_id)
                found[other.item_id].append(item.item_id)
        on.append(item)
    return found


class MemberAgenda(Struct, frozen=True):
    """A programme, and what of it concerns one member."""

    programme: Programme
    member_id: str
    areas: tuple[str, ...]
    starred: tuple[str, ...]

    def personal(self) -> PersonalAgenda:
        wanted = set(self.starred)
        own = [item for item in self.programme.items if item.item_id in wanted]
        sessions = starred(replace(self.programme, items=own))
        return PersonalAgenda(self._agenda.event_id, self.member_id, self.areas, sessions)

    def schedule(self) -> Schedule:
        listed = self.programme.listed
        sessions = [AgendaSession(**listed(item)) for item in self.programme.in_order()]
        about = self._agenda.event_id, self._agenda.event_name, self._agenda.event_timezone
        return Schedule(*about, self.member_id, self.areas, self.starred, sessions)

    @property
    def _agenda(self) -> Agenda:
        return self.programme.agenda


async def read_starred(
    connection: Connection, event_id: str, member_id: str
) -> tuple[int, int, PersonalAgenda]:
    position, concerned, asked = await _read(connection, "starred", event_id, member_id)
    return position, concerned, asked.personal()


async def read_schedule(
    connection: Connection, event_id: str, member_id: str
) -> tuple[int, int, Schedule]:
    position, concerned, asked = await _read(connection, "schedule", event_id, member_id)
    return position, concerned, asked.schedule()


async def _read(
    connection: Connection, statement: str, event_id: str, member_id: str
) -> tuple[int, int, MemberAgenda]:
    parameters = {
        "event_id": event_id,
        "member_id": member_id,
        "streams": streams_of(event_id, member_id),
    }
    cursor = await connection.execute(SQL[statement], parameters, prepare=True)
    ((position, concerned, agenda, items, speakers, areas, stars),) = await cursor.fetchall()
    programme = Programme(
        json.decode(agenda, type=Agenda) if agenda else Agenda(event_id, "", ""),
        json.decode(items, type=list[Item]),
        {s.speaker_id: s for s in json.decode(speakers, type=list[Speaker])},
    )
    return position, concerned, MemberAgenda(programme, member_id, tuple(areas), tuple(stars))


async def fold_starred(
    connection: Connection,
    event_id: str,
    member_id: str,
    until: int = event_log.END,
    as_of: datetime | None = None,
) -> tuple[int, PersonalAgenda]:
    position, asked = await _fold(connection, event_id, member_id, until, as_of)
    return position, asked.personal()


async def fold_schedule(
    connection: Connection, event_id: str, member_id: str
) -> tuple[int, Schedule]:
    position, asked = await _fold(connection, event_id, member_id)
    return position, asked.schedule()


async def _fold(
    connection: Connection,
    event_id: str,
    member_id: str,
    until: int = event_log.END,
    as_of: datetime | None = None,
) -> tuple[int, MemberAgenda]:
    names = streams_of(event_id, member_id)
    log = await event_log.streams_as_of(connection, names, until, as_of)
    rows = folded(SESSIONS, log)
    programme = _programme(rows, event_id)
    of_member = rows[AREAS].get((event_id, member_id))
    there = {item.item_id for item in programme.items}
    stars = {star.item_id for star in rows[STARS].values() if star.starred} & there
    areas = of_member.focus_areas if of_member else ()
    return event_log.last(log), MemberAgenda(programme, member_id, areas, tuple(sorted(stars)))


def streams_of(event_id: str, member_id: str) -> list[StreamName]:
    """What a member's agenda is made of, and the schedule as they see it."""
    own = stream("attendee", event_id, member_id)
    return [*_streams(event_id, "stars", member_id), own]


def _streams(event_id: str, of_member: str, member_id: str) -> list[StreamName]:
    return [
        stream("conference", event_id),
        stream("agenda", event_id),
        stream(of_member, event_id, member_id),
    ]
