"""Rows of missions: the board, the ledger of points, the leaderboard, and the live feed."""

from collections.abc import Callable, Iterable, Iterator, Set
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.attendees import (
    AttendeeErased,
    AttendeeProfileChanged,
    AttendeeRegistered,
    Profile,
)
from domain.blocks import MemberBlocked, MemberUnblocked
from domain.catalogues import CataloguePublished, Mission
from domain.missions import (
    Left,
    MissionCompleted,
    MissionReopened,
    MissionReset,
    MissionStarted,
    Status,
)
from domain.personal import ERASED
from projections.engine.feed import Announcement, feed
from projections.read_model import Change, ReadModel, Table


def standing(event: Any) -> tuple[str, Status, int] | None:
    """Which mission an event moves, to where, and the points that it is worth then."""
    match event:
        case MissionStarted(mission_id=mission):
            return mission, "in_progress", 0
        case MissionCompleted(mission_id=mission, points=points):
            return mission, "completed", points
        case MissionReopened(mission_id=mission, status=status):
            return mission, status, 0
        case MissionReset(mission_id=mission):
            return mission, "not_started", 0
    return None


def gain(event: Any) -> tuple[int, int]:
    """How an event changes a member's points and number of completed missions."""
    match event:
        case MissionCompleted(points=points):
            return points, 1
        case MissionReopened(points=points):
            return -points, -1
    return 0, 0


# The board
class Catalogue(Struct, frozen=True):
    event_id: str
    missions: tuple[Mission, ...]


class MemberMission(Struct, frozen=True):
    event_id: str
    member_id: str
    mission_id: str
    status: Status
    points_earned: int
    updated_at: datetime


CATALOGUES = Table("mission_catalogues", Catalogue, keys=1, overwrites=True)
MEMBER_MISSIONS = Table("member_missions", MemberMission, keys=3, overwrites=True)


def project_board(recorded: Recorded) -> Iterator[Change]:
    event = recorded.event
    if isinstance(event, CataloguePublished):
        catalogue = Catalogue(recorded.scope_id, event.missions)
        yield Change(CATALOGUES, (recorded.scope_id,), lambda old: catalogue)
    elif moved := standing(event):
        mission, status, points = moved
        member = recorded.member
        row = MemberMission(*member, mission, status, points, recorded.at)
        yield Change(MEMBER_MISSIONS, (*member, mission), lambda old: row)


# The ledger
class LedgerEntry(Struct, frozen=True):
    event_id: str
    member_id: str
    position: int
    at: datetime
    mission_id: str
    cause: str
    points: int


LEDGER = Table("mission_ledger", LedgerEntry, keys=3, overwrites=True)


def project_ledger(recorded: Recorded) -> Iterator[Change]:
    match recorded.event:
        case MissionCompleted(mission_id=mission, points=points, cause=cause):
            yield _entry(recorded, mission, cause, points)
        case MissionReopened(mission_id=mission, points=points, status=status):
            cause_: Literal["reset", "reopened"] = (
                "reset" if status == "not_started" else "reopened"
            )
            yield _entry(recorded, mission, cause_, -points)


def _entry(recorded: Recorded, mission: str, cause: str, points: int) -> Change:
    key = (*recorded.member, recorded.position)
    row = LedgerEntry(*key, recorded.at, mission, cause, points)
    return Change(LEDGER, key, lambda old: row)


# The leaderboard
class Rank(Struct, frozen=True):
    """`reached_*`: when the points became what they are. What is worth nothing does not move it,
    or it would cost a member their place among those with as many points. `blocks`: whom the
    member blocks, in order."""

    event_id: str
    member_id: str
    name: str
    shown: bool = True
    points_earned: int = 0
    missions_completed: int = 0
    reached_at: datetime | None = None
    reached_position: int = 0
    blocks: tuple[str, ...] = ()


LEADERBOARD = Table("leaderboard", Rank, keys=2)


def project_leaderboard(recorded: Recorded) -> Iterator[Change]:
    match recorded.event:
        case AttendeeRegistered(profile=profile) | AttendeeProfileChanged(profile=profile):
            yield _ranked(recorded, lambda rank: _named(rank, profile))
        case AttendeeErased():
            yield _ranked(recorded, lambda rank: replace(rank, name=ERASED, shown=False))
        case MissionCompleted() | MissionReopened():
            yield _ranked(recorded, lambda rank: _scored(rank, recorded))
        case MemberBlocked(blocked_member_id=other):
            yield _ranked(recorded, lambda rank: _blocking(rank, {*rank.blocks, other}))
        case MemberUnblocked(blocked_member_id=other):
            yield _ranked(recorded, lambda rank: _blocking(rank, {*rank.blocks} - {other}))


def _blocking(rank: Rank, members: Set[str]) -> Rank:
    return replace(rank, blocks=tuple(sorted(members)))


def _ranked(recorded: Recorded, change: Callable[[Rank], Rank]) -> Change:
    """A member without a profile goes by their id."""
    key = recorded.member
    return Change(LEADERBOARD, key, lambda old: change(old or Rank(*key, name=key[1])))


def _scored(rank: Rank, recorded: Recorded) -> Rank:
    points, missions = gain(recorded.event)
    if points or rank.reached_at is None:
        rank = replace(rank, reached_at=recorded.at, reached_position=recorded.position)
    return replace(
        rank,
        points_earned=rank.points_earned + points,
        missions_completed=rank.missions_completed + missions,
    )


def _named(rank: Rank, profile: Profile) -> Rank:
    shown = profile.on_leaderboard and profile.visibility == "listed"
    return replace(rank, name=profile.name, shown=shown)


# The live feed: its messages, and the rows that they are functions of
class Totals(Struct, frozen=True):
    event_id: str
    missions_total: int = 0
    points_total: int = 0


class Gained(Struct, frozen=True):
    event_id: str
    member_id: str
    points_earned: int = 0
    missions_completed: int = 0


class Progress(Struct, frozen=True):
    """All that a member has completed, and all that they have or can complete: what is completed
    counts in both, with the points earned for it, and the other active missions count with what
    they are worth now. So there is never more of the first than of the second."""

    points_earned: int
    missions_completed: int
    missions_total: int
    points_total: int


class MissionUpdated(Struct, frozen=True, tag="MISSION_UPDATED"):
    missionId: str  # noqa: N815 - a promise to clients
    status: Status
    points_earned: int
    progress: Progress


TOTALS = Table("live_missions_totals", Totals, keys=1, overwrites=True)
GAINED = Table("live_missions_progress", Gained, keys=2)


def totals(missions: Iterable[Mission]) -> tuple[int, int]:
    active = [mission.points for mission in missions if mission.active]
    return len(active), sum(active)


def announce(recorded: Recorded) -> Iterator[Change | Announcement]:
    """A member hears of each change to a mission of theirs, with what they have and can have."""
    event = recorded.event
    if isinstance(event, CataloguePublished):
        counted = Totals(recorded.scope_id, *totals(event.missions))
        yield Change(TOTALS, (recorded.scope_id,), lambda old: counted)
    elif moved := standing(event):
        member, (points, missions) = recorded.member, gain(event)
        yield Change(GAINED, member, lambda old: _more(old or Gained(*member), points, missions))
        yield Announcement(
            member[1],
            lambda gained, of: MissionUpdated(
                *moved, _progress(gained, event.left, of or Totals(member[0]))
            ),
            ((GAINED, member), (TOTALS, member[:1])),
        )


def _more(gained: Gained, points: int, missions: int) -> Gained:
    return replace(
        gained,
        points_earned=gained.points_earned + points,
        missions_completed=gained.missions_completed + missions,
    )


def _progress(gained: Gained, left: Left | None, of: Totals) -> Progress:
    """Events of earlier versions do not say what was left: the active missions are all then."""
    points, missions = gained.points_earned, gained.missions_completed
    if left is None:
        return Progress(points, missions, of.missions_total, of.points_total)
    return Progress(points, missions, missions + left.missions, points + left.points)


MISSION_BOARD = ReadModel("mission_board", (CATALOGUES, MEMBER_MISSIONS), project_board)
MISSION_LEDGER = ReadModel("mission_ledger", (LEDGER,), project_ledger)
MISSION_LEADERBOARD = ReadModel("leaderboard", (LEADERBOARD,), project_leaderboard)
LIVE_MISSIONS = feed("live_missions", ("catalogue", "missions"), announce, (TOTALS, GAINED))
