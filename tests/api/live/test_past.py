"""The end of the log is lost while this process looks away, and the log has grown again since."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.live import watch as module
from api.live.past import REMEMBERED, Past, _Moment
from tests.api.live.hearing import recorded, serving, working
from tests.api.live.test_watch import watching
from tests.boards import clicks, end_of, opening, project, recording
from tests.waiting import eventually
from workers.bus import messages

GROW = """
INSERT INTO events.log
SELECT 'missions:evt_1:usr_9', i, 'MissionStarted',
    '{"at":"2026-11-01T12:00:00Z","actor":"a","tenant":"evt_1","data":{"mission_id":"m"}}'
FROM generate_series(1, %s) AS i
"""


@contextmanager
def losing(database: str, events: int) -> Iterator["psycopg.Connection[Any]"]:
    """In one transaction: nobody sees the log while it is shorter."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "DELETE FROM events.log WHERE notification_id > "
            "(SELECT max(notification_id) FROM events.log) - %s",
            (events,),
        )
        connection.execute(
            "SELECT setval('events.log_notification_id_seq', max(notification_id)) FROM events.log"
        )
        yield connection


@pytest.mark.parametrize("grown", [0, 2, 3, 5])
def test_lost_end_is_noticed_however_much_came_since(
    database: str, grown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)

    async def story() -> tuple[list[int], int]:
        older: list[int] = []
        await project(database)
        async with watching(database) as watch:
            watch.on_older = older.append
            kept = end_of(database)
            await eventually(lambda: watch._end == kept)
            with recording(database) as record:
                await asyncio.to_thread(record, *clicks(3))
            await project(database)
            await eventually(lambda: watch._past._moments[-1].position == kept + 3)
            with losing(database, 3) as connection:
                connection.execute(GROW, (grown,))
            await eventually(lambda: older)
            await eventually(lambda: watch._end == kept + grown)
            with recording(database) as record:  # and that is the log now
                await asyncio.to_thread(record, *clicks(2))
            await eventually(lambda: watch._end == kept + grown + 2)
        return older, kept

    with recording(database) as record:
        record(*opening(), *clicks(2))
    older, kept = asyncio.run(story())
    assert older == [kept]


def test_another_timeline_may_have_lost_what_was_heard_since_the_last_look(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)

    async def story() -> list[int]:
        older: list[int] = []
        async with watching(database) as watch:
            watch.on_older = older.append
            await eventually(lambda: watch._end == end_of(database))
            watch._past._epoch = "another"
            await eventually(lambda: older)
            seen = watch._past._epoch
            await eventually(lambda: watch._past._epoch == seen != "another")
        return older

    with recording(database) as record:
        record(*opening())
    assert asyncio.run(story()) == [end_of(database)]


@pytest.mark.parametrize("lost", [0, 2, 3])
def test_server_that_takes_over_has_nothing_told_twice_of_what_it_has(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """All that was heard since the last look at the log, or as much of it as is still there."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.05)
    older: list[int] = []

    async def story() -> list[int]:
        async with serving(database, nats) as process:
            past = process.watch._past
            go_back = process.watch.on_older

            def on_older(kept: int) -> None:
                older.append(kept)
                go_back(kept)

            process.watch.on_older = on_older
            told = await process.read(0)
            async with working(database, nats):
                first = await recorded(record, 4)
                await eventually(lambda: told == first)
                await eventually(lambda: past._moments[-1].position == end_of(database))
                before = list(past._moments)
                await recorded(record, 3)
                await eventually(lambda: len(told) == 7)
                await eventually(lambda: process.live._position == end_of(database))
                if not lost:
                    past._moments, past._epoch = before, "another"
                    await eventually(lambda: older)
                    await asyncio.to_thread(record, *list(clicks(2))[1:])
                    await eventually(lambda: len(told) > 7)
            if lost:
                with losing(database, lost):
                    past._moments = before
                await eventually(lambda: older)
            return told

    with recording(database) as record:
        record(*opening())
        end = end_of(database) + 7
        told = asyncio.run(story())
    assert older == [end - lost]
    if not lost:
        assert told == list(range(end - 6, end + 2))


def test_what_was_read_before_it_was_heard_is_heard_again() -> None:
    """Nobody knows whether it is that which is there now."""
    past = Past()
    past.read_ahead(3, 5)
    past.read_ahead(3, 4)
    past.read_ahead(4, 8)
    assert list(past._ahead) == [(3, 5), (4, 8)]
    past.hear({messages.POSITION: "7"})
    assert list(past._ahead) == [(4, 8)]
    past.cut()
    past.hear({messages.POSITION: "9"})
    assert list(past._ahead) == [(4, 8)]
    assert len(past._heard) == 1


@given(st.integers(0, 500))
def test_moments_are_few_in_order_and_the_last_is_among_them(many: int) -> None:
    past = Past()
    for position in range(1, many + 1):
        past._remember(_Moment(position, str(position)))
    positions = [moment.position for moment in past._moments]
    assert positions == sorted(set(positions))
    assert (positions[0], positions[-1]) == (0, many)
    assert len(positions) <= REMEMBERED
