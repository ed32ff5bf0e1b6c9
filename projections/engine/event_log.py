"""The log, read: pages of it, or a few streams. For everyone but the writer."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from domain.aggregate import Recorded, StreamName
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.envelope import (
    EnvelopeMapper,
    Newer,
    NewerEventError,
    SealId,
    SealKeys,
    UnreadableEventError,
)
from domain.store.master_key import in_use, is_wrapped, opened
from sql import statements

SQL = statements("log")
PARKED = statements("parked")
OPENING, MASTER_KEY = (statements("history")[name] for name in ("opening", "master_key"))
END = 2**63 - 1
PIECE = 500  # events that are decoded before others of this process have their turn

Connection = AsyncConnection[TupleRow]

mapper = EnvelopeMapper(AGGREGATES, RENAMED)


async def page(
    connection: Connection, after: int, most: int, until: int = END, statement: str = SQL["page"]
) -> list[Recorded]:
    """At most `most` events of positions in (after, until], in order. Those that a newer version
    has recorded are among them, as `Newer`."""
    parameters = {"after": after, "until": until, "most": most}
    cursor = await connection.execute(statement, parameters, prepare=True)
    return await recorded(connection, await cursor.fetchall(), decoded_or_newer)


async def all_pages(
    connection: Connection, until: int, most: int
) -> AsyncGenerator[list[Recorded], None]:
    """The whole log up to a position. Postgres looks for the next page while one is folded. Raises
    NewerEventError."""
    position = 0
    next_page = asyncio.create_task(page(connection, position, most, until))
    try:
        while found := await next_page:
            position = found[-1].position
            next_page = asyncio.create_task(page(connection, position, most, until))
            await asyncio.sleep(0)
            for one in found:
                if isinstance(one.event, Newer):
                    raise NewerEventError(one.position, one.event.topic)
            yield found
    finally:
        next_page.cancel()
        await asyncio.gather(next_page, return_exceptions=True)


Pages = Callable[[Connection, int, int, int], Awaitable[list[Recorded]]]


async def readable(
    connection: Connection, after: int, most: int, until: int = END, pages: Pages = page
) -> list[Recorded]:
    """A page up to an event that cannot be read, if there is anything before it."""
    try:
        return await pages(connection, after, most, until)
    except UnreadableEventError as e:
        found = await pages(connection, after, most, e.position - 1)
        if not found:
            raise
        return found


async def streams(
    connection: Connection,
    names: Sequence[StreamName],
    until: int = END,
    first: int = 0,
    read_model: str = "",
) -> list[Recorded]:
    """Streams up to a position, whole or from one on, in the order of the log. Of a read model,
    without what was dropped from it."""
    parameters = {
        "streams": list(names),
        "first": first,
        "until": until,
        "read_model": read_model,
    }
    cursor = await connection.execute(SQL["streams"], parameters, prepare=True)
    return await recorded(connection, await cursor.fetchall())


async def waiting(
    connection: Connection, firsts: Mapping[StreamName, int], until: int
) -> list[Recorded]:
    """Streams from a position of their own on, up to another, in the order of the log."""
    about = {"streams": list(firsts), "firsts": list(firsts.values()), "until": until}
    cursor = await connection.execute(PARKED["waiting_events"], about, prepare=True)
    return await recorded(connection, await cursor.fetchall())


async def length(connection: Connection, names: Sequence[StreamName]) -> int:
    """How many events these streams have."""
    cursor = await connection.execute(SQL["length"], {"streams": list(names)}, prepare=True)
    ((events,),) = await cursor.fetchall()
    return int(events)


async def streams_as_of(
    connection: Connection, names: Sequence[StreamName], until: int, moment: datetime | None
) -> list[Recorded]:
    """Whole streams up to a position or a moment."""
    log = await streams(connection, names, until)
    return log if moment is None else as_of(log, moment)


async def end(connection: Connection) -> int:
    cursor = await connection.execute(SQL["end"], prepare=True)
    ((position,),) = await cursor.fetchall()
    return int(position)


def as_of(log: list[Recorded], moment: datetime) -> list[Recorded]:
    """The log up to the last event stamped by then. Where the clocks of two hosts differ, an event
    before it may be stamped later: it is taken too, since later events stand on it."""
    stamped_by_then = (i for i, r in enumerate(log, 1) if r.at <= moment)
    return log[: max(stamped_by_then, default=0)]


def last(log: Iterable[Recorded]) -> int:
    return max((recorded.position for recorded in log), default=0)


def decoded(row: Sequence[Any], keys: SealKeys) -> Recorded:
    position, stream, version, topic, state = row
    return mapper.recorded(position, stream, version, topic, state, keys=keys)


def decoded_or_newer(row: Sequence[Any], keys: SealKeys) -> Recorded:
    """For those who can wait for a newer version, or pass on what they cannot read."""
    try:
        return decoded(row, keys)
    except NewerEventError:
        position, stream, version, topic, state = row
        return mapper.newer(position, stream, version, topic, state)


async def recorded(
    connection: Connection,
    rows: Sequence[Any],
    decode: Callable[[Sequence[Any], SealKeys], Recorded] = decoded,
) -> list[Recorded]:
    """Decodes rows of the log, and opens what is sealed in them. Keys are read each time and never
    cached: after one is destroyed, no later read can open what it sealed."""
    needed = mapper.needed(rows)
    keys = await opening(connection, needed) if needed else {}
    found: list[Recorded] = []
    for start in range(0, len(rows), PIECE):
        if start:
            await asyncio.sleep(0)
        found += [decode(row, keys) for row in rows[start : start + PIECE]]
    return found


async def opening(connection: Connection, names: Collection[SealId]) -> SealKeys:
    """Without those that were destroyed. One that none of our master keys opens is still wrapped:
    what is sealed with it cannot be read, and everything else can."""
    persons, numbers = [person for person, _ in names], [number for _, number in names]
    parameters = {"persons": persons, "numbers": numbers}
    cursor = await connection.execute(OPENING, parameters, prepare=True)
    keys = {(person, number): opened(key) for person, number, key in await cursor.fetchall()}
    if any(map(is_wrapped, keys.values())):
        await _require_master_key(connection)
    return keys


async def _require_master_key(connection: Connection) -> None:
    """Raises Unavailable where keys here are wrapped with another master key than this process has:
    that is no fault of one of them."""
    for (check_value,) in await (await connection.execute(MASTER_KEY)).fetchall():
        in_use().require(check_value)
