"""Whether two copies of a read model hold the same, and if not, where they differ: piece by piece,
each of so many rows in the order of their keys."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace
from psycopg import sql

from projections.engine.event_log import Connection
from projections.engine.feed import Feed
from projections.read_model import ReadModel, RowKey, Table
from sql import statements

SQL = statements("comparison")
Row = dict[str, Raw]  # as Postgres writes it
MOST = 20_000  # rows of a piece: some 0.1 s


class Digest(Struct, frozen=True):
    """How many rows a table has, and sums of two hashes of each row: order does not count."""

    table: str
    rows: int = 0
    first: int = 0
    second: int = 0

    def plus(self, other: "Digest") -> "Digest":
        rows, first, second = self.rows, self.first, self.second
        return Digest(self.table, rows + other.rows, first + other.first, second + other.second)


class Piece(Struct, frozen=True):
    """Rows of a table: those behind one key, up to another; None is no bound."""

    table: Table
    behind: RowKey | None = None
    up_to: RowKey | None = None


class Copy(Struct, frozen=True):
    """A read model's tables in a schema, as a connection sees them. Rows that expire with time are
    looked at only where they are later than `expired`, a position."""

    connection: Connection
    schema: str
    model: ReadModel
    expired: int = 0

    def worded(self, name: str, piece: Piece) -> sql.Composed:
        """A statement about a piece."""
        table = piece.table
        columns, keys = (
            sql.SQL(", ").join(map(sql.Identifier, names))
            for names in (table.columns, table.key_columns)
        )
        return sql.SQL(SQL[name]).format(
            table=sql.Identifier(self.schema, table.name),
            columns=columns,
            key_columns=keys,
            piece=sql.SQL(" AND ").join(self._conditions(piece, keys)),
            most=sql.Literal(MOST),
        )

    def _conditions(self, piece: Piece, keys: sql.Composable) -> Iterator[sql.Composable]:
        yield sql.SQL(SQL["any_row"])
        if isinstance(self.model, Feed) and piece.table is self.model.messages:
            yield sql.SQL(SQL["unexpired"]).format(position=sql.Literal(self.expired))
        for name, key in (("behind", piece.behind), ("up_to", piece.up_to)):
            if key is not None:
                literals = sql.SQL(", ").join(map(sql.Literal, key))
                yield sql.SQL(SQL[name]).format(key_columns=keys, key=literals)


async def ended(copy: Copy, piece: Piece) -> Piece:
    """The piece up to its MOST-th row, or without an end where it has fewer."""
    cursor = await copy.connection.execute(copy.worded("piece_end", piece))
    rows = await cursor.fetchall()
    return replace(piece, up_to=rows[0] if rows else None)


async def digest(copy: Copy, piece: Piece) -> Digest:
    """Two copies hold the same in a piece if these are equal."""
    cursor = await copy.connection.execute(copy.worded("digest", piece))
    ((rows, first, second),) = await cursor.fetchall()
    return Digest(piece.table.name, rows, int(first), int(second))


class Difference(Struct, frozen=True):
    """A row that is only here (`old`), only there (`new`), or not the same; or of which nothing but
    its key is to be shown."""

    table: str
    key: tuple[Any, ...]
    old: Row | None
    new: Row | None

    def lines(self) -> Iterator[str]:
        yield f"{self.table} {', '.join(map(str, self.key))}"
        if self.old is None or self.new is None:
            for sign, row in (("-", self.old), ("+", self.new)):
                if row is not None:
                    shown = (f"{column}: {_shown(value)}" for column, value in row.items())
                    yield f"  {sign} {{{', '.join(shown)}}}"
            return
        for column in self.old:
            if self.old[column] != self.new[column]:
                yield f"  {column}: {_shown(self.old[column])} -> {_shown(self.new[column])}"


def without_values(found: Iterable[Difference]) -> list[Difference]:
    return [Difference(difference.table, difference.key, None, None) for difference in found]


def _shown(value: Raw) -> str:
    text = bytes(value).decode()
    return text if len(text) <= 500 else f"{text[:500]}..."


async def first_differences(old: Copy, new: Copy, piece: Piece, most: int) -> list[Difference]:
    found: list[Difference] = []
    async with aclosing(_differences(old, new, piece)) as all_of_them:
        async for difference in all_of_them:
            found.append(difference)
            if len(found) >= most:
                break
    return found


async def _differences(old: Copy, new: Copy, piece: Piece) -> AsyncGenerator[Difference, None]:
    """Both sides in the order of their keys, side by side. Each connection is in a transaction."""
    async with aclosing(_rows(old, piece)) as ours, aclosing(_rows(new, piece)) as theirs:
        one, other = await anext(ours, None), await anext(theirs, None)
        while found := [entry for entry in (one, other) if entry]:
            key = min(key for key, _ in found)
            before = one[1] if one and one[0] == key else None
            after = other[1] if other and other[0] == key else None
            if before != after:
                yield Difference(piece.table.name, key, _row(before), _row(after))
            one = await anext(ours, None) if before else one
            other = await anext(theirs, None) if after else other


async def _rows(copy: Copy, piece: Piece) -> AsyncGenerator[tuple[RowKey, str], None]:
    """Yields the key of each row, and the row as JSON."""
    table = piece.table
    async with copy.connection.cursor(name=f"{copy.schema}_{table.name}") as cursor:
        await cursor.execute(copy.worded("ordered", piece))
        async for (text,) in cursor:
            row = msgspec.json.decode(text)
            yield tuple(row[key] for key in table.key_columns), text


def _row(text: str | None) -> Row | None:
    return None if text is None else msgspec.json.decode(text, type=Row)
