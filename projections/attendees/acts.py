"""How much people at an event do about each other, hour by hour: counts, and nothing of whom.

A profile is viewed as often as that is reported and recorded: of the same member, once a day, or
more often while it counts for meet_attendees. Telemetry of a message or a sync is of one elsewhere,
unless it is what the product itself reports of its own, which is counted as that.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.messages import ThreadMessageSent
from domain.missions import MessageReported, ProfileViewed, SyncReported
from domain.reports import AttendeeMessaged, AttendeeSynced, AttendeeViewed
from domain.sync_events import SyncAccepted, SyncRequested
from projections.engine.event_log import Connection
from projections.read_model import Change, ReadModel, Table
from sql import statements

SQL = statements("attendees")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Acts(Struct, frozen=True):
    """`hour` is counted from 1970, in UTC."""

    event_id: str
    hour: int
    views: int = 0
    messages: int = 0
    messages_reported: int = 0
    syncs: int = 0
    syncs_accepted: int = 0
    syncs_reported: int = 0


ACTS = Table("attendee_acts", Acts, keys=2)


def hour_of(at: datetime) -> int:
    return (at - EPOCH) // HOUR


def project(recorded: Recorded) -> Iterator[Change]:
    if (kind := _kind(recorded)) is None:
        return
    key = (recorded.scope_id, hour_of(recorded.at))

    def more(old: Acts | None) -> Acts:
        acts = old or Acts(*key)
        return replace(acts, **{kind: getattr(acts, kind) + 1})

    yield Change(ACTS, key, more)


def _kind(recorded: Recorded) -> str | None:
    match recorded.event:
        # A version before recorded reports on the board, where what `meets` is recorded twice now.
        case AttendeeViewed() | ProfileViewed(meets=False):
            return "views"
        case ThreadMessageSent():
            return "messages"
        case SyncRequested():
            return "syncs"
        case SyncAccepted():
            return "syncs_accepted"
        # The author of what follows by itself is no member: a member's id has no colon.
        case AttendeeMessaged() | MessageReported(meets=False) if ":" not in recorded.actor:
            return "messages_reported"
        case AttendeeSynced() | SyncReported(meets=False) if ":" not in recorded.actor:
            return "syncs_reported"
    return None


ATTENDEE_ACTS = ReadModel("attendee_acts", (ACTS,), project)


async def counted(
    connection: Connection, event_id: str, first: int, last: int
) -> tuple[int, dict[int, Acts]]:
    """The acts by hour, of these hours in which there were any; and the position as of which."""
    about = {"event_id": event_id, "first": first, "last": last}
    rows = await (await connection.execute(SQL["acts"], about)).fetchall()
    position, found = rows[0] if rows else (0, "[]")  # no projector has ever run here
    return position, {acts.hour: acts for acts in msgspec.json.decode(found, type=list[Acts])}
