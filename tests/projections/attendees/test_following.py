import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.attendees import Profile, SaveProfile
from domain.blocks import BlockMember, UnblockMember
from projections.attendees import following
from projections.attendees.following import Directories, Followed, found
from projections.attendees.index import Index
from projections.attendees.rows import PEOPLE
from tests.boards import EVENT, opening, project, recording
from tests.store import ask


def saves(*members: str, event_id: str = EVENT, **profile: Any) -> list[SaveProfile]:
    return [
        SaveProfile(event_id=event_id, member_id=m, profile=Profile(m, **profile)) for m in members
    ]


def block(kind: type[BlockMember | UnblockMember]) -> Any:
    return kind(event_id=EVENT, member_id="ada", blocked_member_id="ben")


def with_pool(url: str, use: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with AsyncConnectionPool(url, min_size=1, max_size=4, open=False) as pool:
            return await use(pool)

    return asyncio.run(run())


def seen(index: Index, member_id: str) -> Sequence[str]:
    mask = index.seen(member_id)
    return sorted(one for slot, one in enumerate(index.ids) if mask[slot])


def test_look_shows_all_that_the_tables_show(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST", 2)
    members = ["ada", "ben", "cleo", "dov", "eva"]

    async def use(pool: Any) -> None:
        followed = Followed(EVENT)
        assert len(await followed.look(pool)) == 1  # before anybody is there
        for commands, of_ada, of_ben in (
            ([*opening(), *saves(*members)], members[1:], [members[0], *members[2:]]),
            ([block(BlockMember)], members[2:], members[2:]),
            (saves("cleo", visibility="hidden"), members[3:], members[3:]),
            ([block(UnblockMember)], ["ben", *members[3:]], ["ada", *members[3:]]),
        ):
            await asyncio.to_thread(record, *commands)
            positions = await project(database, [PEOPLE])
            index = await followed.look(pool)
            assert (seen(index, "ada"), seen(index, "ben")) == (of_ada, of_ben)
            assert index.position == positions["attendees"]

    with recording(database) as record:
        with_pool(database, use)


def test_tables_that_were_changed_behind_are_read_anew(database: str) -> None:
    """A rebuild does, and the replay of a stream that was parked."""

    async def use(pool: Any) -> None:
        directories = Directories()
        before = await directories.look(pool, EVENT)
        hides = "UPDATE views.attendees SET listed = false WHERE member_id = 'ben'"
        await asyncio.to_thread(ask, database, hides)
        assert seen(await directories.look(pool, EVENT), "ada") == ["ben"]
        turns = "UPDATE views.positions SET turn = turn + 1 WHERE name = 'attendees'"
        await asyncio.to_thread(ask, database, turns)
        after = await directories.look(pool, EVENT)
        assert (seen(after, "ada"), after is before) == ([], False)

    with recording(database) as record:
        record(*opening(), *saves("ada", "ben"))
    asyncio.run(project(database, [PEOPLE]))
    with_pool(database, use)


def test_conferences_that_nobody_asks_about_are_forgotten(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "HELD", 5)

    async def use(pool: Any) -> None:
        directories = Directories()
        one = await directories.look(pool, EVENT)
        await directories.look(pool, "evt_2")
        assert await directories.look(pool, EVENT) is not one

    with recording(database) as record:
        record(*opening(), *opening("evt_2"))
        record(*saves("ada", "ben"), *saves("ada", "ben", event_id="evt_2"))
    asyncio.run(project(database, [PEOPLE]))
    with_pool(database, use)


def test_many_who_look_at_once_share_looks(database: str) -> None:
    async def use(pool: Any) -> int:
        followed, asked = Followed(EVENT), 0
        connection = pool.connection

        def counted() -> Any:
            nonlocal asked
            asked += 1
            return connection()

        pool.connection = counted
        await asyncio.gather(*(followed.look(pool) for _ in range(50)))
        return asked

    with recording(database) as record:
        record(*opening(), *saves("ada", "ben"))
    asyncio.run(project(database, [PEOPLE]))
    assert with_pool(database, use) == 2


def test_search_looks_words_up_in_the_index_of_one_conference(database: str) -> None:
    name = hashlib.md5(b"41").hexdigest()[:20]  # noqa: S324 - a word like no other
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO views.attendees SELECT 'evt_' || n % 20, 'usr_' || n, n, n, true, '', '',"
            " '', '', '', '{}', '{}', '{}', '{}', '{}', '{}', ' ' || left(md5(n::text), 20) || ' ',"
            " true FROM generate_series(1, 20000) AS n"
        )
        connection.execute("VACUUM ANALYZE views.attendees")
        patterns = [*following.beginnings(name)]
        about = {"event_id": "evt_1", "first": patterns[0], "others": patterns[1:]}
        rows = connection.execute(f"EXPLAIN {following.SQL['found']}".encode(), about).fetchall()
    assert any("attendees_words_idx" in line for (line,) in rows), rows

    async def use(pool: Any) -> None:
        assert await found(pool, "evt_1", f"{name[:7]}x{name[8:]}", nearly=True) == ["usr_41"]
        assert await found(pool, "evt_1", name[:12]) == ["usr_41"]
        assert await found(pool, "evt_1", f"{name[:7]}x{name[8:]}") == []
        assert await found(pool, "evt_1", " - ") is None
        assert await found(pool, "evt_2", name) == []

    with_pool(database, use)
