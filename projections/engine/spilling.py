"""The fold of a long log into the tables of a shadow, in memory that does not grow with them.

Rows are folded in memory, which is fastest. As soon as there are many, all are written into the
shadow's tables and forgotten; from then on, those that changes need are read from there, as a
projector does it. Rows that come once are written as they come: no change reads them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain

from msgspec import Struct

from domain.aggregate import Recorded
from projections.engine import folding
from projections.engine.shadow import Shadow
from projections.engine.tables import BATCH
from projections.read_model import Change, FanOut, ReadModel, Rows, Table, fold_all, looked_up

PIECE = 4_000  # changes for which rows are read together
# Rows in memory, or changes of these: a row may grow with each. Some 100 MB
MOST = 200_000

Write = Callable[[Table, Iterable[Struct]], Awaitable[None]]


class Spilling:
    """`expired`: rows that come once, at this position or before, would be deleted again."""

    def __init__(self, shadow: Shadow, model: ReadModel, expired: int) -> None:
        self._shadow = shadow
        self._model = model
        self._expired = expired
        self._once = [table for table in model.tables if table.append_only]
        self._kept = [table for table in model.tables if not table.append_only]
        self._rows: Rows = {table: {} for table in model.tables}
        self._changes = 0
        self._spilled = False
        self._writing = asyncio.create_task(asyncio.sleep(0))

    async def fold(self, page: Sequence[Recorded]) -> None:
        changes = chain.from_iterable(map(self._model.project, page))
        for some in folding.pieces(changes, PIECE):
            if self._spilled:
                await self._read(some)
            fold_all(self._rows, some)
            self._changes += len(some)
            for table in self._once:
                if len(self._rows[table]) >= BATCH:
                    await self._write(table)
            if self._kept and self._held >= MOST:
                await self._spill()

    @property
    def _held(self) -> int:
        return max(self._changes, sum(len(self._rows[table]) for table in self._kept))

    async def finish(self) -> None:
        """Writes what is left."""
        for table in self._once:
            await self._write(table)
        await self._empty(self._shadow.overwrite if self._spilled else self._shadow.write)

    async def stop(self) -> None:
        """Waits for what is being written, however that ends."""
        await asyncio.gather(self._writing, return_exceptions=True)

    async def _read(self, changes: Sequence[Change | FanOut]) -> None:
        """The rows that these need and that are not in memory."""
        needed = {
            table: keys - self._rows[table].keys() for table, keys in looked_up(changes).items()
        }
        if any(needed.values()):
            await self._writing  # a connection does one thing at a time
            wanted = {table: keys for table, keys in needed.items() if keys}
            found = await folding.read(self._shadow.connection, wanted, self._shadow.schema)
            for table, rows in found.items():
                self._rows[table] |= rows

    async def _write(self, table: Table) -> None:
        """Rows that come once, while others are folded."""
        await self._writing
        come = [row for row in self._rows[table].values() if row.position > self._expired]
        self._rows[table] = {}
        self._writing = asyncio.create_task(self._shadow.write(table, come))

    async def _spill(self) -> None:
        if not self._spilled:
            await self._writing
            await self._shadow.key(self._kept)
            self._spilled = True
        await self._empty(self._shadow.overwrite)
        self._changes = 0

    async def _empty(self, write: Write) -> None:
        await self._writing
        for table in self._kept:
            await write(table, self._rows[table].values())
            self._rows[table].clear()
