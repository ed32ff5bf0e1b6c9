"""The tables of a read model once more, in a schema of their own, to be filled beside the old ones
and to take their place.

What a rebuild leaves when it is killed is in that schema, and is dropped by the next one or by
upkeep; a lock says whether it is still at work.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, cast

from msgspec import Struct

from projections.engine import tables
from projections.engine.election import connect
from projections.engine.event_log import SQL as LOG
from projections.engine.event_log import Connection
from projections.read_model import ReadModel, Table
from sql import statements

SQL = statements("rebuild")


class Shadow:
    def __init__(self, model: ReadModel, connection: Connection) -> None:
        self.schema = f"rebuild_{model.name}"
        self.connection = connection
        self._model = model
        self._about = {"name": model.name, "tables": [table.name for table in model.tables]}

    async def make(self) -> None:
        """Empty tables, without indexes."""
        await self.connection.execute(SQL["act_as_owner"], self._about)
        await self.connection.execute(SQL["no_sync_commit"])
        await self.connection.execute(SQL["index_memory"])
        await self.clear()
        await carry_out(self.connection, "make", self._about)

    async def write(self, table: Table, rows: Iterable[Struct]) -> None:
        """Rows that come once: there is nothing yet that they could be in conflict with. As JSON,
        like the projector's: to put them into the text of a COPY costs us ten times as much here
        as to leave that to the server, which has a processor of its own."""
        await tables.write(self.connection, tables.insert_statement(table, self.schema), rows)

    async def key(self, some: Sequence[Table]) -> None:
        """From here on rows of these tables are found by their keys, and overwritten."""
        about = self._about | {"tables": [table.name for table in some]}
        await carry_out(self.connection, "key", about)

    async def overwrite(self, table: Table, rows: Iterable[Struct]) -> None:
        """Rows of a table with keys: new ones, and those that were there."""
        await tables.write(self.connection, tables.write_statement(table, self.schema), rows)

    async def finish(self, position: int) -> None:
        """From here on a projector can go on."""
        await carry_out(self.connection, "index", self._about)
        at = {"name": self._model.name, "version": self._model.version, "position": position}
        await carry_out(self.connection, "begin", at)

    async def clear(self) -> None:
        await carry_out(self.connection, "clear", self._about)


async def carry_out(connection: Connection, name: str, parameters: dict[str, Any]) -> None:
    """Executes the statements that the named one gives: Postgres words them from its catalogue."""
    for (statement,) in await (await connection.execute(SQL[name], parameters)).fetchall():
        await connection.execute(cast(LiteralString, statement))


@asynccontextmanager
async def locked(database_url: str, name: str) -> AsyncIterator[Connection | None]:
    """None: somebody else is at work on this read model. The lock ends with the connection."""
    async with await connect(database_url, f"rebuild {name}") as connection:
        yield connection if await _is_ours(connection, name) else None


async def _is_ours(connection: Connection, name: str) -> bool:
    cursor = await connection.execute(LOG["is_leader"], {"name": f"rebuild.{name}"})
    ((taken,),) = await cursor.fetchall()
    return bool(taken)


async def tidy(connection: Connection) -> list[str]:
    """Drops what rebuilds have left that are no longer at work; whose they were."""
    tidied = []
    for (name,) in await (await connection.execute(SQL["leftovers"])).fetchall():
        if await _is_ours(connection, name):
            await carry_out(connection, "clear", {"name": name})
            await connection.execute(SQL["unlock"], {"name": f"rebuild.{name}"})
            tidied.append(name)
    return tidied
