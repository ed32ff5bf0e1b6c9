"""From a time to a position by samples of the log: the same answers as without, wherever it was cut
into stretches, and however the clocks of those who wrote it differed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import Recorded
from projections.engine import reading, stamps
from projections.engine.election import connect
from projections.engine.reading import past_answer
from projections.engine.stamps import Until
from projections.missions.leaderboard import PAST_LEADERBOARD, LeaderboardAsk, leaderboard, ranked
from projections.missions.rows import LEADERBOARD as RANKS
from projections.missions.rows import MISSION_LEADERBOARD
from projections.read_model import folded
from tests.projections.missions.test_time_travel import BEGIN, EVENT, logs, recorded, several
from tests.store import ask

seconds = st.integers(-3, 30)
ASK = LeaderboardAsk(EVENT, "ada")


def at(second: int) -> datetime:
    return BEGIN + timedelta(seconds=second)


def is_of_scope(one: Recorded) -> bool:
    return one.stream.partition(":")[0] in {"attendee", "missions"}


def expected(log: Sequence[Recorded], moment: datetime) -> tuple[int, Any]:
    """Everything up to the last of the scope's that was stamped by then."""
    scope = [one for one in log if is_of_scope(one)]
    until = max((one.position for one in scope if one.at <= moment), default=0)
    ranks = folded(MISSION_LEADERBOARD, [one for one in scope if one.position <= until])[RANKS]
    return until, leaderboard(ASK, ranked(ASK, ranks))


@settings(several, max_examples=40)
@given(
    log=logs,
    skews=st.lists(st.integers(-8, 8), min_size=80, max_size=80),
    moment=seconds,
    stretch=st.integers(1, 12),
    sampled=st.integers(0, 40),
    page=st.integers(1, 5),
)
def test_as_of_a_time_is_the_same_however_much_is_sampled(
    database: str,
    log: list[Recorded],
    skews: list[int],
    moment: int,
    stretch: int,
    sampled: int,
    page: int,
) -> None:
    log = [
        replace(one, at=one.at + timedelta(seconds=skew))
        for one, skew in zip(log, skews[: len(log)], strict=True)
    ]
    recorded(database, log)
    ask(database, "TRUNCATE events.stamps")

    async def asked() -> tuple[int, Any]:
        async with await connect(database, "reader") as connection:
            await stamps.add(connection, sampled)
            return await past_answer(connection, PAST_LEADERBOARD, ASK, moment=at(moment))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stamps, "STRETCH", stretch)
        patch.setattr(reading, "PAGE", page)
        assert asyncio.run(asked()) == expected(log, at(moment))


@given(log=st.lists(st.integers(0, 9) | st.none()), page=st.integers(1, 4), moment=seconds)
def test_what_was_stamped_later_is_taken_with_the_next_that_was_not(
    log: list[int | None], page: int, moment: int
) -> None:
    """None: an event that cannot be read."""
    rows = [(i, "", 1, "", written(second)) for i, second in enumerate(log, 1)]
    until = Until(at(moment))
    taken = [row for i in range(0, len(rows), page) for row in until.take(rows[i : i + page])]
    last = max((i for i, s in enumerate(log, 1) if s is not None and s <= moment), default=0)
    assert taken == rows[:last]


def written(second: int | None) -> bytes:
    return b"{}" if second is None else f'{{"at": "{at(second).isoformat()}"}}'.encode()


def test_stretch_is_sampled_once_it_is_whole_also_with_what_cannot_be_read(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions may have gaps, so a stretch may be empty."""
    monkeypatch.setattr(stamps, "STRETCH", 4)
    for position, state in (
        (1, written(5)),
        (2, b"\xff"),
        (4, written(3)),
        (5, b"{}"),
        (14, written(9)),
    ):
        ask(
            database,
            "INSERT INTO events.log VALUES ('roll:evt_1', %s, 'TicketTaken', %s, %s)",
            *(position, state, position),
        )

    async def added() -> list[int]:
        async with await connect(database, "upkeep") as connection:
            return [await stamps.add(connection, 2) for _ in range(3)]

    assert asyncio.run(added()) == [2, 1, 0]
    found = ask(database, "SELECT until, earliest::text FROM events.stamps ORDER BY 1")
    assert [until for until, _ in found] == [4, 8, 12]
    assert [earliest for _, earliest in found][1:] == ["infinity", "infinity"]
