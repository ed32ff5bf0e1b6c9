"""Rows of a read model's tables, read, folded and written in one transaction of a projector."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from projections.engine import tables
from projections.engine.event_log import Connection
from projections.read_model import Change, FanOut, RowKey, Rows, Table, fold_all, looked_up


async def fold(
    connection: Connection, changes: Sequence[Change | FanOut], schema: str, piece: int
) -> None:
    """Reads the rows that are to change, and writes them."""
    rows = await read(connection, looked_up(changes), schema)
    await write(connection, rows, changes, schema, piece)


async def read(connection: Connection, wanted: dict[Table, set[RowKey]], schema: str) -> Rows:
    async with connection.pipeline():
        cursors = {
            table: await connection.execute(
                tables.read_statement(table, schema), tables.key_lists(keys, table), prepare=True
            )
            for table, keys in wanted.items()
        }
    return {table: tables.by_key(table, await c.fetchall()) for table, c in cursors.items()}


async def write(
    connection: Connection,
    rows: Rows,
    changes: Iterable[Change | FanOut],
    schema: str,
    piece: int,
) -> None:
    """Folds into the rows that were read, and writes those that are new or changed. Between
    pieces of so many changes others of this process run. A page may fan out to millions: rows that
    come once are written and forgotten as they get many."""
    touched: dict[Table, set[RowKey]] = defaultdict(set)
    for some in pieces(changes, piece):
        fold_all(rows, some, touched)
        for table, keys in touched.items():
            if table.append_only and len(keys) >= tables.BATCH:
                await _write(connection, table, rows, keys, schema)
                rows[table].clear()
                keys.clear()
        if len(some) >= piece:
            await asyncio.sleep(0)
    for table, keys in touched.items():
        await _write(connection, table, rows, keys, schema)


async def _write(
    connection: Connection, table: Table, rows: Rows, keys: Iterable[RowKey], schema: str
) -> None:
    statement = tables.write_statement(table, schema)
    await tables.write(connection, statement, (rows[table][key] for key in keys))


def pieces(changes: Iterable[Change | FanOut], size: int) -> Iterator[list[Change | FanOut]]:
    """So many changes each, in order. Each ends after a fan-out, which may be of many rows."""
    piece: list[Change | FanOut] = []
    for change in changes:
        piece.append(change)
        if len(piece) >= size or isinstance(change, FanOut):
            yield piece
            piece = []
    yield piece
