"""Rows of meetings of two: each twice, as either of the two has it in their calendar; what they
wrote, once; how members are shown to each other there; and the live feed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct, field
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.attendees import (
    AttendeeErased,
    AttendeeProfileChanged,
    AttendeeRegistered,
    Profile,
)
from domain.blocks import MemberBlocked, MemberUnblocked
from domain.personal import ERASED
from domain.sync_events import (
    AppointmentCancelled,
    AppointmentMade,
    RequestClosed,
    RequestOpened,
    SyncAccepted,
    SyncErased,
    SyncRequested,
)
from projections.engine.feed import Announcement, feed
from projections.read_model import Change, ReadModel, Table


class MemberSync(Struct, frozen=True):
    """`position` is that of the request. Once it was accepted it has a `start`, also if it is
    cancelled since, and `sequence` rises with every change: a calendar takes the highest for the
    latest."""

    event_id: str
    member_id: str
    sync_id: str
    other_id: str
    is_mine: bool
    position: int
    minutes: int
    proposals: tuple[datetime, ...]
    until: datetime
    status: str
    changed_at: datetime
    start: datetime | None = None
    sequence: int = 0

    @property
    def end(self) -> datetime:
        return (self.start or self.until) + timedelta(minutes=self.minutes)


class SyncText(Struct, frozen=True):
    """`place_by` has named the place last. Once they are erased it is the asker's again, `asked`: a
    rebuild, to which their place was never said, must come to the same."""

    event_id: str
    sync_id: str
    member_id: str
    note: str
    place: str
    place_by: str
    asked: str = ""


class SyncPerson(Struct, frozen=True):
    event_id: str
    member_id: str
    name: str
    headline: str
    company: str
    avatar_url: str
    listed: bool
    erased: bool


class SyncBlock(Struct, frozen=True):
    event_id: str
    member_id: str
    blocked_id: str
    blocked: bool


SYNCS = Table("member_syncs", MemberSync, keys=3)
TEXTS = Table("sync_texts", SyncText, keys=2)
PEOPLE = Table("sync_people", SyncPerson, keys=2, overwrites=True)
BLOCKS = Table("sync_blocks", SyncBlock, keys=3, overwrites=True)


def project(recorded: Recorded) -> Iterator[Change]:
    event = recorded.event
    match event:
        case RequestOpened():
            opened = _opened(recorded, event)
            yield Change(SYNCS, SYNCS.key_of(opened), lambda old: opened)
        case RequestClosed(sync_id=sync_id, status=status):
            yield _changed(recorded, sync_id, status, None)
        case AppointmentMade(sync_id=sync_id, start=start):
            yield _changed(recorded, sync_id, "accepted", start)
        case AppointmentCancelled(sync_id=sync_id):
            yield _changed(recorded, sync_id, "withdrawn", None)
        case SyncRequested() | SyncAccepted() | SyncErased():
            yield _text(recorded)
        case AttendeeRegistered(profile=profile) | AttendeeProfileChanged(profile=profile):
            yield _shown(recorded, _face(recorded, profile))
        case AttendeeErased():
            yield _shown(
                recorded,
                SyncPerson(*recorded.member, ERASED, "", "", "", listed=False, erased=True),
            )
        case MemberBlocked(blocked_member_id=other):
            yield _blocked(SyncBlock(*recorded.member, other, blocked=True))
        case MemberUnblocked(blocked_member_id=other):
            yield _blocked(SyncBlock(*recorded.member, other, blocked=False))


def _opened(recorded: Recorded, event: RequestOpened) -> MemberSync:
    return MemberSync(
        *recorded.member,
        event.sync_id,
        event.with_member_id,
        event.is_mine,
        recorded.position,
        event.minutes,
        event.proposals,
        event.until,
        "requested",
        recorded.at,
    )


def _changed(recorded: Recorded, sync_id: str, status: str, start: datetime | None) -> Change:
    def new(old: MemberSync | None) -> MemberSync | None:
        return old and replace(
            old,
            status=status,
            start=start or old.start,
            sequence=old.sequence + 1,
            changed_at=recorded.at,
        )

    return Change(SYNCS, (*recorded.member, sync_id), new)


def _text(recorded: Recorded) -> Change:
    key = event_id, sync_id = recorded.member
    event = recorded.event

    def new(old: SyncText | None) -> SyncText | None:
        match event:
            case SyncRequested(from_member_id=by, note=note, place=place):
                return SyncText(event_id, sync_id, by, note, place, by, place)
            case SyncAccepted(by_member_id=by, place=place) if old and place:
                return replace(old, place=place, place_by=by)
            case SyncErased(member_id=member) if old:
                if old.member_id == member:
                    place = "" if old.place_by == member else old.place
                    return replace(old, note=ERASED, place=place, asked="")
                if old.place_by == member:
                    return replace(old, place=old.asked, place_by=old.member_id)
        return old

    return Change(TEXTS, key, new)


def _face(recorded: Recorded, profile: Profile) -> SyncPerson:
    return SyncPerson(
        *recorded.member,
        profile.name,
        profile.headline,
        profile.company,
        profile.avatar_url,
        listed=profile.visibility == "listed",
        erased=False,
    )


def _shown(recorded: Recorded, row: SyncPerson) -> Change:
    return Change(PEOPLE, recorded.member, lambda old: row)


def _blocked(row: SyncBlock) -> Change:
    return Change(BLOCKS, BLOCKS.key_of(row), lambda old: row)


# The live feed. Its messages are kept as they were said, also on the bus: so they say nothing that
# somebody wrote, which is its author's to have erased.
class SyncUpdated(Struct, frozen=True, tag="SYNC_UPDATED"):
    sync_id: str
    with_member_id: str = field(name="with")
    status: str
    start: datetime | None = None


def announce(recorded: Recorded) -> Iterator[Announcement]:
    """Both hear of each change, as it is in the calendar of each."""
    match recorded.event:
        case RequestOpened(sync_id=sync_id, with_member_id=other):
            yield _told(recorded, SyncUpdated(sync_id, other, "requested"))
        case RequestClosed(sync_id=sync_id, with_member_id=other, status=status):
            yield _told(recorded, SyncUpdated(sync_id, other, status))
        case AppointmentMade(sync_id=sync_id, with_member_id=other, start=start):
            yield _told(recorded, SyncUpdated(sync_id, other, "accepted", start))
        case AppointmentCancelled(sync_id=sync_id, with_member_id=other):
            yield _told(recorded, SyncUpdated(sync_id, other, "withdrawn"))


def _told(recorded: Recorded, message: SyncUpdated) -> Announcement:
    return Announcement(recorded.member[1], lambda: message)


MEMBER_SYNCS = ReadModel("syncs", (SYNCS, TEXTS, PEOPLE, BLOCKS), project)
LIVE_SYNCS = feed("live_syncs", ("appointments",), announce, (), about="sync_id")
