"""Messages about events that a feed had parked: open screens hear them, and so does whoever comes
back, once each."""

import asyncio
from functools import partial
from operator import eq
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.live import ids
from api.live.ids import NAMES, parsed
from api.live.reader import Reader
from tests.api.live.hearing import LATER, Process, ids_of, positions, recorded, serving
from tests.boards import EVENT, Record, end_of, opening, project, recording, session, star
from tests.projections.engine.test_newer_events import older
from tests.waiting import eventually


def rows_of(*said: tuple[int, int, int | None]) -> list[tuple[Any, ...]]:
    return [(feed, position, "X", "{}", seq) for feed, position, seq in said]


async def story(database: str, nats: str, record: Record) -> None:
    await asyncio.to_thread(record, *opening(), session("s1"), star("s1"))
    waits = await recorded(record, 3)
    with older():
        await project(database)
    async with serving(database, nats) as process:
        known: list[str] = []
        told = await process.read(0, ids=known)
        fresh = await process.read(None)
        (moved,) = await asyncio.to_thread(record, session("s1", hours=1))
        with older():
            await project(database)
        await eventually(lambda: told == fresh == [moved])
        async with serving(database, nats) as other:
            gone = (await other.live.join((EVENT, "ada"), parsed(known[-1]), LATER, None)).belated
            assert gone == 0
        await project(database)
        await eventually(lambda: told == fresh == [moved, *waits])
        (again,) = await asyncio.to_thread(record, session("s1", hours=2))
        await project(database)
        await eventually(lambda: told == fresh == [moved, *waits, again])
        await resumed(database, nats, process, told, known)


async def resumed(
    database: str, nats: str, process: Process, told: list[int], known: list[str]
) -> None:
    """By each id exactly the rest, also from a process that has seen nothing of it."""
    async with serving(database, nats) as other:
        for serves in (process, other):
            come_back = [await serves.read(id_) for id_ in known]
            new = await serves.read(None)
            rest = [told[i:] for i in range(1, len(told) + 1)]
            await eventually(partial(eq, come_back, rest))
            assert new == []
        with recording(database) as record:
            (last,) = await asyncio.to_thread(record, session("s1", hours=3))
        await project(database)
        await eventually(lambda: new == [last])
        assert last == end_of(database)


def test_it_is_heard_once_by_open_screens_and_by_whoever_comes_back(
    database: str, nats: str
) -> None:
    with recording(database) as record:
        asyncio.run(story(database, nats, record))


said = st.lists(st.tuples(st.integers(0, len(NAMES) - 1), st.integers(1, 60)), max_size=8)


@given(said, st.lists(st.integers(1, 60), min_size=len(NAMES), max_size=len(NAMES)), st.data())
def test_ids_say_how_far_each_feed_was_heard_and_what_came_belated(
    belated: list[tuple[int, int]], sent: list[int], data: st.DataObject
) -> None:
    reader = Reader((EVENT, "ada"), sent, max(sent), LATER, None)
    seq = 0
    for feed, upto in belated:
        seq += data.draw(st.integers(1, 3))
        position = min(upto, sent[feed])
        pieces = reader.hear_page(rows_of((feed, position, seq)), sent, 0)
        (id_,) = ids_of(pieces[0])
        assert positions(pieces[0]) == [position]
        last = parsed(id_)
        assert last.of_each() == sent
        assert last.heard[ids.BELATED] == seq
