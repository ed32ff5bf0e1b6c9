"""Conferences as their pages show them."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct, json

from domain.aggregate import Recorded, stream
from domain.conferences import ConferenceAnnounced
from projections.engine.event_log import Connection, last, streams
from projections.read_model import Change, ReadModel, Table, folded
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


async def exists(connection: Connection, event_id: str) -> bool:
    parameters = {"stream": stream("conference", event_id)}
    ((announced,),) = await (await connection.execute(SQL["exists"], parameters)).fetchall()
    return bool(announced)


async def conference(connection: Connection, event_id: str) -> tuple[int, int, Conference | None]:
    """The position shown, the last one that concerns it, and the conference."""
    parameters = {"event_id": event_id, "stream": stream("conference", event_id)}
    cursor = await connection.execute(SQL["conference"], parameters, prepare=True)
    ((position, concerned, row),) = await cursor.fetchall()
    return position, concerned, json.decode(row, type=Conference) if row else None


async def folded_conference(connection: Connection, event_id: str) -> tuple[int, Conference | None]:
    log = await streams(connection, [stream("conference", event_id)])
    row = folded(CONFERENCES, log)[TABLE].get((event_id,))
    return last(log), row
