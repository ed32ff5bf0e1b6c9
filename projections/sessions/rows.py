"""Rows of a conference's programme: its sessions and who speaks there, what a member cares for and
has starred, and the live feed."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from domain.agenda import (
    AgendaItemCancelled,
    AgendaItemChanged,
    AgendaItemScheduled,
    SpeakerErased,
    SpeakerSaved,
)
from domain.agenda_items import AgendaItem
from domain.aggregate import Recorded
from domain.attendees import AttendeeErased, AttendeeProfileChanged, AttendeeRegistered
from domain.conferences import ConferenceAnnounced
from domain.personal import ERASED
from domain.stars import SessionStarred, SessionUnstarred
from projections.engine.feed import Announcement, feed
from projections.read_model import Change, ReadModel, Table


class Agenda(Struct, frozen=True):
    event_id: str
    event_name: str
    event_timezone: str


class Item(Struct, frozen=True):
    """`sequence` rises with every change: a calendar takes the highest for the latest."""

    event_id: str
    item_id: str
    sequence: int
    updated_at: datetime
    title: str
    start_time: datetime
    end_time: datetime
    description: str
    location: str
    track: str
    focus_areas: tuple[str, ...]
    item_type: str
    status: str
    speaker_ids: tuple[str, ...]
    url: str
    language: str


class Speaker(Struct, frozen=True):
    event_id: str
    speaker_id: str
    name: str
    focus_areas: tuple[str, ...]
    email: str | None = None


class MemberAreas(Struct, frozen=True):
    event_id: str
    member_id: str
    focus_areas: tuple[str, ...]


class MemberStar(Struct, frozen=True):
    event_id: str
    member_id: str
    item_id: str
    starred: bool


AGENDAS = Table("agendas", Agenda, keys=1, overwrites=True)
ITEMS = Table("agenda_items", Item, keys=2)
SPEAKERS = Table("agenda_speakers", Speaker, keys=2, overwrites=True)
AREAS = Table("member_areas", MemberAreas, keys=2, overwrites=True)
STARS = Table("member_stars", MemberStar, keys=3, overwrites=True)


def project(recorded: Recorded) -> Iterator[Change]:
    event = recorded.event
    match event:
        case ConferenceAnnounced(name=name, timezone=zone):
            yield _whole(AGENDAS, Agenda(recorded.scope_id, name, zone))
        case AgendaItemScheduled(item=item) | AgendaItemChanged(item=item):
            key = recorded.scope_id, item.id
            yield Change(ITEMS, key, lambda old: _item(recorded, item, old))
        case AgendaItemCancelled(item_id=item_id):
            key = recorded.scope_id, item_id
            yield Change(ITEMS, key, lambda old: old and _cancelled(recorded, old))
        case SpeakerSaved(speaker=s):
            yield _whole(SPEAKERS, Speaker(recorded.scope_id, s.id, s.name, s.focus_areas, s.email))
        case SpeakerErased(speaker_id=speaker_id, replaced_by=new_id):
            for id_ in filter(None, (speaker_id, new_id)):
                yield _whole(SPEAKERS, Speaker(recorded.scope_id, id_, ERASED, (), None))
        case AttendeeRegistered(profile=profile) | AttendeeProfileChanged(profile=profile):
            yield _whole(AREAS, MemberAreas(*recorded.member, profile.focus_areas))
        case AttendeeErased():
            yield _whole(AREAS, MemberAreas(*recorded.member, ()))
        case SessionStarred(item_id=item_id) | SessionUnstarred(item_id=item_id):
            starred = isinstance(event, SessionStarred)
            yield _whole(STARS, MemberStar(*recorded.member, item_id, starred))


def _whole(table: Table, row: Struct) -> Change:
    key = tuple(getattr(row, name) for name in row.__struct_fields__[: table.keys])
    return Change(table, key, lambda old: row)


def _item(recorded: Recorded, item: AgendaItem, old: Item | None) -> Item:
    return Item(
        recorded.scope_id,
        item.id,
        old.sequence + 1 if old else 0,
        recorded.at,
        item.title,
        item.start_time,
        item.end_time,
        item.description,
        item.location,
        item.track,
        item.focus_areas,
        item.item_type,
        item.status,
        item.speaker_ids,
        item.url,
        item.language,
    )


def _cancelled(recorded: Recorded, old: Item) -> Item:
    return replace(old, sequence=old.sequence + 1, updated_at=recorded.at, status="cancelled")


# The live feed: its messages, and the rows that they are functions of
class Followed(Struct, frozen=True):
    """A session as its followers know it: those who have starred it."""

    event_id: str
    item_id: str
    title: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    location: str = ""
    cancelled: bool = False


class Followers(Struct, frozen=True):
    """Some of a session's, in order: all of a keynote's are too many to write again for each."""

    event_id: str
    item_id: str
    part: int
    members: tuple[str, ...] = ()


class SessionsUpdated(Struct, frozen=True, tag="SESSIONS_UPDATED"):
    session_id: str
    change: Literal["moved", "cancelled", "restored"]
    session_title: str
    session_time: datetime | None
    session_end: datetime | None
    session_location: str


FOLLOWED = Table("live_sessions_followed", Followed, keys=2)
FOLLOWERS = Table("live_sessions_followers", Followers, keys=3)
PARTS = 16


def announce(recorded: Recorded) -> Iterator[Change | Announcement]:
    """Those who follow a session hear that it moves, is cancelled, or is on after all."""
    match recorded.event:
        case SessionStarred(item_id=item_id):
            yield _followers(recorded, item_id, _with)
        case SessionUnstarred(item_id=item_id):
            yield _followers(recorded, item_id, _without)
        case AgendaItemScheduled(item=item) | AgendaItemChanged(item=item):
            yield from _changed(recorded, item.id, lambda old: _scheduled(old, item))
        case AgendaItemCancelled(item_id=item_id):
            yield from _changed(recorded, item_id, lambda old: replace(old, cancelled=True))


def _followers(
    recorded: Recorded, item_id: str, change: Callable[[tuple[str, ...], str], tuple[str, ...]]
) -> Change:
    event_id, member = recorded.member
    key = event_id, item_id, crc32(member.encode()) % PARTS

    def new(old: Followers | None) -> Followers:
        return Followers(*key, change(old.members if old else (), member))

    return Change(FOLLOWERS, key, new)


def _with(members: tuple[str, ...], member: str) -> tuple[str, ...]:
    i = bisect_left(members, member)
    return members if member in members[i : i + 1] else (*members[:i], member, *members[i:])


def _without(members: tuple[str, ...], member: str) -> tuple[str, ...]:
    return tuple(other for other in members if other != member)


def _changed(
    recorded: Recorded, item_id: str, change: Callable[[Followed], Followed]
) -> Iterator[Change | Announcement]:
    key = recorded.scope_id, item_id

    def new(old: Followed | None) -> Followed:
        return change(old or Followed(*key))

    if not isinstance(recorded.event, AgendaItemScheduled):  # which nobody can have starred yet
        parts = ((FOLLOWERS, (*key, part)) for part in range(PARTS))
        yield Announcement(
            lambda old, *parts: (member for part in parts if part for member in part.members),
            lambda old, *parts: _updated(old, new(old)),
            ((FOLLOWED, key), *parts),
        )
    yield Change(FOLLOWED, key, new)


def _scheduled(old: Followed, item: AgendaItem) -> Followed:
    return replace(
        old,
        title=item.title,
        start_time=item.start_time,
        end_time=item.end_time,
        location=item.location,
        cancelled=item.status == "cancelled",
    )


def _updated(old: Followed | None, new: Followed) -> SessionsUpdated | None:
    change = _change(old, new) if old else None
    if change is None:
        return None
    slot = new.title, new.start_time, new.end_time, new.location
    return SessionsUpdated(new.item_id, change, *slot)


def _change(old: Followed, new: Followed) -> Literal["moved", "cancelled", "restored"] | None:
    if new.cancelled:
        return None if old.cancelled else "cancelled"
    if old.cancelled:
        return "restored"
    return None if _slot(old) == _slot(new) else "moved"


def _slot(session: Followed) -> tuple[datetime | None, datetime | None, str]:
    return session.start_time, session.end_time, session.location


SESSIONS = ReadModel("sessions", (AGENDAS, ITEMS, SPEAKERS, AREAS, STARS), project)
LIVE_SESSIONS = feed(
    "live_sessions", ("agenda", "stars"), announce, (FOLLOWED, FOLLOWERS), about="session_id"
)
