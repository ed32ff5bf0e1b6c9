"""Meetings of two, as far as they change by themselves: requests expire, and whoever blocks another
or is erased leaves what they had."""

from domain.syncs import ExpireSync
from projections.syncs.expiry import EXPIRE_SYNC
from projections.syncs.leaving import leave
from workers.work.kind import Kind, Piece, Tools
from workers.work.reaction import Reaction


async def expire(piece: Piece, tools: Tools) -> ExpireSync:
    event_id, sync_id = piece.subject.split(":")
    return ExpireSync(event_id=event_id, sync_id=sync_id, based_on=piece.wanted)


EXPIRING = Kind(EXPIRE_SYNC, expire, concurrency=4)
LEAVING = Reaction("leave_syncs_when_blocked_or_erased", leave)
