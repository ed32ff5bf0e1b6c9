"""The questions that the mission tables answer. Each answer comes with the position that it
shows; each question that is about one member can also be answered from the log alone."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct, json

from domain.aggregate import Recorded, StreamName, stream
from domain.catalogues import Mission
from domain.missions import Status, locked
from projections.engine import event_log
from projections.engine.event_log import Connection
from projections.missions.rows import (
    CATALOGUES,
    LEADERBOARD,
    LEDGER,
    MEMBER_MISSIONS,
    MISSION_BOARD,
    MISSION_LEADERBOARD,
    MISSION_LEDGER,
    Catalogue,
    LedgerEntry,
    MemberMission,
    Progress,
    Rank,
    totals,
)
from projections.read_model import Rows, fold, folded
from sql import statements

SQL = statements("missions")
PAGE = 1_000  # events


class Stands(Protocol):
    """Both the read model's row and the state that rules look at."""

    @property
    def status(self) -> Status: ...
    @property
    def points_earned(self) -> int: ...
    @property
    def updated_at(self) -> datetime | None: ...


class BoardMission(Struct, frozen=True):
    id: str
    title: str
    description: str
    category: str
    points: int
    status: Literal["not_started", "in_progress", "completed", "locked"]
    points_earned: int
    updated_at: datetime | None
    requires: tuple[str, ...]


class Board(Struct, frozen=True):
    event_id: str
    member_id: str
    missions: list[BoardMission]
    progress: Progress


def board(
    event_id: str,
    member_id: str,
    catalogue: Iterable[Mission],
    standings: Mapping[str, Stands],
) -> Board:
    """The catalogue's active missions, as far as the member is with each."""
    completed = {id_ for id_, s in standings.items() if s.status == "completed"}
    active = [mission for mission in catalogue if mission.active]
    return Board(
        event_id,
        member_id,
        [_mission(mission, standings.get(mission.id), completed) for mission in active],
        Progress(
            sum(s.points_earned for s in standings.values()),
            len(completed),
            *totals(active),
        ),
    )


def _mission(mission: Mission, standing: Stands | None, completed: set[str]) -> BoardMission:
    status: Status = standing.status if standing else "not_started"
    return BoardMission(
        mission.id,
        mission.title,
        mission.description,
        mission.category,
        mission.points,
        "locked" if locked(mission, status, completed) else status,
        standing.points_earned if standing else 0,
        standing.updated_at if standing else None,
        mission.requires,
    )


async def read_board(
    connection: Connection, event_id: str, member_id: str
) -> tuple[int, int, Board]:
    catalogue, own = streams_of(event_id, member_id)
    parameters = {
        "event_id": event_id,
        "member_id": member_id,
        "catalogue": catalogue,
        "board": own,
    }
    cursor = await connection.execute(SQL["board"], parameters, prepare=True)
    ((position, concerned, missions, rows),) = await cursor.fetchall()
    standings = {row.mission_id: row for row in json.decode(rows, type=list[MemberMission])}
    known = json.decode(missions, type=Catalogue).missions if missions else ()
    return position, concerned, board(event_id, member_id, known, standings)


async def fold_board(
    connection: Connection,
    event_id: str,
    member_id: str,
    until: int = event_log.END,
    as_of: datetime | None = None,
) -> tuple[int, Board]:
    """From the log, up to a position or a moment. The position is that of the last event used:
    a moment is one position of the streams that the board is made of."""
    own = streams_of(event_id, member_id)
    log = await event_log.streams_as_of(connection, own, until, as_of)
    rows = folded(MISSION_BOARD, log)
    catalogue = rows[CATALOGUES].get((event_id,))
    standings = {row.mission_id: row for row in rows[MEMBER_MISSIONS].values()}
    missions = catalogue.missions if catalogue else ()
    return event_log.last(log), board(event_id, member_id, missions, standings)


class Entry(Struct, frozen=True):
    position: int
    at: datetime
    mission_id: str
    cause: str
    points: int
    balance: int


class Ledger(Struct, frozen=True):
    event_id: str
    member_id: str
    entries: list[Entry]
    balance: int


def ledger(event_id: str, member_id: str, rows: Iterable[LedgerEntry]) -> Ledger:
    entries: list[Entry] = []
    balance = 0
    for row in rows:
        balance += row.points
        entries.append(Entry(row.position, row.at, row.mission_id, row.cause, row.points, balance))
    return Ledger(event_id, member_id, entries, balance)


async def read_ledger(
    connection: Connection, event_id: str, member_id: str
) -> tuple[int, int, Ledger]:
    _, own = streams_of(event_id, member_id)
    parameters = {"event_id": event_id, "member_id": member_id, "board": own}
    cursor = await connection.execute(SQL["ledger"], parameters, prepare=True)
    ((position, concerned, rows),) = await cursor.fetchall()
    return (
        position,
        concerned,
        ledger(event_id, member_id, json.decode(rows, type=list[LedgerEntry])),
    )


async def fold_ledger(
    connection: Connection,
    event_id: str,
    member_id: str,
    until: int = event_log.END,
    as_of: datetime | None = None,
) -> tuple[int, Ledger]:
    _, own = streams_of(event_id, member_id)
    log = await event_log.streams_as_of(connection, [own], until, as_of)
    entries = folded(MISSION_LEDGER, log)[LEDGER].values()
    return event_log.last(log), ledger(event_id, member_id, entries)


class Place(Struct, frozen=True):
    rank: int
    member_id: str
    name: str
    points_earned: int
    missions_completed: int
    reached_at: datetime


class Me(Struct, frozen=True):
    """No rank: not shown, or nothing completed yet."""

    rank: int | None
    points_earned: int


class Leaderboard(Struct, frozen=True):
    event_id: str
    entries: list[Place]
    me: Me


def leaderboard(
    event_id: str, first: Iterable[Rank], me: Rank | None, ahead_of_me: int
) -> Leaderboard:
    places = [
        Place(i, r.member_id, r.name, r.points_earned, r.missions_completed, r.reached_at)
        for i, r in enumerate(first, 1)
        if r.reached_at
    ]
    ranked = me is not None and me.shown and me.missions_completed > 0
    rank = ahead_of_me + 1 if ranked else None
    return Leaderboard(event_id, places, Me(rank, me.points_earned if me else 0))


async def read_leaderboard(
    connection: Connection, event_id: str, member_id: str, limit: int
) -> tuple[int, int, Leaderboard]:
    _, own = streams_of(event_id, member_id)
    parameters = {"event_id": event_id, "member_id": member_id, "limit": limit, "board": own}
    cursor = await connection.execute(SQL["leaderboard"], parameters, prepare=True)
    ((position, concerned, first, me, ahead),) = await cursor.fetchall()
    return (
        position,
        concerned,
        leaderboard(
            event_id,
            json.decode(first, type=list[Rank]),
            json.decode(me, type=Rank) if me else None,
            ahead,
        ),
    )


async def fold_leaderboard(
    connection: Connection, event_id: str, member_id: str, limit: int
) -> tuple[int, Leaderboard]:
    """What the read model holds, what it holds back, and what the log has of this event since, in
    memory."""
    cursor = await connection.execute(SQL["ranked"], {"event_id": event_id})
    ((position, found, held_back),) = await cursor.fetchall()
    ranks = json.decode(found, type=list[Rank])
    rows: Rows = {LEADERBOARD: {(r.event_id, r.member_id): r for r in ranks}}
    for recorded in await event_log.streams(connection, list(held_back), position):
        if recorded.position >= held_back[recorded.stream]:
            fold(rows, MISSION_LEADERBOARD.project(recorded))
    while page := await _since(connection, event_id, position):
        for recorded in page:
            fold(rows, MISSION_LEADERBOARD.project(recorded))
        position = page[-1].position
    return position, _ranked(rows, event_id, member_id, limit)


async def past_leaderboard(
    connection: Connection,
    event_id: str,
    member_id: str,
    limit: int,
    until: int = event_log.END,
    as_of: datetime | None = None,
) -> tuple[int, Leaderboard]:
    """From the log alone, up to a position or a moment."""
    if as_of is not None:
        parameters = _of_event(event_id) | {"moment": as_of}
        ((until,),) = await (await connection.execute(SQL["stamped_by"], parameters)).fetchall()
    rows: Rows = {LEADERBOARD: {}}
    position = 0
    while page := await _since(connection, event_id, position, until):
        for recorded in page:
            fold(rows, MISSION_LEADERBOARD.project(recorded))
        position = page[-1].position
    return position, _ranked(rows, event_id, member_id, limit)


def _ranked(rows: Rows, event_id: str, member_id: str, limit: int) -> Leaderboard:
    ranked = rows[LEADERBOARD]
    me = ranked.get((event_id, member_id))
    shown = sorted((r for r in ranked.values() if r.shown and r.missions_completed), key=_order)
    ahead = sum(_order(rank) < _order(me) for rank in shown) if me else 0
    return leaderboard(event_id, shown[:limit], me, ahead)


def _of_event(event_id: str) -> dict[str, str]:
    return {"attendees": stream("attendee", event_id), "boards": stream("missions", event_id)}


async def _since(
    connection: Connection, event_id: str, after: int, until: int = event_log.END
) -> list[Recorded]:
    """A page of what may move the leaderboard of an event. Others have their turn at each."""
    parameters = {**_of_event(event_id), "after": after, "until": until, "most": PAGE}
    rows = await (await connection.execute(SQL["since"], parameters)).fetchall()
    return await event_log.recorded(connection, rows)


def _order(rank: Rank) -> tuple[int, int]:
    return -rank.points_earned, rank.reached_position


def streams_of(event_id: str, member_id: str) -> tuple[StreamName, StreamName]:
    """What a board is made of."""
    return stream("catalogue", event_id), stream("missions", event_id, member_id)
