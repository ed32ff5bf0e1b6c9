"""How a read model's tables are read and written: worded from `Table`, once for all of them.

Only the columns that we know are named. So a newer version may add one with a default while we
still run: what we write gets the default, and what we read is as it was. A rebuild by us compares
the columns that we know, too.

Names come from our own Structs, and are quoted all the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import sql

from projections.engine.event_log import Connection
from projections.read_model import RowKey, Table
from sql import VIEWS, statements

SQL = statements("engine")
BATCH = 20_000  # rows of a statement: some 6 MB of JSON, in Python once and in Postgres once
ARRAYS = {str: "text[]", int: "bigint[]"}  # a key is one of these; an index on integer serves both


@cache
def read_statement(table: Table, views: str = VIEWS) -> bytes:
    """Takes each column of the key as a list, and gives one JSON list of rows."""
    types = [ARRAYS[field.type] for field in msgspec.structs.fields(table.row)[: table.keys]]
    keys = [
        sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(type_))
        for name, type_ in zip(table.key_columns, types, strict=True)
    ]
    columns = sql.SQL(", ").join(sql.Identifier("t", name) for name in table.columns)
    return _worded("read", table, views, columns=columns, keys=sql.SQL(", ").join(keys))


@cache
def insert_statement(table: Table, views: str = VIEWS) -> bytes:
    """Takes `rows`, one JSON list, of which none is there yet."""
    return _worded("insert", table, views)


@cache
def write_statement(table: Table, views: str = VIEWS) -> bytes:
    """Takes `rows`, one JSON list. An append-only table refuses a row that is there: whoever adds
    what another projector has added is late, and must not hide it."""
    if table.append_only:
        return insert_statement(table, views)
    others = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("excluded", name))
        for name in table.columns[table.keys :]
    ]
    kind = "upsert" if others else "keep"
    return _worded(kind, table, views, others=sql.SQL(", ").join(others))


def _worded(name: str, table: Table, views: str, **more: sql.Composable) -> bytes:
    words = {
        "table": sql.Identifier(views, table.name),
        "columns": sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        "key_columns": sql.SQL(", ").join(map(sql.Identifier, table.key_columns)),
    }
    template = sql.SQL(SQL[name])
    return template.format(**words | more).as_bytes(None)


def key_lists(keys: Iterable[RowKey], table: Table) -> Mapping[str, list[str | int]]:
    """Keys as one list a column, named as the column: what `unnest` takes."""
    columns = list(zip(*keys, strict=True)) or [() for _ in table.key_columns]
    return {name: list(column) for name, column in zip(table.key_columns, columns, strict=True)}


def by_key(table: Table, rows: Sequence[tuple[str]]) -> dict[RowKey, Struct]:
    """The rows that a read statement gave (one row with one JSON list), by their keys."""
    found = msgspec.json.decode(rows[0][0], type=list[table.row])  # type: ignore[name-defined]
    return {table.key_of(row): row for row in found}


async def write(connection: Connection, statement: bytes, rows: Iterable[Struct]) -> None:
    """In batches, since one parameter holds all the rows of a statement."""
    for batch in batches(rows, BATCH):
        about: dict[str, Any] = {"rows": msgspec.json.encode(batch).decode()}
        await connection.execute(statement, about, prepare=True)


def batches(rows: Iterable[Struct], size: int) -> Iterator[list[Struct]]:
    left = iter(rows)
    while batch := list(islice(left, size)):
        yield batch
