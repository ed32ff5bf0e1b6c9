"""A member's rank, as the statement counts it, is their place in a plain sort of all rows."""

import asyncio
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.engine.election import connect
from projections.engine.reading import answer_of, read, worded
from projections.missions.leaderboard import LEADERBOARD, LeaderboardAsk, leaderboard, ranked
from projections.missions.rows import Rank
from tests.boards import NINE
from tests.projections.missions.test_time_travel import several
from tests.store import ask

EVENT = "evt_1"
SOME = "abcdefgh"
rows = st.builds(
    Rank,
    event_id=st.just(EVENT),
    member_id=st.sampled_from(SOME),
    name=st.just("x"),
    shown=st.sampled_from([True, True, True, False]),
    points_earned=st.integers(-1, 2),
    missions_completed=st.integers(0, 2),
    reached_at=st.just(NINE),
    reached_position=st.integers(1, 1_000),
)
several_rows = st.lists(rows, unique_by=lambda rank: rank.member_id).map(
    lambda found: [replace(r, reached_position=1_000 * i) for i, r in enumerate(found, 1)]
)
INSERT = """
    INSERT INTO views.leaderboard
    SELECT * FROM json_populate_recordset(NULL::views.leaderboard, %s)
"""


def put(database: str, stored: list[Rank]) -> None:
    ask(database, "TRUNCATE views.leaderboard")
    others = [replace(rank, event_id="evt_2", points_earned=9) for rank in stored]
    ask(database, INSERT, msgspec.json.encode([*stored, *others]).decode())


@several
@given(stored=several_rows, anew=several_rows, limit=st.integers(1, 9))
def test_rank_is_the_place_in_a_sort_of_all(
    database: str, stored: list[Rank], anew: list[Rank], limit: int
) -> None:
    """Also where rows that were folded anew stand for those of the table."""
    anew = [replace(rank, reached_position=rank.reached_position + 1) for rank in anew]
    put(database, stored)
    asks = [LeaderboardAsk(EVENT, member, limit) for member in SOME]

    async def asked() -> list[Any]:
        async with await connect(database, "reader") as connection:
            return await read(connection, LEADERBOARD, asks, anew)

    shown = {(rank.event_id, rank.member_id): rank for rank in (*stored, *anew)}
    found = asyncio.run(asked())
    for one, member in zip(found, asks, strict=True):
        plain = leaderboard(member, ranked(member, shown))
        assert answer_of(LEADERBOARD, member, one) == plain


MANY = """
    INSERT INTO views.leaderboard
    SELECT 'evt_1', 'usr_' || n, 'x', true, n % 2, 1, now(), n FROM generate_series(1, 5000) AS n
"""


def test_those_ahead_are_counted_in_the_index_and_no_others_are_looked_at(database: str) -> None:
    ask(database, MANY)
    ask(database, "ANALYZE views.leaderboard")
    statement = worded(LEADERBOARD).replace("%(asks)s", "%s")
    asks = [{"n": 0, "concerns": [], "refolded": [], **one} for one in (FIRST,)]
    plan = ask(
        database, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", msgspec.json.encode(asks).decode()
    )
    nodes = [*walk(plan[0][0][0]["Plan"])]
    assert not [
        n for n in nodes if n.get("Relation Name") == "leaderboard" and n["Node Type"] == "Seq Scan"
    ]
    looked_at = [
        n["Actual Rows"] + n.get("Rows Removed by Filter", 0)
        for n in nodes
        if n.get("Relation Name") == "leaderboard"
        or n.get("Index Name", "").startswith("leaderboard")
    ]
    assert sum(looked_at) < 200


FIRST = {"event_id": EVENT, "member_id": "usr_19", "limit": 10}  # nine of 2,500 were earlier


def walk(node: dict[str, Any]) -> Any:
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)
