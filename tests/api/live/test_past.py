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
from tests.api.live.test_watch import watching
from tests.boards import clicks, end_of, opening, project, recording
from tests.waiting import eventually

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


@given(st.integers(0, 500))
def test_moments_are_few_in_order_and_the_last_is_among_them(many: int) -> None:
    past = Past()
    for position in range(1, many + 1):
        past._remember(_Moment(position, str(position)))
    positions = [moment.position for moment in past._moments]
    assert positions == sorted(set(positions))
    assert (positions[0], positions[-1]) == (0, many)
    assert len(positions) <= REMEMBERED
