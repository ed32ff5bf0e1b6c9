"""Whether two copies of a read model hold the same, and if not, where they differ."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from typing import Any, LiteralString, cast

import msgspec
from msgspec import Raw, Struct

from projections.engine.event_log import Connection
from projections.engine.shadow import SQL
from projections.read_model import ReadModel, Table

Row = dict[str, Raw]  # as Postgres writes it


class Digest(Struct, frozen=True):
    """Of a table: how many rows, and sums of two hashes of each, whatever their order."""

    table: str
    rows: int
    first: str
    second: str


async def digests(connection: Connection, model: ReadModel, views: str) -> list[Digest]:
    """What a read model holds, in a line for each table. Alike exactly where they hold the same."""
    about = {"tables": [table.name for table in model.tables], "views": views}
    cursor = await connection.execute(SQL["digest"], about)
    found = []
    for (statement,) in await cursor.fetchall():
        answer = await connection.execute(cast(LiteralString, statement))
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


async def differences(
    model: ReadModel, old: Connection, old_views: str, new: Connection, new_views: str
) -> AsyncGenerator[Difference, None]:
    """Both sides in the order of their keys, side by side. Each connection is in a transaction."""
    for table in model.tables:
        async with (
            aclosing(_rows(old, table, old_views)) as ours,
            aclosing(_rows(new, table, new_views)) as theirs,
        ):
            one, other = await anext(ours, None), await anext(theirs, None)
            while found := [entry for entry in (one, other) if entry]:
                key = min(key for key, _ in found)
                before = one[1] if one and one[0] == key else None
                after = other[1] if other and other[0] == key else None
                if before != after:
                    yield Difference(table.name, key, _row(before), _row(after))
                one = await anext(ours, None) if before else one
                other = await anext(theirs, None) if after else other


async def _rows(
    connection: Connection, table: Table, views: str
) -> AsyncGenerator[tuple[tuple[Any, ...], str], None]:
    keys = table.row.__struct_fields__[: table.keys]
    about = {"views": views, "table": table.name, "keys": list(keys)}
    ((statement,),) = await (await connection.execute(SQL["ordered"], about)).fetchall()
    async with connection.cursor(name=f"{views}_{table.name}") as cursor:
        await cursor.execute(cast(LiteralString, statement))
        async for (text,) in cursor:
            row = msgspec.json.decode(text)
            yield tuple(row[key] for key in keys), text


def _row(text: str | None) -> Row | None:
    return None if text is None else msgspec.json.decode(text, type=Row)
