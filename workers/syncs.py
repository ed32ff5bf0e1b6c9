"""What follows by itself for meetings of two: requests expire, and whoever blocks another or is
erased leaves what they had."""

from collections.abc import Iterator

from domain.aggregate import Recorded
from domain.appointments import LeaveSyncs
from domain.attendees import AttendeeErased
from domain.blocks import MemberBlocked
from domain.syncs import ExpireSync
from projections.syncs.expiry import EXPIRE_SYNC
from workers.work.kind import Kind, Piece, Tools
from workers.work.reaction import Reaction


async def expire(piece: Piece, tools: Tools) -> ExpireSync:
    event_id, sync_id = piece.subject.split(":")
    return ExpireSync(event_id=event_id, sync_id=sync_id, based_on=piece.wanted)


def leave(recorded: Recorded) -> Iterator[LeaveSyncs]:
    match recorded.event:
        case MemberBlocked(blocked_member_id=other):
            yield _left(recorded, other)
        case AttendeeErased():
            yield _left(recorded, None)


def _left(recorded: Recorded, other: str | None) -> LeaveSyncs:
    event_id, member = recorded.member
    return LeaveSyncs(event_id=event_id, member_id=member, other_id=other, at=recorded.at)


EXPIRING = Kind(EXPIRE_SYNC, expire, concurrency=4)
LEAVING = Reaction("leave_syncs_when_blocked_or_erased", leave)
