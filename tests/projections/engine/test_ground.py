"""The ground of an answer is another wherever the answer may be another."""

import asyncio
from itertools import combinations

import psycopg

from projections.engine.ground import Ground, ground
from projections.question import Ask, MemberAsk
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from tests.boards import EVENT, end_of, opening, project, recording, session, star
from tests.store import ask


async def _found(database: str, starred: bool) -> Ground:
    async with await psycopg.AsyncConnection.connect(database) as connection:
        if starred:
            return await ground(connection, STARRED_AGENDA, MemberAsk(EVENT, "ada"))
        return await ground(connection, WHOLE_AGENDA, Ask(EVENT))


def found(database: str, starred: bool = False) -> Ground:
    return asyncio.run(_found(database, starred))


def test_ground_is_another_after_each_event_of_its_streams_and_no_other(database: str) -> None:
    with recording(database) as record:
        record(*opening(), session("s1"))
        asyncio.run(project(database))
        first, own = found(database), found(database, starred=True)
        assert first.position == first.end == end_of(database)
        record(star("s1", "ada"))
        assert found(database).identity == first.identity
        assert found(database).end == end_of(database) > first.end
        later = found(database, starred=True)
        assert (later.position, later.identity != own.identity) == (end_of(database), True)
        record(session("s2"))
    assert found(database).identity != first.identity


REPLAYED = "UPDATE views.positions SET turn = turn + 1 WHERE name = 'sessions'"
REBUILT = "UPDATE views.positions SET version = version + 1 WHERE name = 'sessions'"
# As after a restore: something else was recorded at the same position.
ANOTHER_PAST = r"""
    SET LOCAL session_replication_role = replica;
    UPDATE events.log SET state = state || '\x20'::bytea WHERE notification_id = (
        SELECT max(notification_id) FROM events.log
    )
"""


def test_ground_is_another_after_what_moves_no_position(database: str) -> None:
    with recording(database) as record:
        record(*opening(), session("s1"))
    asyncio.run(project(database))
    seen = [found(database)]
    for change in (REPLAYED, REBUILT, ANOTHER_PAST):
        ask(database, change)
        seen.append(found(database))
    assert len({one.position for one in seen}) == 1
    assert all(one.identity != another.identity for one, another in combinations(seen, 2))
