"""A log whose end was lost under a connection that survived, as behind a pooler when the server
fails over to a standby that was a little late; and which has grown again since, or not."""

import asyncio
import logging
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from domain.store.recorder import Recorder
from domain.store.writer import History
from tests.store import all_of, ask, log_of, numbers, opened, take
from tests.waiting import eventually


def lose(database: str, events: int) -> None:
    """The last so many. Their positions are given again."""
    with psycopg.connect(database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "DELETE FROM events.log WHERE notification_id > "
            "(SELECT max(notification_id) FROM events.log) - %s",
            (events,),
        )
        connection.execute(
            "SELECT setval('events.log_notification_id_seq', "
            "coalesce(max(notification_id), 1), count(*) > 0) FROM events.log"
        )


@pytest.mark.parametrize("grown", [0, 1, 3, 5])
@pytest.mark.parametrize("kept", [0, 1])
def test_nothing_stands_on_what_was_lost(
    database: str, kept: int, grown: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(ours: History) -> list[Any]:
        for who in ["zoe"][:kept]:
            await take(ours, who)
        for who in ("ada", "ben", "cleo"):
            await take(ours, who)
        await asyncio.to_thread(lose, database, 3)
        with opened(database) as theirs:
            for i in range(grown):
                await take(theirs, f"usr_{i}", roll="main" if i % 2 else "beside")
        return await all_of(take(ours, "ada"), take(ours, "eve", beside="beside"))

    with opened(database) as history, caplog.at_level(logging.ERROR):
        ada, eve = asyncio.run(story(history))
        counts = history.counts
    on_main = kept + grown // 2
    assert (ada.after.taken, eve.after.taken) == (on_main + 1, on_main + 2)
    assert numbers(database) == list(range(1, on_main + 3))
    assert [r.version for r in log_of(database) if r.stream.endswith("main")] == numbers(database)
    assert (counts["changed_pasts"], counts["lost"], counts["conflicts"]) == (1, 0, 0)
    assert [record.message for record in caplog.records] == [
        "the log is not the one that was read before: it was restored, or its server failed over"
    ]


def test_command_that_changes_nothing_does_not_stand_on_what_was_lost(database: str) -> None:
    async def story(ours: History) -> Any:
        await take(ours, "ada")
        await asyncio.to_thread(lose, database, 1)
        return await take(ours, "ada")

    with opened(database) as history:
        again = asyncio.run(story(history))
    assert (len(again.events), again.after.taken) == (1, 1)


def test_stream_that_is_loaded_meanwhile_is_loaded_anew(database: str) -> None:
    """The events that were read of it before are lost."""

    class Overtaken(Recorder):
        pieces = 0

        def load_after(self, connection: Connection[Any], versions: Any, most: int) -> Any:
            rows = super().load_after(connection, versions, most)
            if len(rows) == most:
                self.pieces += 1
                if self.pieces == 1:
                    lose(database, 400)
                    with opened(database) as theirs:
                        asyncio.run(take(theirs, "somebody"))
            return rows

    async def fill(history: History) -> None:
        await all_of(*(take(history, f"usr_{i}") for i in range(600)))

    async def story(ours: History) -> Any:
        await take(ours, "zoe", roll="beside")
        with opened(database) as theirs:
            await fill(theirs)
        return await take(ours, "ada")

    with opened(database, recorder=Overtaken) as history:
        ada = asyncio.run(story(history))
    assert numbers(database) == [*range(1, 203)]
    assert ada.after.taken == 202


def test_who_is_idle_notices_with_the_next_look(database: str) -> None:
    async def story(ours: History) -> None:
        await take(ours, "ada")
        await asyncio.to_thread(lose, database, 1)
        ours.refresh_soon()
        await eventually(lambda: ours.counts["changed_pasts"] == 1)

    with opened(database) as history:
        asyncio.run(story(history))
        assert len(history._cache) == 0


def test_log_that_is_still_the_same_is_no_changed_past(database: str) -> None:
    """Also where positions were drawn that no event has."""

    async def story(ours: History) -> None:
        await take(ours, "ada")
        ask(database, "SELECT setval('events.log_notification_id_seq', 100)")
        with opened(database) as theirs:
            await take(theirs, "ben")
        await take(ours, "cleo")

    with opened(database) as history:
        asyncio.run(story(history))
        assert history.counts["changed_pasts"] == 0
    assert numbers(database) == [1, 2, 3]
