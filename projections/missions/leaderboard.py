"""The leaderboard of an event, as one of its members sees it: now, and as it was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from domain.aggregate import StreamName, stream
from domain.visibility import sees
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
    seen = (r for r in rows.values() if r.member_id == ask.member_id or _sees(ask, me, r))
    shown = sorted(filter(_is_ranked, seen), key=_order)
    ahead = sum(_order(rank) < _order(me) for rank in shown) if me else 0
    return Ranked(shown[: ask.limit], me, ahead)


def _sees(ask: LeaderboardAsk, me: Rank | None, other: Rank) -> bool:
    blocked = (me is not None and other.member_id in me.blocks) or ask.member_id in other.blocks
    return sees(other.shown, blocked)


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
    return tuple(stream(kind, event_id, member_id) for kind in ("attendee", "missions", "blocks"))


def _scope(ask: LeaderboardAsk) -> dict[str, Any]:
    return {
        "attendees": stream("attendee", ask.event_id),
        "boards": stream("missions", ask.event_id),
        "blocks": stream("blocks", ask.event_id),
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
    # The first, who reached as many points in the same stretch of the log, and who is blocked.
    bound=6_200,
)

PAST_LEADERBOARD = Past(
    LEADERBOARD,
    file="missions",
    pages="since",
    stamped_by="stamped_by",
    parameters=_scope,
    find=ranked,
)
