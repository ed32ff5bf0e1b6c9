"""Two copies of a read model, compared piece by piece, on a real Postgres."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.missions import CompleteMission, ResetMission
from projections.engine import comparison as module
from projections.engine import difference, tables
from projections.engine.comparison import Comparison
from projections.engine.election import connect
from projections.engine.shadow import Shadow, locked
from projections.missions.rows import LEDGER, MISSION_BOARD, MISSION_LEDGER, LedgerEntry
from sql import VIEWS
from tests.boards import clicks, end_of, opening, project, recording
from tests.projections.engine.test_rebuild import rebuilt
from tests.store import ask

Key = tuple[str, str, int]
AT = datetime(2026, 1, 1, tzinfo=UTC)
names = st.sampled_from(("", "a", "A", "a b", "a'b", "a\\b", "é", "z", "😀"))
contents = st.dictionaries(
    st.tuples(names, names, st.integers(-2, 2)), st.integers(0, 1), max_size=12
)
several = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def entries(rows: Mapping[Key, int]) -> Iterable[LedgerEntry]:
    return [LedgerEntry(*key, AT, "goals", "completed", points) for key, points in rows.items()]


async def compared(
    database: str, old: Mapping[Key, int], new: Mapping[Key, int], most: int, *, whole: bool
) -> Comparison:
    async def follow(position: int) -> None:
        assert position == 0

    async with (
        locked(database, "mission_ledger") as ours,
        await connect(database, "test") as theirs,
    ):
        assert ours
        shadow = Shadow(MISSION_LEDGER, ours)
        try:
            await shadow.make()
            await tables.write(theirs, tables.insert_statement(LEDGER, VIEWS), entries(old))
            await shadow.write(LEDGER, entries(new))
            await shadow.finish(0)
            comparison = Comparison(theirs, shadow, MISSION_LEDGER, follow, 0)
            await comparison.run(most, whole=whole)
            return comparison
        finally:
            await shadow.clear()


@several
@given(old=contents, new=contents, same=st.booleans(), size=st.integers(1, 5), whole=st.booleans())
def test_pieces_of_any_size_find_the_rows_that_differ_and_no_others(
    database: str,
    old: dict[Key, int],
    new: dict[Key, int],
    same: bool,
    size: int,
    whole: bool,
) -> None:
    new = old if same else new
    ask(database, "TRUNCATE views.mission_ledger")
    asyncio.run(project(database))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(difference, "MOST", size)
        found = asyncio.run(compared(database, old, new, 100, whole=whole))
        first = asyncio.run(compared(database, {}, new, 2, whole=whole))
    differ = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    assert [one.key for one in found.found] == sorted(differ)
    assert found.differs == first.differs == bool(differ)
    assert [one.key for one in first.found] == sorted(differ)[:2]
    (digest,) = found.digests
    assert digest.rows == len(new)


# While life goes on
@pytest.fixture
def pieces_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "MOST", 1)


ABOUT: Any = {"event_id": "evt_1", "mission_id": "goals"}
MEMBERS = ("ada", "ben", "cyd", "dan")


@pytest.mark.usefixtures("pieces_of_one")
@pytest.mark.parametrize("when", ["stands", "read_expired", "ended"])
def test_rows_that_change_meanwhile_are_no_difference(
    database: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Before the snapshot of each piece, and within it: rows before it, in it and behind it."""
    plain: Callable[..., Any] = getattr(module, when)
    turns = itertools.cycle((ResetMission, CompleteMission))

    async def changed(*about: Any) -> Any:
        found = await plain(*about)
        click = next(turns)
        await asyncio.to_thread(record, *(click(**ABOUT, member_id=member) for member in MEMBERS))
        await project(database, [MISSION_BOARD])
        return found

    monkeypatch.setattr(module, when, changed)
    with recording(database) as record:
        record(*opening(), *(click for member in MEMBERS for click in clicks(1, member)))
        asyncio.run(project(database))
        before = end_of(database)
        done = rebuilt(database, MISSION_BOARD)
    assert (done.different, [digest.rows for digest in done.digests]) == ([], [1, 4])
    assert before < done.position == end_of(database)


@pytest.mark.usefixtures("pieces_of_one")
def test_no_snapshot_lasts_longer_than_a_piece(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    compare = Comparison._compare

    async def noted(self: Comparison, *about: Any) -> Any:
        held.append(ask(database, SNAPSHOTS)[0][0])
        return await compare(self, *about)

    monkeypatch.setattr(Comparison, "_compare", noted)
    with recording(database) as record:
        record(*opening(), *(click for member in MEMBERS for click in clicks(1, member)))
    asyncio.run(project(database))
    rebuilt(database, MISSION_BOARD)
    assert held == [0] * (2 + 5)  # a piece of each row, and an empty one at the end of each table


SNAPSHOTS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
    AND pid <> pg_backend_pid()
    AND (backend_xmin IS NOT NULL OR xact_start IS NOT NULL)"""
