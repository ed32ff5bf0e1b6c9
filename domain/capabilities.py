"""All that can be decided here, on one screen."""

from domain.addresses import ADDRESSES
from domain.agenda import AGENDA
from domain.aggregate import Aggregate
from domain.appointments import APPOINTMENTS
from domain.attendees import ATTENDEE
from domain.blocks import BLOCKS
from domain.calendar_links import CALENDAR_LINK
from domain.catalogues import CATALOGUE
from domain.conferences import CONFERENCE
from domain.flags import FLAGS
from domain.inbox import INBOX
from domain.messages import MESSAGES
from domain.missions import BOARD
from domain.reports import REPORTS
from domain.rosters import ROSTER
from domain.stars import STARS
from domain.syncs import SYNC

AGGREGATES: tuple[Aggregate, ...] = (
    CONFERENCE,
    ATTENDEE,
    BLOCKS,
    ADDRESSES,
    ROSTER,
    CATALOGUE,
    BOARD,
    REPORTS,
    AGENDA,
    STARS,
    CALENDAR_LINK,
    MESSAGES,
    INBOX,
    FLAGS,
    SYNC,
    APPOINTMENTS,
)

# Of each kind of scope, the aggregate whose stream says that there is such a scope: its state is
# Announced.
ANNOUNCED_BY: dict[str, str] = {"event": CONFERENCE.name}

# Upcasting by name: events that are not stored under the name of their class, as that name and the
# class's. An event is written under its last line here, and read under all of them.
#
# A board's reports of messages and syncs go on being stored as MessageSent and SyncCreated. A
# version that runs beside this one during a deploy knows no other name, and would park the streams
# of an event that it cannot read. Nor is there a later release in which to change it: the log holds
# these names for ever, so none of them is free again. A message that is really sent is an event
# class MessageSent with a line of its own here, such as "ThreadMessageSent": "MessageSent".
RENAMED: dict[str, str] = {
    "MessageSent": "MessageReported",
    "SyncCreated": "SyncReported",
}
