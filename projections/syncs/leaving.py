"""Syncs that end because of something else: whoever blocks another, or is erased, leaves theirs."""

from collections.abc import Iterator

from domain.aggregate import Recorded
from domain.appointments import LeaveSyncs
from domain.attendees import AttendeeErased
from domain.blocks import MemberBlocked


def leave(recorded: Recorded) -> Iterator[LeaveSyncs]:
    match recorded.event:
        case MemberBlocked(blocked_member_id=other):
            yield _left(recorded, other)
        case AttendeeErased():
            yield _left(recorded, None)


def _left(recorded: Recorded, other: str | None) -> LeaveSyncs:
    event_id, member = recorded.member
    return LeaveSyncs(event_id=event_id, member_id=member, other_id=other, at=recorded.at)
