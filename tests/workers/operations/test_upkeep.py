import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from projections.engine.feed import RETENTION
from projections.engine.rebuild import Different, rebuild
from projections.read_models import FEEDS
from tests.boards import clicks, opening, project, recording, session, star
from tests.store import ask
from workers.operations import upkeep as module
from workers.operations.upkeep import Upkeep

OLD_KEYS = """
    INSERT INTO events.command_keys
    SELECT 'ada', i::text, '', NULL, '', 'roll:main', 1, now() - make_interval(hours => i)
    FROM generate_series(40, 59) AS i
"""


def test_old_keys_are_forgotten_in_pieces_and_then_not_looked_for(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 5)

    async def story() -> list[bool]:
        upkeep = Upkeep()
        try:
            await upkeep.start(database)
            steps = [await upkeep.step() for _ in range(3)]
            ask(database, OLD_KEYS.replace("'ada'", "'ben'"))
            return [*steps, await upkeep.step()]
        finally:
            await upkeep.stop()

    ask(database, OLD_KEYS)
    assert asyncio.run(story()) == [True, True, False, False]
    assert ask(
        database, "SELECT principal, count(*) FROM events.command_keys GROUP BY 1 ORDER BY 1"
    ) == [("ada", 8), ("ben", 20)]


OLD_KEYS_OF_A_REACTION = """
    INSERT INTO events.command_keys
    SELECT 'reaction:echo', i || ':1', '', NULL, '', 'roll:main', 1, now() - interval '72 hours'
    FROM generate_series(1, 40) AS i
"""
BEHIND = "INSERT INTO views.positions (name, kind, position) VALUES ('echo', 'reaction', 10)"


def test_keys_of_a_reaction_that_is_far_behind_stay_and_hold_up_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is looked at once, and what stays is said."""
    monkeypatch.setattr(module, "BATCH", 5)
    for statement in (BEHIND, OLD_KEYS_OF_A_REACTION, OLD_KEYS):
        ask(database, statement)
    assert asyncio.run(tidied(database)) == 52 // 5
    left = "SELECT principal, count(*) FROM events.command_keys GROUP BY 1 ORDER BY 1"
    assert ask(database, left) == [("ada", 8), ("reaction:echo", 30)]
    assert "30 idempotency keys of more than two days ago are kept" in caplog.text
    ask(database, "UPDATE views.positions SET position = 40")
    asyncio.run(tidied(database))
    assert ask(database, left) == [("ada", 8)]


OLD_REFUSALS = """
    INSERT INTO events.bulk_refusals
    SELECT 'bulk:evt_1:a', i, 'ada', 'Refused', '["no"]', now() - make_interval(hours => i)
    FROM generate_series(40, 59) AS i
"""


def test_refusals_in_bulks_are_forgotten_as_replies_are(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    ask(database, OLD_REFUSALS)
    assert asyncio.run(tidied(database)) == 2
    left = ask(database, "SELECT command FROM events.bulk_refusals ORDER BY 1")
    assert left == [(hours,) for hours in range(40, 48)]


# Feeds
FEED = "SELECT position FROM views.{} ORDER BY 1"
EXPIRED = "SELECT reader, position FROM views.expired ORDER BY 1"


async def tidied(database: str) -> int:
    """In so many steps that found something."""
    upkeep, steps = Upkeep(), 0
    try:
        await upkeep.start(database)
        while await upkeep.step():
            steps += 1
    finally:
        await upkeep.stop()
    return steps


def positions(database: str) -> dict[str, list[int]]:
    return {feed.name: [p for (p,) in ask(database, FEED.format(feed.name))] for feed in FEEDS}


def filled(database: str) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Feeds of some time ago and of now: positions of the one and of the other."""
    long_ago = datetime.now(UTC) - RETENTION - timedelta(hours=1)
    with recording(database, clock=lambda: long_ago) as record:
        record(*opening(), session("s1"))
        record(*clicks(12), *(star("s1", f"usr_{i}") for i in range(3)))
        record(session("s1", hours=1))
    asyncio.run(project(database))
    old = positions(database)
    young = long_ago + timedelta(hours=2)
    with recording(database, clock=lambda: young) as record:
        record(*clicks(2), session("s1", hours=2))
    asyncio.run(project(database))
    return old, {name: p[len(old[name]) :] for name, p in positions(database).items()}


def test_messages_that_are_too_old_to_be_resumed_are_deleted_in_pieces(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 5)
    old, young = filled(database)
    steps = asyncio.run(tidied(database))
    assert positions(database) == young
    assert steps == 2  # of five; what is left of the twelve is no whole piece
    assert ask(database, EXPIRED) == sorted((name, said[-1]) for name, said in old.items() if said)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_rebuild_of_a_feed_holds_the_same_whatever_has_expired(
    database: str, monkeypatch: pytest.MonkeyPatch, feed: module.Feed
) -> None:
    """Also where it has been deleted only in part."""
    monkeypatch.setattr(module, "BATCH", 5)

    async def step() -> None:
        upkeep = Upkeep()
        try:
            await upkeep.start(database)
            assert await upkeep.step()
        finally:
            await upkeep.stop()

    _, young = filled(database)
    asyncio.run(step())
    done = asyncio.run(rebuild(database, feed))
    assert done.different == []
    asyncio.run(tidied(database))
    again = asyncio.run(rebuild(database, feed))
    assert again.different == []
    assert positions(database) == young


def test_rebuild_still_tells_a_difference_in_what_has_not_expired(database: str) -> None:
    _, young = filled(database)
    asyncio.run(tidied(database))
    (position, *_) = young["live_missions"]
    ask(database, "DELETE FROM views.live_missions WHERE position = %s", position)
    with pytest.raises(Different) as raised:
        asyncio.run(rebuild(database, FEEDS[0]))
    assert [(d.table, d.key[2]) for d in raised.value.differences] == [("live_missions", position)]


LEASES = """
    INSERT INTO work.leases (kind, subject, wanted, worker, beat_at, retry_at, begun, settled)
    SELECT
        'summary', subject, wanted, worker, now() - make_interval(hours => hours), retry, begun, 5
    FROM (VALUES
        ('done', 5, NULL, 2, now(), 0), ('young', 5, NULL, 0, now(), 0),
        ('parked', 7, NULL, 2, 'infinity', 0), ('done after all', 5, 'w', 2, 'infinity', 5),
        ('sent once', 5, NULL, 2, now(), 5), ('maybe sent', 7, NULL, 2, now(), 7),
        ('behind', 5, NULL, 2, now(), 0), ('gone', 5, NULL, 2, 'infinity', 5),
        ('gone, maybe sent', 7, NULL, 2, 'infinity', 7)
    ) AS leases (subject, wanted, worker, hours, retry, begun)
"""
DUE = """
    INSERT INTO views.due SELECT
        'summary', subject, wanted, CASE subject WHEN 'behind' THEN 0 ELSE 5 END, now(), now()
    FROM work.leases WHERE subject NOT LIKE 'gone%'
"""


def test_leases_that_say_nothing_any_more_are_forgotten(database: str) -> None:
    async def story() -> None:
        upkeep = Upkeep()
        try:
            await upkeep.start(database)
            await upkeep.step()
        finally:
            await upkeep.stop()

    ask(database, LEASES)
    ask(database, DUE)
    asyncio.run(story())
    left = [subject for (subject,) in ask(database, "SELECT subject FROM work.leases ORDER BY 1")]
    assert left == ["behind", "gone, maybe sent", "maybe sent", "parked", "young"]
