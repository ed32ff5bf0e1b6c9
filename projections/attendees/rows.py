"""Rows of the people at a conference: their profiles, whom they block, when they last did
something, and whom they met."""

from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.attendees import (
    AttendeeErased,
    AttendeeProfileChanged,
    AttendeeRegistered,
    Profile,
)
from domain.blocks import MemberBlocked, MemberUnblocked
from domain.missions import (
    MessageReported,
    MissionCompleted,
    MissionReopened,
    MissionReset,
    MissionStarted,
    ProfileViewed,
    SyncReported,
)
from domain.reports import AttendeeMessaged, AttendeeSynced, AttendeeViewed
from domain.stars import SessionStarred, SessionUnstarred
from projections.attendees.words import searched
from projections.read_model import Change, ReadModel, Table

Tags = tuple[str, ...]


class Attendee(Struct, frozen=True):
    """`joined` is the position at which they registered, `words` what search looks at."""

    event_id: str
    member_id: str
    position: int
    joined: int
    listed: bool = False
    name: str = ""
    headline: str = ""
    company: str = ""
    role: str = ""
    avatar_url: str = ""
    interests: Tags = ()
    industries: Tags = ()
    focus_areas: Tags = ()
    goals: Tags = ()
    offers: Tags = ()
    seeks: Tags = ()
    words: str = ""
    on_leaderboard: bool = True


class Activity(Struct, frozen=True):
    """The last thing that a member did by themselves: what was done for them, as an import, is
    none. It is what others can know of anyway, so no block."""

    event_id: str
    member_id: str
    position: int


class Block(Struct, frozen=True):
    event_id: str
    member_id: str
    blocked_member_id: str
    position: int
    blocked: bool


class Met(Struct, frozen=True):
    event_id: str
    member_id: str
    target_member_id: str
    viewed: bool = False
    messaged: bool = False
    synced: bool = False


ATTENDEES = Table("attendees", Attendee, keys=2)
ACTIVITY = Table("attendee_activity", Activity, keys=2)
BLOCKS = Table("blocks", Block, keys=3, overwrites=True)
MET = Table("attendees_met", Met, keys=3)

ACTS = (
    *(AttendeeRegistered, AttendeeProfileChanged, SessionStarred, SessionUnstarred),
    *(MissionStarted, MissionCompleted, MissionReopened, MissionReset),
)


def project(recorded: Recorded) -> Iterator[Change]:
    event = recorded.event
    match event:
        case AttendeeRegistered(profile=profile):
            yield _attendee(recorded, lambda old: _saved(recorded, recorded.position, profile))
        case AttendeeProfileChanged(profile=profile):
            yield _attendee(recorded, lambda old: _saved(recorded, _joined(recorded, old), profile))
        case AttendeeErased():
            yield _attendee(recorded, lambda old: _erased(recorded, old))
        case MemberBlocked(blocked_member_id=other):
            yield _block(recorded, other, blocked=True)
        case MemberUnblocked(blocked_member_id=other):
            yield _block(recorded, other, blocked=False)
        case ProfileViewed(target_member_id=target) | AttendeeViewed(target_member_id=target):
            yield _met(recorded, target, viewed=True)
        case MessageReported(target_member_id=target) | AttendeeMessaged(target_member_id=target):
            yield _met(recorded, target, messaged=True)
        case SyncReported(target_member_id=target) | AttendeeSynced(target_member_id=target):
            yield _met(recorded, target, synced=True)
    if isinstance(event, ACTS) and recorded.actor == recorded.member[1]:
        yield _did(recorded)


def _did(recorded: Recorded) -> Change:
    """Several streams tell of it: one that was parked, and is replayed, comes after later ones."""
    did = Activity(*recorded.member, recorded.position)
    return Change(
        ACTIVITY, recorded.member, lambda old: old if old and old.position > did.position else did
    )


def _attendee(recorded: Recorded, change: Callable[[Attendee | None], Attendee]) -> Change:
    return Change(ATTENDEES, recorded.member, change)


def _joined(recorded: Recorded, old: Attendee | None) -> int:
    return old.joined if old else recorded.position


def _erased(recorded: Recorded, old: Attendee | None) -> Attendee:
    return Attendee(*recorded.member, recorded.position, _joined(recorded, old))


def _saved(recorded: Recorded, joined: int, profile: Profile) -> Attendee:
    listed = profile.visibility == "listed"
    return Attendee(
        *recorded.member,
        recorded.position,
        joined,
        listed,
        profile.name,
        profile.headline,
        profile.company,
        profile.role,
        profile.avatar_url,
        profile.interests,
        profile.industries,
        profile.focus_areas,
        profile.goals,
        profile.offers,
        profile.seeks,
        searched(_said(profile)) if listed else "",
        profile.on_leaderboard,
    )


def _said(profile: Profile) -> Iterator[str]:
    """The texts of a profile that are searched."""
    yield from (profile.name, profile.company, profile.headline)
    yield from (*profile.interests, *profile.focus_areas, *profile.industries)
    yield from (*profile.goals, *profile.offers, *profile.seeks)


def _block(recorded: Recorded, other: str, *, blocked: bool) -> Change:
    row = Block(*recorded.member, other, recorded.position, blocked)
    return Change(BLOCKS, (*recorded.member, other), lambda old: row)


def _met(recorded: Recorded, target: str, **how: bool) -> Change:
    key = (*recorded.member, target)
    return Change(MET, key, lambda old: replace(old or Met(*key), **how))


PEOPLE = ReadModel("attendees", (ATTENDEES, ACTIVITY, BLOCKS, MET), project)
