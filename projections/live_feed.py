"""The one live feed that the version before had, for as long as that runs beside this one: its api
processes resume from `views.live_feed`, and wait for its position.

Migration 0009 has copied it into a feed for each capability. Ours go on with the old one too, but
only where the version before has left it a position, so a new database has none. The release after
this one drops it: this file, the tables named here, and the row in `views.positions`.
"""

from collections.abc import Iterator

from domain.aggregate import Recorded
from projections.engine.feed import Message
from projections.missions.rows import GAINED, LIVE_MISSIONS, TOTALS
from projections.read_model import Change, FanOut, ReadModel, RowOf, Table
from projections.sessions.rows import FOLLOWED, FOLLOWERS, LIVE_SESSIONS

FEED = Table("live_feed", Message, keys=3, overwrites=True)
FEEDS = (LIVE_MISSIONS, LIVE_SESSIONS)


def _as(name: str, table: Table) -> Table:
    return Table(name, table.row, table.keys, table.overwrites)


OLD = {
    **dict.fromkeys((feed.messages for feed in FEEDS), FEED),
    TOTALS: _as("live_totals", TOTALS),
    GAINED: _as("live_progress", GAINED),
    FOLLOWED: _as("followed_sessions", FOLLOWED),
    FOLLOWERS: _as("session_followers", FOLLOWERS),
}


def project(recorded: Recorded) -> Iterator[Change | FanOut]:
    """The changes of the new feeds, made to the old one's tables."""
    for feed in FEEDS:
        for change in feed.project(recorded):
            reads = tuple(map(_old, change.reads))
            if isinstance(change, FanOut):
                yield FanOut(OLD[change.table], change.fold, reads)
            else:
                yield Change(OLD[change.table], change.key, change.fold, reads)


def _old(row: RowOf) -> RowOf:
    table, key = row
    return OLD[table], key


LIVE_FEED = ReadModel("live_feed", tuple(dict.fromkeys(OLD.values())), project)
