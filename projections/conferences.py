"""Conferences, as their pages show them."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from domain.aggregate import Recorded, stream
from domain.conferences import ConferenceAnnounced
from projections.engine.event_log import Connection
from projections.question import Ask, Own, keyed
from projections.read_model import Change, ReadModel, Table
from sql import statements

SQL = statements("conferences")


class Conference(Struct, frozen=True):
    event_id: str
    name: str
    timezone: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None


TABLE = Table("conferences", Conference, keys=1, overwrites=True)


def project(recorded: Recorded) -> Iterator[Change]:
    match recorded.event:
        case ConferenceAnnounced(name=name, timezone=zone, starts_at=starts, ends_at=ends):
            row = Conference(recorded.scope_id, name, zone, starts, ends)
            yield Change(TABLE, (row.event_id,), lambda old: row)


CONFERENCES = ReadModel("conferences", (TABLE,), project)


CONFERENCE: Own[Ask, Conference | None] = Own(
    "conference",
    CONFERENCES,
    Ask,
    streams=lambda ask: (stream("conference", ask.event_id),),
    rows=(keyed(TABLE, 1),),
    answer=lambda ask, found: next(iter(found[TABLE]), None),
    bound=1,
)


async def exists(connection: Connection, event_id: str) -> bool:
    parameters = {"stream": stream("conference", event_id)}
    ((announced,),) = await (await connection.execute(SQL["exists"], parameters)).fetchall()
    return bool(announced)
