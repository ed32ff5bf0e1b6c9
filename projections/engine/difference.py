"""Whether two copies of a read model hold the same, and if not, where they differ."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import Any, LiteralString, cast

import msgspec
from msgspec import Raw, Struct

from projections.engine.event_log import Connection
from projections.engine.feed import Feed
from projections.engine.shadow import SQL
from projections.read_model import ReadModel, Table

Row = dict[str, Raw]  # as Postgres writes it


class Digest(Struct, frozen=True):
    """How many rows a table has, and sums of two hashes of each row: order does not count."""

    table: str
    rows: int
    first: str
    second: str


class Copy(Struct, frozen=True):
    """A read model's tables in a schema, as a connection sees them. Rows that expire with time are
    looked at only where they are later than `expired`, a position."""

    connection: Connection
    schema: str
    model: ReadModel
    expired: int = 0

    def about(self, table: Table) -> dict[str, Any]:
        expires = isinstance(self.model, Feed) and table is self.model.messages
        return {
            "views": self.schema,
            "table": table.name,
            "columns": list(table.columns),
            "keys": list(table.key_columns),
            "after": self.expired if expires else None,
        }


async def read_expired(connection: Connection, model: ReadModel) -> int:
    """The position up to which rows of a feed are deleted; 0 where none are."""
    cursor = await connection.execute(SQL["expired"], {"name": model.name})
    ((position,),) = await cursor.fetchall()
    return int(position)


async def digests(copy: Copy) -> list[Digest]:
    """The content of each table as a Digest. Two copies hold the same if these are equal."""
    found = []
    for table in copy.model.tables:
        cursor = await copy.connection.execute(SQL["digest"], copy.about(table))
        ((statement,),) = await cursor.fetchall()
        answer = await copy.connection.execute(cast(LiteralString, statement))
        found += [Digest(*row) for row in await answer.fetchall()]
    return found


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


async def differences(old: Copy, new: Copy) -> AsyncGenerator[Difference, None]:
    """Both sides in the order of their keys, side by side. Each connection is in a transaction."""
    for table in old.model.tables:
        async with aclosing(_rows(old, table)) as ours, aclosing(_rows(new, table)) as theirs:
            one, other = await anext(ours, None), await anext(theirs, None)
            while found := [entry for entry in (one, other) if entry]:
                key = min(key for key, _ in found)
                before = one[1] if one and one[0] == key else None
                after = other[1] if other and other[0] == key else None
                if before != after:
                    yield Difference(table.name, key, _row(before), _row(after))
                one = await anext(ours, None) if before else one
                other = await anext(theirs, None) if after else other


async def _rows(copy: Copy, table: Table) -> AsyncGenerator[tuple[tuple[Any, ...], str], None]:
    """Yields the key of each row, and the row as JSON."""
    worded = await copy.connection.execute(SQL["ordered"], copy.about(table))
    ((statement,),) = await worded.fetchall()
    async with copy.connection.cursor(name=f"{copy.schema}_{table.name}") as cursor:
        await cursor.execute(cast(LiteralString, statement))
        async for (text,) in cursor:
            row = msgspec.json.decode(text)
            yield tuple(row[key] for key in table.key_columns), text


def _row(text: str | None) -> Row | None:
    return None if text is None else msgspec.json.decode(text, type=Row)
