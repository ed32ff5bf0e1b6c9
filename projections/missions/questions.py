"""Questions about a member's missions: the board, and where their points came from."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Literal, Protocol

from msgspec import Struct

from domain.aggregate import StreamName, stream
from domain.catalogues import Mission
from domain.missions import Status, left_of, locked
from projections.missions.rows import (
    CATALOGUES,
    LEDGER,
    MEMBER_MISSIONS,
    MISSION_BOARD,
    MISSION_LEDGER,
    LedgerEntry,
    Progress,
)
from projections.question import Found, MemberAsk, Own, keyed


class Standing(Protocol):
    """How a member is with a mission: the read model's row, and the state that rules look at."""

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
    standings: Mapping[str, Standing],
) -> Board:
    """The active missions of the catalogue, with the member's standing in each. `standings` are by
    mission, also of missions that are active no more."""
    completed = {id_ for id_, s in standings.items() if s.status == "completed"}
    active = [mission for mission in catalogue if mission.active]
    left = left_of(active, completed)
    points = sum(standings[id_].points_earned for id_ in completed)
    return Board(
        event_id,
        member_id,
        [_mission(mission, standings.get(mission.id), completed) for mission in active],
        Progress(
            points,
            len(completed),
            len(completed) + left.missions,
            points + left.points,
        ),
    )


def _mission(mission: Mission, standing: Standing | None, completed: set[str]) -> BoardMission:
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


def board_streams(ask: MemberAsk) -> tuple[StreamName, ...]:
    return stream("catalogue", ask.event_id), *ledger_streams(ask)


def _board(ask: MemberAsk, found: Found) -> Board:
    missions = [mission for catalogue in found[CATALOGUES] for mission in catalogue.missions]
    standings = {row.mission_id: row for row in found[MEMBER_MISSIONS]}
    return board(ask.event_id, ask.member_id, missions, standings)


BOARD = Own(
    "board",
    MISSION_BOARD,
    MemberAsk,
    streams=board_streams,
    rows=(keyed(CATALOGUES, 1), keyed(MEMBER_MISSIONS, 2)),
    answer=_board,
    bound=1_000,  # a catalogue has 500 missions at most, and a member keeps what was in older ones
)


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
    """With the balance after each entry."""
    entries: list[Entry] = []
    balance = 0
    for row in sorted(rows, key=attrgetter("position")):
        balance += row.points
        entries.append(Entry(row.position, row.at, row.mission_id, row.cause, row.points, balance))
    return Ledger(event_id, member_id, entries, balance)


def ledger_streams(ask: MemberAsk) -> tuple[StreamName, ...]:
    return (stream("missions", ask.event_id, ask.member_id),)


HISTORY = Own(
    "ledger",
    MISSION_LEDGER,
    MemberAsk,
    streams=ledger_streams,
    rows=(keyed(LEDGER, 2),),
    answer=lambda ask, found: ledger(ask.event_id, ask.member_id, found[LEDGER]),
    bound=10_000,  # of a member who completes and resets missions for days
    together=16,
)
