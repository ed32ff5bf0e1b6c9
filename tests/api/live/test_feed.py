import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.js.errors import NotFoundError

from api.live import catching_up
from api.live import feed as module
from api.live import reader as readers
from api.live.feed import Live
from api.live.ids import NAMES, OF_NO_FEED, LastId
from api.live.reader import Reader
from api.live.watch import Watch
from domain.agenda import CancelItem, ScheduleItem
from domain.agenda_items import AgendaItem
from domain.aggregate import Command
from domain.stars import StarSession
from tests.api.live.hearing import ADA, LATER, Process, positions, recorded, serving, working
from tests.boards import EVENT, Record, clicks, end_of, opening, recording
from tests.restarting import Restarting
from tests.waiting import eventually
from workers.bus import messages as bus

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)


def test_reader_hears_each_change_once_and_in_order_wherever_it_joins(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", LATER)  # by messages alone

    async def story(record: Record) -> tuple[list[int], list[list[int]]]:
        async with working(database, nats), serving(database, nats) as process:
            await eventually(lambda: process.watch.positions["live_missions"] == end_of(database))
            heard = [await process.read(None), await process.read(0)]
            of_ada: list[int] = []
            for i in range(20):
                of_ada += await recorded(record, 2)
                await recorded(record, 1, f"usr_{i}")
                if i % 5 == 0:
                    heard.append(await process.read(of_ada[i]))
            await eventually(lambda: all(told[-1:] == of_ada[-1:] for told in heard))
            assert process.live.counts["gaps"] == 0
            return of_ada, heard

    with recording(database) as record:
        record(*opening())
        of_ada, heard = asyncio.run(story(record))
    resumed = [of_ada[i + 1 :] for i in (0, 5, 10, 15)]
    assert heard == [of_ada, of_ada, *resumed]


def test_new_reader_of_a_process_that_has_just_begun_hears_nothing_old(
    database: str, nats: str
) -> None:
    async def story() -> None:
        process = Process(database, nats)
        async with working(database, nats):
            await process.pool.open()
            told = await process.read(None)  # it knows of no position yet
            try:
                await process.start()
                new = await asyncio.to_thread(record, *clicks(2, "ada"))
                await eventually(lambda: told[-1:] == new[-1:])
                assert told == new
            finally:
                await process.stop()

    with recording(database) as record:
        record(*opening())
        record(*clicks(10))
        asyncio.run(story())


@pytest.mark.parametrize("position", [0, 5, 12])
def test_reader_resumes_from_any_position_by_pages(
    database: str, nats: str, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "PAGE", 3)

    async def story() -> None:
        async with working(database, nats), serving(database, nats) as process:
            told = await process.read(position)
            expected = [p for p in of_ada if p > position]
            await eventually(lambda: told == expected)
            expected += await asyncio.to_thread(record, *clicks(3, "ada"))
            await eventually(lambda: told == expected)

    with recording(database) as record:
        record(*opening())
        of_ada = record(*clicks(10))
        asyncio.run(story())


@pytest.mark.parametrize("wiped", [False, True], ids=["store kept", "store wiped"])
def test_reader_misses_nothing_when_nats_is_killed(
    database: str, restarting: Restarting, wiped: bool
) -> None:
    async def story(record: Record) -> tuple[list[int], list[int]]:
        nats = restarting.start()
        async with working(database, nats.url), serving(database, nats.url) as process:
            told = await process.read()
            of_ada = await recorded(record, 4)
            restarting.kill(wiped)
            of_ada += await recorded(record, 4)
            restarting.start()
            of_ada += await recorded(record, 4)
            await eventually(lambda: told[-1:] == of_ada[-1:], 20)
            of_ada += await recorded(record, 4)
            await eventually(lambda: told[-1:] == of_ada[-1:])
            return told, of_ada

    with recording(database) as record:
        record(*opening())
        told, of_ada = asyncio.run(story(record))
    assert told == of_ada


def test_gaps_doubles_and_messages_of_a_stale_relay_change_nothing(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses and repetitions of NATS are simulated with its real messages."""
    monkeypatch.setattr(module, "POLL_SECONDS", LATER)  # by messages alone

    async def story(record: Record) -> tuple[list[int], list[int]]:
        async with serving(database, nats) as process:
            async with working(database, nats) as relay:
                of_ada = await recorded(record, 12)
                await eventually(lambda: relay.position == of_ada[-1])
            messages = await kept(nats)
            told = await process.read(of_ada[0])
            await eventually(lambda: told == of_ada[1:])
            late = await process.read(None)
            process.live._position = 0
            process.watch.positions |= dict.fromkeys(NAMES, of_ada[0] - 1)
            again = await process.read(None)
            for i in (0, 1, 2, 5, 4, 5, 6, 9, 0, 3, 10, 13):
                await process.live._hear(messages[i])
            await eventually(lambda: again[-1:] == of_ada[-1:])
            assert process.live.counts["gaps"] == 3
            assert (told, late) == (of_ada[1:], [])
            return again, of_ada

    with recording(database) as record:
        record(*opening())
        again, of_ada = asyncio.run(story(record))
    assert again == of_ada


async def kept(nats: str) -> list[Any]:
    client = await bus.connect(nats, "test")
    try:
        js, found = client.jetstream(), []
        last = (await js.stream_info(str(bus.STREAM.name))).state.last_seq
        for sequence in range(1, last + 1):
            with suppress(NotFoundError):
                found.append(await js.get_msg(str(bus.STREAM.name), sequence))
        return found
    finally:
        await client.close()


def test_gap_that_is_noticed_while_a_reader_waits_or_reads_is_made_up_for(
    database: str, nats: str
) -> None:
    """Every order of what can happen to a reader at once: it is woken with a later message and
    told that it missed one; and it is told so while it asks Postgres."""

    async def story(record: Record) -> tuple[list[int], list[int]]:
        async with serving(database, nats) as process, working(database, nats):
            before = await recorded(record, 2)
            reader = await process.live.join(ADA, LastId(before[-1]), LATER, None)
            told = positions(await process.live.missed(reader))
            waiting = asyncio.ensure_future(reader.wait())
            await asyncio.sleep(0)
            process.live.leave(reader)  # nothing real reaches it any more
            after = await recorded(record, 3)
            await eventually(lambda: all(process.watch.positions[n] == after[-1] for n in NAMES))
            reader.miss()
            reader.offer(0, after[-1], b"\n", process.live._bounds(EVENT))
            await waiting
            assert reader.take() == b""

            asking = asyncio.ensure_future(process.live.missed(reader))
            await asyncio.sleep(0)
            reader.miss()
            told += positions(await asking)
            assert reader.missed
            told += positions(await process.live.missed(reader))
            assert not reader.missed
            return [*told, *positions(reader.take())], after

    with recording(database) as record:
        record(*opening())
        told, after = asyncio.run(story(record))
    assert told == after


def test_reader_that_does_not_read_is_dropped_counted_and_let_go(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "QUEUE", 8)
    monkeypatch.setattr(module, "HEARTBEAT", 0.4)

    async def story(record: Record) -> None:
        async with working(database, nats), serving(database, nats) as process:
            slow = await process.live.join(ADA, None, LATER, None)
            told = await process.read(None)
            of_ada = await recorded(record, 30)
            await eventually(lambda: told == of_ada)
            assert slow.dropped
            assert len(slow.queue) <= 8
            await eventually(lambda: len(process.live) == 1)
            assert process.live.counts["dropped"] == 1

    with recording(database) as record:
        record(*opening())
        asyncio.run(story(record))


def test_reader_that_does_not_even_take_a_comment_is_dropped_though_nothing_happens(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.4)

    async def story() -> None:
        async with serving(database, nats) as process:
            await process.live.join(ADA, None, LATER, None)
            told = await process.read(None)
            await eventually(lambda: process.live.counts["dropped"] == 1)
            assert (len(process.live), told) == (1, [])

    asyncio.run(story())


@given(
    before=st.integers(0, 100),
    comings=st.lists(
        st.tuples(st.integers(0, 3), st.booleans()), min_size=module.TICKS, max_size=module.TICKS
    ),
)
def test_reader_is_beaten_once_a_round_whoever_comes_and_goes(
    before: int, comings: list[tuple[int, bool]]
) -> None:
    """`comings`: before each beat so many join, and one of them may leave."""
    live = Live(None, "", watch := Watch(""))  # type: ignore[arg-type]
    watch.positions |= dict.fromkeys(NAMES, 1)  # it need not ask

    async def joined(number: int) -> list[Reader]:
        return [await live.join(ADA, None, LATER, None) for _ in range(number)]

    async def story() -> list[Reader]:
        staying = await joined(before)
        for number, leaves in comings:
            others = await joined(number)
            if others and leaves:
                live.leave(others[0])
            live._beat()
        return staying

    heard = [list(reader.queue) for reader in asyncio.run(story())]
    assert heard == [[(OF_NO_FEED, 0, module.COMMENT, ())]] * before


def test_every_reader_hears_a_heartbeat_and_is_ended_when_its_token_is(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.2)

    async def story() -> None:
        async with serving(database, nats) as process:
            long = await process.live.join(ADA, None, LATER, None)
            short = await process.live.join(ADA, None, 0, None)
            await eventually(lambda: long.queue and short.dropped)
            assert long.take() == module.COMMENT
            await eventually(lambda: len(process.live) == 1)
            process.live.end()
            assert long.dropped
            assert (await process.live.join(ADA, None, LATER, None)).dropped

    asyncio.run(story())


def test_feeds_of_different_members_do_not_mix(database: str, nats: str) -> None:
    async def story(record: Record) -> None:
        async with working(database, nats), serving(database, nats) as process:
            ada, ben = await process.read(), await process.read(0, (EVENT, "ben"))
            of_ada = await recorded(record, 3)
            of_ben = await recorded(record, 3, "ben")
            await eventually(lambda: (ada, ben) == (of_ada, of_ben))

    with recording(database) as record:
        record(*opening())
        asyncio.run(story(record))


def starred_by(members: list[str]) -> list[Command]:
    """A session with names as long as they may be, and those who starred it."""
    item = AgendaItem("s1", "x" * 200, NINE, NINE, location="y" * 200)
    stars = [StarSession(event_id=EVENT, member_id=m, item_id="s1") for m in members]
    return [ScheduleItem(event_id=EVENT, item=item), *stars]


def test_what_is_said_to_more_than_a_message_has_room_for_is_heard_as_soon(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", LATER)  # by messages alone
    many = ["ada", *(f"usr_{i}" for i in range(2_000))]

    async def story() -> None:
        async with working(database, nats), serving(database, nats) as process:
            await eventually(lambda: process.watch.positions["live_missions"] == end_of(database))
            told = await process.read(None)
            off, on = CancelItem(event_id=EVENT, item_id="s1"), starred_by([])[0]
            expected = await asyncio.to_thread(record, off)
            await eventually(lambda: told == expected)
            expected += await asyncio.to_thread(record, on)
            await eventually(lambda: told == expected)
            assert process.live.counts["gaps"] == 0
        (last, *_) = reversed(await kept(nats))
        assert bus.position(last.headers) == expected[-1]
        assert b'"feed":null' in (last.data or b"")

    with recording(database) as record:
        record(*opening(), *starred_by(many))
        asyncio.run(story())
