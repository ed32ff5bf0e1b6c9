"""A conference's agenda to take away, all of it or what a member has starred, and whether a secret
link opens the latter."""

from collections.abc import Sequence
from functools import reduce

from msgspec import Struct, json

from domain.aggregate import StreamName, stream
from domain.calendar_links import CALENDAR_LINK
from projections.engine import event_log
from projections.engine.event_log import Connection
from projections.read_model import folded
from projections.sessions.questions import Programme
from projections.sessions.rows import (
    AGENDAS,
    ITEMS,
    SESSIONS,
    SPEAKERS,
    STARS,
    Agenda,
    Item,
    Speaker,
)
from sql import statements

SQL = statements("calendar")


class Taken(Struct, frozen=True):
    """What is asked for: where `member_id` is None, all of it."""

    event_id: str
    member_id: str | None = None

    def streams(self) -> Sequence[StreamName]:
        all_of_it = stream("conference", self.event_id), stream("agenda", self.event_id)
        if self.member_id is None:
            return all_of_it
        return (*all_of_it, stream("stars", self.event_id, self.member_id))


async def read_agenda(connection: Connection, taken: Taken) -> tuple[int, int, Programme]:
    statement = SQL["whole" if taken.member_id is None else "starred"]
    parameters = {
        "event_id": taken.event_id,
        "member_id": taken.member_id,
        "streams": list(taken.streams()),
    }
    cursor = await connection.execute(statement, parameters, prepare=True)
    ((position, concerned, agenda, items, speakers),) = await cursor.fetchall()
    programme = Programme(
        json.decode(agenda, type=Agenda) if agenda else Agenda(taken.event_id, "", "UTC"),
        json.decode(items, type=list[Item]),
        {s.speaker_id: s for s in json.decode(speakers, type=list[Speaker])},
    )
    return position, concerned, programme


async def fold_agenda(connection: Connection, taken: Taken) -> tuple[int, Programme]:
    log = await event_log.streams(connection, taken.streams())
    rows = folded(SESSIONS, log)
    agenda = rows[AGENDAS].get((taken.event_id,), Agenda(taken.event_id, "", "UTC"))
    stars = {star.item_id for star in rows[STARS].values() if star.starred}
    items = [
        item for item in rows[ITEMS].values() if taken.member_id is None or item.item_id in stars
    ]
    speakers = {speaker.speaker_id: speaker for speaker in rows[SPEAKERS].values()}
    return event_log.last(log), Programme(agenda, items, speakers)


async def read_link(
    connection: Connection, event_id: str, member_id: str
) -> tuple[int, int, str | None]:
    """With the end of the log, read before: the link is shown as of then, or later."""
    end = await event_log.end(connection)
    return end, 0, await link_digest(connection, event_id, member_id)


async def folded_link(
    connection: Connection, event_id: str, member_id: str
) -> tuple[int, str | None]:
    return (await read_link(connection, event_id, member_id))[::2]


async def link_digest(connection: Connection, event_id: str, member_id: str) -> str | None:
    """From the log itself: a link that was revoked a moment ago opens nothing any more."""
    log = await event_log.streams(connection, [stream(CALENDAR_LINK.name, event_id, member_id)])
    state = reduce(
        lambda link, recorded: CALENDAR_LINK.evolve(link, recorded.event, recorded.at),
        log,
        CALENDAR_LINK.initial,
    )
    digest: str | None = state.digest
    return digest
