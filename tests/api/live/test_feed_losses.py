"""Losses of NATS or Postgres that no error reports. Reported ones are in test_feed.py."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from api.live import feed as module
from tests.api.live.hearing import recorded, serving, working
from tests.boards import Record, clicks, end_of, opening, project, recording
from tests.waiting import eventually
from workers.bus import messages as bus

FOREIGN = (None, {}, {bus.POSITION: "not one of ours"}, {bus.POSITION: "-1"}, {bus.POSITION: "²"})
OURS = {bus.POSITION: "1000"}


async def tell(nats: str, *messages: tuple[dict[str, str] | None, bytes]) -> None:
    client = await bus.connect(nats, "test")
    try:
        for headers, body in messages:
            await client.publish("events.x", body, headers=headers)
        await client.flush()
    finally:
        await client.close()


def test_foreign_messages_are_ignored(
    database: str, nats: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> int:
        await project(database)
        async with serving(database, nats) as process:
            await eventually(lambda: process.watch.positions["live_missions"] == end_of(database))
            await tell(nats, *((headers, b"?") for headers in FOREIGN), (OURS, b'{"event":null}'))
            await eventually(lambda: process.live.counts["messages"])
            return process.live.counts["messages"]

    with recording(database) as record:
        record(*opening())
    assert (asyncio.run(story()), caplog.messages) == (1, [])


def test_loss_of_the_last_message_is_noticed_without_another(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)

    async def story(record: Record) -> None:
        async with serving(database, nats) as process:
            told = await process.read()
            async with working(database, nats):
                of_ada = await recorded(record, 4)
                await eventually(lambda: process.live.counts["messages"] and told == of_ada)
            gaps = process.live.counts["gaps"]
            of_ada += await recorded(record, 4)
            await project(database)  # and no relay tells of it
            await eventually(lambda: told == of_ada)
            assert process.live.counts["gaps"] > gaps

    with recording(database) as record:
        record(*opening())
        asyncio.run(story(record))


@contextmanager
def backup(postgres: str, database: str) -> Iterator[Callable[[], None]]:
    """A backup made now; called, it takes the place of the database."""
    name = str(conninfo_to_dict(database)["dbname"])
    names = {"name": Identifier(name), "backup": Identifier(f"{name}_backup")}
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(SQL("CREATE DATABASE {backup} TEMPLATE {name}").format(**names))

        def restore() -> None:
            server.execute(SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))
            server.execute(SQL("CREATE DATABASE {name} TEMPLATE {backup}").format(**names))

        yield restore


def test_reader_hears_what_follows_an_older_backup_of_postgres(
    database: str, postgres: str, nats: str
) -> None:
    """Positions begin again where the backup ends, and mean other events."""

    async def story(restore: Callable[[], None]) -> tuple[list[int], list[int]]:
        async with serving(database, nats) as process:
            told = await process.read()
            with recording(database) as record:
                async with working(database, nats):
                    lost = await recorded(record, 6)
                    await eventually(lambda: told == kept + lost)
            await asyncio.to_thread(restore)
            await eventually(lambda: process.watch.positions["live_missions"] == kept[-1])
            with recording(database) as record:
                async with working(database, nats):
                    assert await recorded(record, 4) == lost[:4]
                    await eventually(lambda: len(told) == len(kept + lost) + 4)
            return told, kept + lost + lost[:4]

    with recording(database) as record:
        record(*opening())
        kept = record(*clicks(2))
    asyncio.run(project(database))
    with backup(postgres, database) as restore:
        told, expected = asyncio.run(story(restore))
    assert told == expected
