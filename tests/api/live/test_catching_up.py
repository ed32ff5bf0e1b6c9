"""Catching up: of a thousand who ask at once each gets what they would have got alone,
by a few queries."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from api.live import catching_up as module
from api.live.catching_up import CatchingUp, Said, SaidRow
from api.live.ids import NAMES
from api.live.reader import Reader, retry, retry_within
from tests.api.live.hearing import LATER
from tests.projections.missions.test_time_travel import several
from tests.store import ask

EVENTS, MEMBERS = ("evt_1", "evt_2"), ("ada", "ben", "cyd")
audiences = st.tuples(st.sampled_from(EVENTS), st.sampled_from(MEMBERS))
rows = st.lists(st.tuples(st.integers(0, len(NAMES) - 1), audiences), max_size=40)
asked = st.lists(
    st.tuples(
        audiences,
        st.lists(st.integers(0, 40), min_size=len(NAMES), max_size=len(NAMES)),
        st.none() | st.integers(0, 6),
    ),
    min_size=1,
    max_size=12,
)
# Positions at which something came belated, in the order of its numbers
belated_ones = st.lists(st.integers(1, 40), unique=True, max_size=6)
SHOWN = [50 + place for place in range(len(NAMES))]


INSERT = "INSERT INTO views.{} VALUES (%s, %s, %s, %s, %s)"
BELATED = (
    "INSERT INTO views.belated (event_id, member_id, position, reader) VALUES (%s, %s, %s, %s)"
)


def reader(audience: tuple[str, str], sent: list[int], belated: int | None = 0) -> Reader:
    one = Reader(audience, sent, 0, LATER, None)
    one.belated = belated
    return one


def write(
    database: str, said: list[tuple[int, tuple[str, str]]], belated: Sequence[int] = ()
) -> None:
    ask(database, "TRUNCATE views.belated RESTART IDENTITY")
    for name, shown in zip(NAMES, SHOWN, strict=True):
        ask(database, f"TRUNCATE views.{name}")
        ask(
            database,
            "INSERT INTO views.positions (name, kind, position) VALUES (%s, 'read_model', %s) "
            "ON CONFLICT DO NOTHING",
            *(name, shown),
        )
    for position, (place, (event, member)) in enumerate(said, 1):
        row = event, member, position, "T", f'{{"at":{position}}}'
        ask(database, INSERT.format(NAMES[place]), *row)
    for position in belated:
        place, audience = said[position - 1]
        ask(database, BELATED, *audience, position, NAMES[place])


def alone(
    said: list[tuple[int, tuple[str, str]]], belated: Sequence[int], one: Reader, most: int
) -> Said:
    theirs = {p: place for p, (place, to) in enumerate(said, 1) if to == one.audience}
    numbers = {p: seq for seq, p in enumerate(belated, 1) if p in theirs}
    again = [
        (theirs[p], p, seq)
        for p, seq in numbers.items()
        if one.belated is not None and seq > one.belated and p <= one.sent[theirs[p]]
    ]
    new = [(place, p, None) for p, place in theirs.items() if p > one.sent[place]]
    found: list[SaidRow] = [(f, p, "T", f'{{"at":{p}}}', seq) for f, p, seq in [*again, *new]]
    return Said(SHOWN, max(numbers.values(), default=0), found[:most], len(found) >= most)


@asynccontextmanager
async def counted(database: str) -> AsyncIterator[tuple[CatchingUp, Counter[str]]]:
    """And how many connections were taken from the pool."""
    pool: Any = AsyncConnectionPool(
        database, min_size=2, max_size=3, open=False, kwargs={"autocommit": True}
    )
    counts: Counter[str] = Counter()
    plain = pool.connection

    def connection() -> Any:
        counts["taken"] += 1
        return plain()

    pool.connection = connection
    async with pool:
        yield CatchingUp(pool), counts


@several
@given(said=rows, late=belated_ones, asks=asked, page=st.integers(1, 12), each=st.integers(1, 4))
def test_many_at_once_get_what_each_would_have_got_alone(
    database: str,
    said: list[tuple[int, tuple[str, str]]],
    late: list[int],
    asks: list[tuple[tuple[str, str], list[int], int | None]],
    page: int,
    each: int,
) -> None:
    belated = [position for position in late if position <= len(said)]
    write(database, said, belated)
    readers = [reader(*one) for one in asks]

    async def story() -> list[Said]:
        async with counted(database) as (catching_up, _):
            return await asyncio.gather(*map(catching_up.since, readers))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", page)
        patch.setattr(module, "EACH", each)
        patch.setattr(module, "QUERIES", 1)
        found = asyncio.run(story())
    most = max(page // len(readers), min(page, each))
    assert found == [alone(said, belated, one, most) for one in readers]


def test_thousand_readers_are_a_few_queries_and_one_that_is_alone_gets_a_whole_page(
    database: str,
) -> None:
    write(database, [(0, ("evt_1", "ada"))] * module.PAGE)

    async def story() -> None:
        async with counted(database) as (catching_up, counts):
            one = reader(("evt_1", "ada"), [0] * len(NAMES))
            said = await catching_up.since(one)
            assert (len(said.rows), said.more, counts["taken"]) == (module.PAGE, True, 1)
            counts.clear()
            waiting = [catching_up.since(one) for _ in range(1_000)]
            gone, staying = waiting[:300], waiting[300:]
            for future in gone:
                future.cancel()
            found = await asyncio.gather(*staying)
            assert {len(said.rows) for said in found} == {module.EACH}
            assert counts["taken"] <= 700 // module.TOGETHER + 2 + module.QUERIES

    asyncio.run(story())


def test_standing_is_one_query_for_all_who_ask_before_it_is_sent(database: str) -> None:
    write(database, [])

    async def story() -> None:
        async with counted(database) as (catching_up, counts):
            found = await asyncio.gather(*(catching_up.standing() for _ in range(100)))
            assert counts["taken"] == 1
            assert all(standing.shown == SHOWN for standing in found)
            ask(database, "UPDATE views.positions SET position = position + 1")
            later = await catching_up.standing()
            assert later.shown == [position + 1 for position in SHOWN]

    asyncio.run(story())


@pytest.mark.parametrize("error", [PoolTimeout(), psycopg.OperationalError()])
def test_store_that_is_away_is_told_to_all_who_wait(error: Exception) -> None:
    class Away:
        def connection(self) -> Any:
            raise error

    async def story() -> None:
        catching_up = CatchingUp(Away())  # type: ignore[arg-type]
        one = reader(("evt_1", "ada"), [0] * len(NAMES))
        about = [catching_up.since(one) for _ in range(3)]
        told = await asyncio.gather(*about, catching_up.standing(), return_exceptions=True)
        assert told == [error] * 4
        again = await asyncio.gather(catching_up.since(one), return_exceptions=True)
        assert again == [error]

    asyncio.run(story())


@given(readers=st.integers(0, 100_000))
def test_clients_come_back_at_times_that_differ_and_not_too_many_a_second(readers: int) -> None:
    least, most = retry_within(readers)
    assert least == 500
    assert most >= 2_000
    assert readers * 1_000 // 1_500 <= most - least
    field, _, milliseconds = retry(readers).decode().partition(": ")
    assert field == "retry"
    assert least <= int(milliseconds) <= most
    assert milliseconds.endswith("\n\n")
