"""A wide question while its tables are behind, or have parked some of its scope.

To what the tables show is added what they do not show yet: the asker's streams, what is parked,
and the tail, which is the first of the scope's events that come after. The tail is bounded, so a
request never folds a scope: what is beyond it is not shown, and the position says so.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from domain.aggregate import Recorded, StreamName
from domain.store.envelope import Newer, UnreadableEventError
from projections.engine import event_log, tables
from projections.engine.event_log import Connection
from projections.engine.parking import said
from projections.engine.reading import answer_of, read
from projections.question import Answer, AskT, Wide
from projections.read_model import ReadModel, Rows, fold, looked_up
from sql import VIEWS, statements

SQL = statements("tail")
log = logging.getLogger(__name__)

MOST = 500  # events of the scope that are folded for one request
LOOKED_AT = 10_000  # events of the log, of whatever scope, that they are searched in


class Standing(Struct, frozen=True):
    """`position` is what the tables show, `until` how far the log may be looked at, and `parked`
    says from which position on streams of the scope are parked."""

    position: int
    until: int
    parked: dict[StreamName, int]


async def refolded_answer(
    connection: Connection, question: Wide[AskT, Answer], ask: AskT
) -> tuple[int, Answer]:
    """The position up to which everything of the scope is shown, and the answer. The asker's own
    streams are shown to their end. What cannot be applied of others, and would be parked, leaves it
    at what the tables show of them."""
    try:
        return await _refolded(connection, question, ask, MOST)
    except psycopg.OperationalError:
        raise
    except Exception as e:
        log.warning("%s is not folded beyond its tables: %s", question.name, said(e))
        return await _refolded(connection, question, ask, 0)


async def _refolded(
    connection: Connection, question: Wide[AskT, Answer], ask: AskT, most: int
) -> tuple[int, Answer]:
    """All is of one moment: a rebuild waits until it is read."""
    names = [sql.Identifier(VIEWS, table.name) for table in question.read_model.tables]
    lock = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.SQL(", ").join(names))
    async with connection.transaction():
        await connection.execute(SQL["snapshot"])
        # Takes no snapshot. After one, a table that a rebuild puts in place would be empty in it
        await connection.execute(lock)
        standing = await _standing(connection, question, ask)
        position, events = await _unshown(connection, question, ask, standing, most)
        rows = await _folded(connection, question.read_model, events)
        anew = [*rows.get(question.table, {}).values()]
        (found,) = await read(connection, question, [ask], anew)
    return position, answer_of(question, ask, found)


async def _standing(connection: Connection, question: Wide[AskT, Any], ask: AskT) -> Standing:
    about = {"reader": question.read_model.name, "scope": question.scope(ask), "most": LOOKED_AT}
    cursor = await connection.execute(SQL["standing"], about, prepare=True)
    ((position, until, parked),) = await cursor.fetchall()
    return Standing(position, max(position, until), parked)


async def _unshown(
    connection: Connection, question: Wide[AskT, Any], ask: AskT, standing: Standing, most: int
) -> tuple[int, list[Recorded]]:
    """Everything of the scope up to the position is in the tables or in the events, which are in
    the order of the log."""
    own = dict.fromkeys(question.streams(question.key(ask)), standing.position + 1)
    firsts = own | standing.parked
    about = {
        "reader": question.read_model.name,
        "streams": list(firsts),
        "firsts": list(firsts.values()),
    }
    cursor = await connection.execute(SQL["unshown"], about, prepare=True)
    waiting = await event_log.recorded(
        connection, await cursor.fetchall(), event_log.decoded_or_newer
    )
    newer = _firsts_of_newer(waiting)
    readable = [one for one in waiting if one.position < newer.get(one.stream, event_log.END)]
    position, tail = await _tail(connection, question.scope(ask), list(firsts), standing, most)
    position = min([position, *(first - 1 for first in newer.values())])
    return position, list(merge(readable, tail, key=attrgetter("position")))


def _firsts_of_newer(log: Iterable[Recorded]) -> dict[StreamName, int]:
    """By stream, the position of the first event that a newer version has recorded: what follows
    in the stream cannot be folded here, and is not shown."""
    firsts: dict[StreamName, int] = {}
    for recorded in log:
        if isinstance(recorded.event, Newer):
            firsts.setdefault(recorded.stream, recorded.position)
    return firsts


async def _tail(
    connection: Connection,
    scope: Sequence[str],
    without: Sequence[StreamName],
    standing: Standing,
    most: int,
) -> tuple[int, list[Recorded]]:
    """The position up to which this is all of it, and as much as may be folded and can be read."""
    about = {"after": standing.position, "scope": scope, "without": without, "most": most + 1}
    cursor = await connection.execute(SQL["tail"], about | {"until": standing.until}, prepare=True)
    rows = await cursor.fetchall()
    position = rows[most][0] - 1 if len(rows) > most else standing.until
    try:
        return position, await event_log.recorded(connection, rows[:most])
    except UnreadableEventError as e:
        position = e.position - 1
        return position, await event_log.recorded(connection, [r for r in rows if r[0] <= position])


async def _folded(
    connection: Connection, read_model: ReadModel, events: Iterable[Recorded]
) -> Rows:
    """The rows that the events change, as the projector would change them. Beside the event loop:
    what is parked of a stream may be long."""
    changes = await asyncio.to_thread(
        lambda: [*chain.from_iterable(map(read_model.project, events))]
    )
    rows: Rows = {}
    for table, keys in looked_up(changes).items():
        statement = tables.read_statement(table)
        cursor = await connection.execute(statement, tables.key_lists(keys, table), prepare=True)
        rows[table] = dict(tables.by_key(table, await cursor.fetchall()))
    touched = await asyncio.to_thread(fold, rows, changes)
    return {t: {k: rows[t][k] for k in keys if k in rows[t]} for t, keys in touched.items()}
