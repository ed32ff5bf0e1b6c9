"""A member's rank, as the statement counts it, is their place in a plain sort of all rows."""

import asyncio
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.engine.election import connect
from projections.engine.reading import answer_of, read, worded
from projections.engine.rebuild import rebuild
from projections.engine.tables import write_statement
from projections.missions.leaderboard import LEADERBOARD, LeaderboardAsk, leaderboard, ranked
from projections.missions.rows import LEADERBOARD as RANKS
from projections.missions.rows import MISSION_LEADERBOARD, Rank
from tests.boards import NINE
from tests.projections.missions.test_time_travel import several
from tests.store import ask
from workers.operations.upkeep import Upkeep

EVENT = "evt_1"
SOME = "abcdefgh"
rows = st.builds(
    Rank,
    event_id=st.just(EVENT),
    member_id=st.sampled_from(SOME),
    name=st.just("x"),
    shown=st.sampled_from([True, True, True, False]),
    points_earned=st.integers(-1, 2) | st.sampled_from([255, 256, 257, 700]),
    missions_completed=st.integers(0, 2),
    reached_at=st.just(NINE),
    reached_position=st.integers(1, 1_000),
)
apart = st.sampled_from([1, 1_000, 2**12, 2**21])  # how far positions are from each other
several_rows = st.builds(
    lambda found, by: [replace(r, reached_position=by * i) for i, r in enumerate(found, 1)],
    st.lists(rows, unique_by=lambda rank: rank.member_id),
    apart,
)


def put(database: str, *written: list[Rank]) -> None:
    """Writes them as the projector does, one page after another."""
    ask(database, "TRUNCATE views.leaderboard")
    statement = write_statement(RANKS).decode().replace("%(rows)s", "%s")
    for page in written:
        others = [replace(rank, event_id="evt_2", points_earned=9) for rank in page]
        ask(database, statement, msgspec.json.encode([*page, *others]).decode())


@several
@given(pages=st.lists(several_rows, max_size=4), anew=several_rows, limit=st.integers(1, 9))
def test_rank_is_the_place_in_a_sort_of_all(
    database: str, pages: list[list[Rank]], anew: list[Rank], limit: int
) -> None:
    """Also where rows that were folded anew stand for those of the table."""
    stored = [*{rank.member_id: rank for page in pages for rank in page}.values()]
    taken = {rank.reached_position for rank in stored}
    assume(len(taken) == len(stored))  # a position is one event, of one member
    anew = [replace(rank, reached_position=2**23 + rank.reached_position) for rank in anew]
    put(database, *pages)
    assert_counted(database)
    asks = [LeaderboardAsk(EVENT, member, limit) for member in SOME]

    async def asked() -> list[Any]:
        async with await connect(database, "reader") as connection:
            return await read(connection, LEADERBOARD, asks, anew)

    shown = {(rank.event_id, rank.member_id): rank for rank in (*stored, *anew)}
    found = asyncio.run(asked())
    for one, member in zip(found, asks, strict=True):
        plain = leaderboard(member, ranked(member, shown))
        assert answer_of(LEADERBOARD, member, one) == plain


# Kept by whatever writes the table
COUNTED = """
    SELECT event_id, level, points, stretch, members FROM views.leaderboard_counts
    WHERE members <> 0 ORDER BY 1, 2, 3, 4
"""


def assert_counted(database: str) -> None:
    """The counts are those of the table."""
    kept = ask(database, COUNTED)
    ask(database, "SELECT views.count_leaderboard_anew()")
    assert kept == ask(database, COUNTED)


def test_counts_are_kept_through_anything_that_is_done_to_the_table(database: str) -> None:
    for change in (
        MANY,
        "UPDATE views.leaderboard SET shown = n % 3 > 0",
        "UPDATE views.leaderboard SET name = 'y'",
        "UPDATE views.leaderboard SET event_id = 'evt_2' WHERE points_earned = 0",
        "DELETE FROM views.leaderboard WHERE shown AND points_earned = 1",
        "TRUNCATE views.leaderboard",
        MANY,
    ):
        ask(database, change.replace("n % 3", "reached_position % 3"))
        assert_counted(database)


def test_ranks_are_right_of_a_table_that_nobody_counts_until_upkeep_has_it_counted(
    database: str,
) -> None:
    """A rebuild leaves one, also by the version before, which knows nothing of counts."""
    put(database, SORTED)
    before = ranks(database)
    assert [*before.values()] == [1, 2, 3, 4]
    asyncio.run(rebuild(database, MISSION_LEADERBOARD, accept=True))  # of a log without events
    put(database, SORTED[::-1])
    assert (ranks(database), ask(database, COUNTED) != []) == (before, True)
    asyncio.run(upkept(database))
    assert_counted(database)
    put(database, SORTED[:2], SORTED[2:])
    assert_counted(database)
    assert ranks(database) == before


SORTED = [
    Rank(EVENT, member, "x", True, points, 1, NINE, position)
    for member, points, position in (("a", 600, 9), ("b", 600, 5_000), ("c", 10, 7), ("d", 0, 1))
]


def ranks(database: str) -> dict[str, int | None]:
    async def asked() -> dict[str, int | None]:
        async with await connect(database, "reader") as connection:
            asks = [LeaderboardAsk(EVENT, rank.member_id) for rank in SORTED]
            found = await read(connection, LEADERBOARD, asks)
            answers = [answer_of(LEADERBOARD, *each) for each in zip(asks, found, strict=True)]
        return {one.member_id: a.me.rank for one, a in zip(asks, answers, strict=True)}

    return asyncio.run(asked())


async def upkept(database: str) -> None:
    upkeep = Upkeep()
    await upkeep.start(database)
    try:
        while await upkeep.step():
            pass
    finally:
        await upkeep.stop()


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
