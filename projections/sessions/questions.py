"""Questions about the programme of an event: what is on now, what starts within the hour, what a
member has starred, and the whole of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from domain.aggregate import StreamName, stream
from projections.question import Ask, Found, MemberAsk, Own, chosen, keyed, named_by
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


class SessionsAsk(MemberAsk, frozen=True):
    window: Window
    at: datetime
    limit: int = 5


class Programme(Struct, frozen=True):
    """A conference's sessions, or some of them, and speakers by id."""

    agenda: Agenda
    items: Sequence[Item]
    speakers: Mapping[str, Speaker]

    def described(self, item: Item) -> dict[str, Any]:
        """The fields that every kind of session has."""
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
        """The fields of a session on an agenda."""
        names = "item_type", "status", "track", "url", "language"
        return self.described(item) | {name: getattr(item, name) for name in names}

    def in_order(self) -> list[Item]:
        return sorted(self.items, key=_slot_of)

    def shown(self) -> Iterator[Item]:
        for item in self.items:
            if item.item_type == "session" and item.status in SHOWN:
                yield item


def now(programme: Programme, areas: frozenset[str], at: datetime) -> list[SessionNow]:
    """Sessions that are on, those first that suit best."""
    found = []
    for item in programme.shown():
        if item.start_time <= at <= item.end_time:
            said = programme.described(item)
            n = len(areas.intersection(said["focus_areas"]))
            score = 100 if n else 50
            found.append(SessionNow(**said, relevance_score=score, focus_area_match_count=n))
    return sorted(found, key=lambda s: (-s.relevance_score, -s.focus_area_match_count, *_slot(s)))


def next_60(programme: Programme, areas: frozenset[str], at: datetime) -> list[SessionSoon]:
    """Sessions that start within 60 minutes, those first that are sooner and suit better."""
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


def programme(event_id: str, found: Found, timezone: str = "") -> Programme:
    """An event that is not in the log has nothing on its agenda either."""
    agenda = next(iter(found[AGENDAS]), Agenda(event_id, "", timezone))
    speakers = {speaker.speaker_id: speaker for speaker in found[SPEAKERS]}
    return Programme(agenda, sorted(found[ITEMS], key=_slot_of), speakers)


def _slot_of(item: Item) -> tuple[datetime, str]:
    return item.start_time, item.item_id


def _areas(found: Found) -> tuple[str, ...]:
    """Those that the asker cares for."""
    return next((row.focus_areas for row in found[AREAS]), ())


def _now(ask: SessionsAsk, found: Found) -> SessionsNow:
    sessions = now(programme(ask.event_id, found), frozenset(_areas(found)), ask.at)
    return SessionsNow(ask.event_id, ask.member_id, "now", ask.at, sessions[: ask.limit])


def _soon(ask: SessionsAsk, found: Found) -> SessionsSoon:
    sessions = next_60(programme(ask.event_id, found), frozenset(_areas(found)), ask.at)
    return SessionsSoon(ask.event_id, ask.member_id, "next_60", ask.at, sessions[: ask.limit])


def agenda_streams(ask: Ask) -> tuple[StreamName, ...]:
    return stream("conference", ask.event_id), stream("agenda", ask.event_id)


def suited_streams(ask: MemberAsk) -> tuple[StreamName, ...]:
    return *agenda_streams(ask), stream("attendee", ask.event_id, ask.member_id)


def starred_streams(ask: MemberAsk) -> tuple[StreamName, ...]:
    return *agenda_streams(ask), stream("stars", ask.event_id, ask.member_id)


def personal_streams(ask: MemberAsk) -> tuple[StreamName, ...]:
    return *starred_streams(ask), stream("attendee", ask.event_id, ask.member_id)


SPEAKING = named_by(SPEAKERS, ITEMS, "speaker_ids")

NOW = Own(
    "sessions_now",
    SESSIONS,
    SessionsAsk,
    streams=suited_streams,
    rows=(keyed(AGENDAS, 1), chosen(ITEMS, "sessions", "items_now"), SPEAKING, keyed(AREAS, 2)),
    answer=_now,
    bound=500,  # sessions at once, and who speaks there
    together=16,
)
SOON = Own(
    "sessions_soon",
    SESSIONS,
    SessionsAsk,
    streams=suited_streams,
    rows=(keyed(AGENDAS, 1), chosen(ITEMS, "sessions", "items_soon"), SPEAKING, keyed(AREAS, 2)),
    answer=_soon,
    bound=500,
    together=16,
)
WINDOWS: Mapping[Window, Own[SessionsAsk, Any]] = {"now": NOW, "next_60": SOON}


# The agenda
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
    """By item, the others that are on at the same time. Items come in the order of their starts."""
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


def _starred(ask: MemberAsk, found: Found) -> tuple[str, ...]:
    """Ids of those that are on the agenda."""
    of_member = {star.item_id for star in found[STARS] if star.starred}
    return tuple(sorted(of_member.intersection(item.item_id for item in found[ITEMS])))


def _personal(ask: MemberAsk, found: Found) -> PersonalAgenda:
    own = starred(only_starred(ask, found, programme(ask.event_id, found)))
    return PersonalAgenda(ask.event_id, ask.member_id, _areas(found), own)


def only_starred(ask: MemberAsk, found: Found, whole: Programme) -> Programme:
    wanted = set(_starred(ask, found))
    return replace(whole, items=[item for item in whole.items if item.item_id in wanted])


def _schedule(ask: MemberAsk, found: Found) -> Schedule:
    whole = programme(ask.event_id, found)
    return Schedule(
        ask.event_id,
        whole.agenda.event_name,
        whole.agenda.event_timezone,
        ask.member_id,
        _areas(found),
        _starred(ask, found),
        [AgendaSession(**whole.listed(item)) for item in whole.in_order()],
    )


STARRED_ITEMS = chosen(ITEMS, "sessions", "starred_items")

PERSONAL_AGENDA = Own(
    "agenda",
    SESSIONS,
    MemberAsk,
    streams=personal_streams,
    rows=(keyed(AGENDAS, 1), keyed(STARS, 2), STARRED_ITEMS, SPEAKING, keyed(AREAS, 2)),
    answer=_personal,
    bound=10_000,  # of a member who has starred every session
    together=8,
)
SCHEDULE = Own(
    "schedule",
    SESSIONS,
    MemberAsk,
    streams=personal_streams,
    rows=(keyed(AGENDAS, 1), keyed(STARS, 2), keyed(ITEMS, 1), SPEAKING, keyed(AREAS, 2)),
    answer=_schedule,
    bound=10_000,
    together=4,
)
