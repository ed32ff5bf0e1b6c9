"""The leaderboard of an event: now, and as it was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from domain.aggregate import StreamName, stream
from projections.missions.rows import LEADERBOARD as RANKS
from projections.missions.rows import MISSION_LEADERBOARD, Rank
from projections.question import MemberAsk, Past, Wide
from projections.read_model import RowKey


class LeaderboardAsk(MemberAsk, frozen=True):
    limit: int = 10


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


class Ranked(Struct, frozen=True):
    """The rows of a leaderboard: the first who are ranked, the asker's row, and how many are ranked
    before it, as if the asker were ranked too."""

    first: list[Rank]
    me: Rank | None
    ahead: int


def leaderboard(ask: LeaderboardAsk, found: Ranked) -> Leaderboard:
    places = [
        Place(i, r.member_id, r.name, r.points_earned, r.missions_completed, r.reached_at)
        for i, r in enumerate(found.first, 1)
        if r.reached_at
    ]
    me = found.me
    rank = found.ahead + 1 if me and _is_ranked(me) else None
    return Leaderboard(ask.event_id, places, Me(rank, me.points_earned if me else 0))


def ranked(ask: LeaderboardAsk, rows: Mapping[RowKey, Rank]) -> Ranked:
    """The same choice as that of the statement of this name."""
    me = rows.get(_key(ask))
    shown = sorted(filter(_is_ranked, rows.values()), key=_order)
    ahead = sum(_order(rank) < _order(me) for rank in shown) if me else 0
    return Ranked(shown[: ask.limit], me, ahead)


def _is_ranked(rank: Rank) -> bool:
    return rank.shown and rank.missions_completed > 0


def _order(rank: Rank) -> tuple[int, int]:
    """Equal points: who reached them first."""
    return -rank.points_earned, rank.reached_position


def _key(ask: LeaderboardAsk) -> RowKey:
    return ask.event_id, ask.member_id


def rank_streams(key: RowKey) -> tuple[StreamName, ...]:
    """The streams that a member's row is folded from."""
    event_id, member_id = map(str, key)
    return stream("attendee", event_id, member_id), stream("missions", event_id, member_id)


def _scope(ask: LeaderboardAsk) -> dict[str, Any]:
    return {
        "attendees": stream("attendee", ask.event_id),
        "boards": stream("missions", ask.event_id),
    }


LEADERBOARD = Wide(
    "leaderboard",
    MISSION_LEADERBOARD,
    LeaderboardAsk,
    table=RANKS,
    key=_key,
    streams=rank_streams,
    statement=("missions", "ranked"),
    found=Ranked,
    answer=leaderboard,
    bound=4_200,  # the first, and who reached as many points in the same stretch of the log
)

PAST_LEADERBOARD = Past(
    LEADERBOARD,
    file="missions",
    pages="since",
    stamped_by="stamped_by",
    parameters=_scope,
    find=ranked,
)
