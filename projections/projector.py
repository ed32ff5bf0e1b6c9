"""Keeps read models: folds the log page by page, and commits the touched rows of a page in one
transaction with the position.

Read models that stand at the same position go together; one that is behind catches up beside
them. The position row is the fence: who does not find it where they left it has lost the lead.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain

import msgspec
import psycopg

from domain.aggregate import Recorded
from projections import log as events
from projections.follower import connect
from projections.log import END, SQL
from projections.read_model import Key, ReadModel, Rows, Table, as_columns, fold, looked_up
from sql import statements

log = logging.getLogger(__name__)

PAGE = 1_000
BEAT = 1.0  # seconds between signs of life when there is nothing to do
RETRY = 5.0  # seconds before a read model that cannot go on is tried again

# What is to be around the work on a page: a span, say.
Observe = Callable[[Sequence[Recorded]], AbstractContextManager[object]]

# How the log is read: after a position, so many events at most, up to a position.
Pages = Callable[[events.Connection, int, int, int], Awaitable[list[Recorded]]]


class LeadLostError(Exception):
    """Another projector has moved the position"""


class Projector:
    name, channel = "projector", "log"

    def __init__(
        self,
        models: Sequence[ReadModel],
        observe: Observe = lambda page: nullcontext(),
        pages: Pages = events.page,
    ) -> None:
        self._observe = observe
        self._pages = pages
        self.positions: dict[str, int] = {}
        self._models = {model.name: model for model in models}
        self._rests_until: dict[str, float] = {}
        self._beat_at = 0.0

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        names = {"names": list(self._models)}
        await self._connection.execute(SQL["enrol"], names | {"kind": "read_model"})
        rows = await (await self._connection.execute(SQL["positions"], names)).fetchall()
        self.positions = dict(rows)

    async def stop(self) -> None:
        if hasattr(self, "_connection"):
            await self._connection.close()

    async def step(self) -> bool:
        """One page for each group of read models that stand together, the foremost first."""
        moved, until = False, END
        for position in sorted(set(self.positions.values()), reverse=True):
            models = [self._models[n] for n, p in self.positions.items() if p == position]
            moved |= await self._advance(position, until, self._awake(models))
            until = position
        if not moved:
            await self._beat()
        return moved

    def _awake(self, models: list[ReadModel]) -> list[ReadModel]:
        now = time.monotonic()
        return [model for model in models if self._rests_until.get(model.name, 0.0) <= now]

    async def _advance(self, after: int, until: int, models: list[ReadModel]) -> bool:
        if not models:
            return False
        page = await self._pages(self._connection, after, PAGE, until)
        to = page[-1].position if page else until
        if to == END:
            return False
        try:
            with self._observe(page):
                await self._apply(models, page, after, to)
        except (psycopg.OperationalError, LeadLostError):
            raise
        except Exception as e:
            if len(models) == 1:
                await self._get_stuck(models[0], to, e)
            else:  # one of them cannot go on: the others can, each by itself
                for model in models:
                    await self._advance(after, to, [model])
        return True

    async def _apply(
        self, models: list[ReadModel], page: list[Recorded], after: int, to: int
    ) -> None:
        changes = list(chain.from_iterable(m.project(r) for r in page for m in models))
        rows = await self._read(looked_up(changes))
        touched = fold(rows, changes)
        names = [model.name for model in models]
        async with self._connection.transaction():
            async with self._connection.pipeline():
                fence = await self._connection.execute(
                    SQL["advance"], {"names": names, "after": after, "to": to}, prepare=True
                )
                for table, keys in touched.items():
                    await self._write(table, rows, keys)
                await self._connection.execute(
                    SQL["tell"], {"names": names, "to": str(to)}, prepare=True
                )
            if fence.rowcount != len(names):
                raise LeadLostError(f"{names} are no longer at {after}")
        self.positions |= dict.fromkeys(names, to)
        self._beat_at = time.monotonic()

    async def _read(self, wanted: dict[Table, set[Key]]) -> Rows:
        async with self._connection.pipeline():
            cursors = {
                table: await self._connection.execute(
                    statements(table.sql)[f"{table.name}_read"],
                    as_columns(keys, table),
                    prepare=True,
                )
                for table, keys in wanted.items()
            }
        return {table: _by_key(table, await c.fetchall()) for table, c in cursors.items()}

    async def _write(self, table: Table, rows: Rows, keys: Iterable[Key]) -> None:
        written = msgspec.json.encode([rows[table][key] for key in keys]).decode()
        statement = statements(table.sql)[f"{table.name}_write"]
        await self._connection.execute(statement, {"rows": written}, prepare=True)

    async def _get_stuck(self, model: ReadModel, seen: int, error: Exception) -> None:
        log.error("%s cannot go on: %s", model.name, error, exc_info=error)
        self._rests_until[model.name] = time.monotonic() + RETRY
        problem = f"{type(error).__name__}: {error}"[:500]
        await self._connection.execute(
            SQL["stuck"], {"name": model.name, "seen": seen, "problem": problem}
        )

    async def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT:
            names = [n for n in self._models if n not in self._rests_until]
            await self._connection.execute(SQL["beat"], {"names": names})
            self._beat_at = time.monotonic()


def _by_key(table: Table, rows: Sequence[tuple[str]]) -> dict[Key, msgspec.Struct]:
    """Rows came as one JSON list, in the shape of the table's Struct."""
    found = msgspec.json.decode(rows[0][0], type=list[table.row])  # type: ignore[name-defined]
    names = table.row.__struct_fields__[: table.keys]
    return {tuple(getattr(row, name) for name in names): row for row in found}
