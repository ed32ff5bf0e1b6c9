"""Keeps read models: folds the log page by page, and commits the touched rows of a page in one
transaction with the position.

Read models that stand at the same position go together; one that is behind catches up beside
them. The position row is the fence: who does not find it where they left it has lost the lead.

An event that a read model cannot apply parks its stream there: it and the stream's later events
wait in the log, everything else goes on, until somebody asks that they be replayed or dropped.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from itertools import chain, pairwise
from typing import Any

import msgspec
import psycopg

from domain.aggregate import Recorded, StreamName
from domain.store.envelope import UnreadableEventError
from projections.engine import event_log
from projections.engine.election import LeadLostError, StepDownError, connect
from projections.engine.event_log import END
from projections.engine.parking import Parking, TooManyParkedError, is_no_fault_of_an_event, said
from projections.read_model import ReadModel, RowKey, Rows, Table, as_columns, fold, looked_up
from sql import VIEWS, statements

log = logging.getLogger(__name__)

PAGE = 4_000
BEAT = 1.0  # seconds between signs of life when there is nothing to do
RETRY = 5.0  # seconds before a read model that cannot go on is tried again

# No read model's fault.
AWAY = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError, StepDownError)

# What is to be around the work on a page: a span, say.
Observe = Callable[[Sequence[Recorded]], AbstractContextManager[object]]


class Projector:
    name, channel = "projector", "log"

    def __init__(
        self,
        models: Sequence[ReadModel],
        observe: Observe = lambda page: nullcontext(),
        pages: event_log.Pages = event_log.page,
        views: str = VIEWS,
    ) -> None:
        """`views`: the schema that the tables are in. Nobody is told of those in another."""
        self._views = views
        self._sql = statements("log", views)
        self._parking = Parking(views)
        self._observe = observe
        self._pages = pages
        self.positions: dict[str, int] = {}
        self._turns: dict[str, int] = {}
        self._models = {model.name: model for model in models}
        self._rests_until: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._beat_at = self._attended_at = 0.0
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        self._open.push_async_callback(self._connection.close)
        versions = _versions(self._models.values())
        await self._connection.execute(self._sql["enrol"], versions | {"kind": "read_model"})
        self.positions.clear()
        await self._find(self._models.values())

    async def stop(self) -> None:
        await self._open.aclose()

    async def step(self) -> bool:
        """One page for each group of read models that stand together, the hindmost first, so that
        who catches up goes on with those it has reached."""
        moved = False
        for position, until in pairwise([*sorted(set(self.positions.values())), END]):
            models = [self._models[n] for n, p in self.positions.items() if p == position]
            moved |= await self._advance(position, until, self._awake(models))
        await self._beat()  # also of those that wait while another catches up
        await self._attend()
        return moved

    async def catch_up(self, until: int) -> None:
        """Once, as far as this position and no further."""
        moved = True
        while moved:
            before = dict(self.positions)
            for position in set(before.values()):
                models = [self._models[n] for n, p in before.items() if p == position < until]
                await self._advance(position, until, models)
            moved = self.positions != before

    async def _find(self, models: Iterable[ReadModel]) -> None:
        """Those whose tables are of the version that we know. The others are rebuilt beside, by
        whoever is newer: we or another."""
        found = await self._ours(models)
        await self._parking.load(self._connection, list(found))
        for name, (position, turn) in found.items():
            self.positions[name], self._turns[name] = position, turn

    async def _ours(self, models: Iterable[ReadModel]) -> dict[str, tuple[int, int]]:
        rows = await self._connection.execute(self._sql["ours"], _versions(models))
        return {name: (position, turn) for name, position, turn in await rows.fetchall()}

    def _fence(self, models: Iterable[ReadModel]) -> dict[str, Any]:
        versions = _versions(models)
        return versions | {"turns": [self._turns[name] for name in versions["names"]]}

    def _awake(self, models: list[ReadModel]) -> list[ReadModel]:
        now = time.monotonic()
        return [model for model in models if self._rests_until.get(model.name, 0.0) <= now]

    async def _advance(self, after: int, until: int, models: list[ReadModel]) -> bool:
        if not models:
            return False
        try:
            page = await event_log.readable(self._connection, after, PAGE, until, self._pages)
        except UnreadableEventError as e:
            stream = await self._parking.stream_at(self._connection, e.position)
            passed = [await self._park(model, stream, after, e.position, e) for model in models]
            return any(passed)
        to = page[-1].position if page else until
        if to == END:
            return False
        if await self._tried(models, page, after, to):
            for model in models:  # one of them cannot go on: the others can, each by itself
                await self._go_alone(model, page, after, to)
        return True

    async def _tried(
        self, models: list[ReadModel], page: list[Recorded], after: int, to: int
    ) -> Exception | None:
        try:
            with self._observe(page):
                await self._apply(models, page, after, to)
        except AWAY:
            raise
        except Exception as e:
            await self._check_lead(models, after)
            return e
        return None

    async def _check_lead(self, models: list[ReadModel], after: int) -> None:
        """Who adds rows that another projector has added already is only late."""
        expected = {model.name: (after, self._turns[model.name]) for model in models}
        if await self._ours(models) != expected:
            raise LeadLostError(f"{list(expected)} are no longer at {after}")

    async def _go_alone(self, model: ReadModel, page: list[Recorded], after: int, to: int) -> bool:
        """As far as it can: by halves, up to the one event that it cannot apply."""
        problem = await self._tried([model], page, after, to)
        if problem is None:
            return True
        if len(page) <= 1:
            stream = page[0].stream if page else None
            return await self._park(model, stream, after, to, problem)
        half = len(page) // 2
        middle = page[half - 1].position
        return await self._go_alone(model, page[:half], after, middle) and await self._go_alone(
            model, page[half:], middle, to
        )

    async def _park(
        self, model: ReadModel, stream: StreamName | None, after: int, to: int, problem: Exception
    ) -> bool:
        """Whether the read model goes on without the stream; else it gets stuck."""
        if stream is None or is_no_fault_of_an_event(problem):
            await self._get_stuck(model, to, problem)
            return False
        if dropped := self._parking.dropped(model.name, stream, to):
            log.warning("%s leaves %s out up to %s: %s", model.name, stream, dropped.until, problem)
            async with self._moving([model], after, to):
                await self._parking.leave_out(self._connection, model.name, dropped, to, problem)
            return True
        if self._parking.refuses(model.name, stream, to):
            await self._get_stuck(model, to, TooManyParkedError(problem))
            return False
        log.error("%s parks %s from %s on: %s", model.name, stream, to, problem, exc_info=problem)
        async with self._moving([model], after, to):
            await self._parking.park(self._connection, model.name, stream, to, problem)
        return True

    async def _attend(self) -> None:
        """To what somebody wants done with what is parked."""
        if time.monotonic() - self._attended_at < BEAT:
            return
        self._attended_at = time.monotonic()
        for name, stream, first, asked in await self._parking.asked(self._connection):
            if asked == "drop":
                await self._unpark(self._models[name], stream, (), drop=True)
            else:
                await self._replay(self._models[name], stream, first)

    async def _replay(self, model: ReadModel, stream: StreamName, first: int) -> None:
        """One event after the other, all or none of them."""
        try:
            until = self.positions[model.name]
            waiting = await event_log.streams(self._connection, [stream], until, first)
            await self._unpark(model, stream, waiting)
        except AWAY:
            raise
        except Exception as e:
            log.warning("%s cannot replay %s: %s", model.name, stream, said(e), exc_info=e)
            await self._parking.keep(self._connection, model.name, stream, first, e)
            await self._parking.load(self._connection, [model.name])

    async def _unpark(
        self, model: ReadModel, stream: StreamName, page: Sequence[Recorded], drop: bool = False
    ) -> None:
        at = {"position": self.positions[model.name], "turn": self._turns[model.name]}
        about = at | {"name": model.name, "version": model.version}
        async with self._connection.transaction():
            await self._parking.unpark(self._connection, stream, about, drop)
            for recorded in page:
                await self._add(model, recorded)
        self._turns[model.name] += 1
        log.info("%s goes on with %s, after %s events", model.name, stream, len(page))

    async def _add(self, model: ReadModel, recorded: Recorded) -> None:
        try:
            changes = list(model.project(recorded))
            rows = await self._read(looked_up(changes))
            for table, keys in fold(rows, changes).items():
                await self._write(table, rows, keys)
        except Exception as e:
            e.add_note(f"at position {recorded.position}")
            raise

    async def _apply(
        self, models: list[ReadModel], page: list[Recorded], after: int, to: int
    ) -> None:
        changes = [
            list(chain.from_iterable(map(model.project, self._parking.rest(model.name, page))))
            for model in models
        ]
        rows = await self._read(looked_up(chain.from_iterable(changes)))
        async with self._moving(models, after, to):
            for of_model in changes:  # Postgres writes one while the next is folded
                for table, keys in fold(rows, of_model).items():
                    await self._write(table, rows, keys)

    @asynccontextmanager
    async def _moving(self, models: list[ReadModel], after: int, to: int) -> AsyncIterator[None]:
        """What is written meanwhile is committed with the position."""
        names = [model.name for model in models]
        async with self._connection.transaction():
            async with self._connection.pipeline():
                fence = await self._connection.execute(
                    self._sql["advance"],
                    self._fence(models) | {"after": after, "to": to},
                    prepare=True,
                )
                yield
                if self._views == VIEWS:
                    told = {"names": names, "to": str(to)}
                    await self._connection.execute(self._sql["tell"], told, prepare=True)
            if fence.rowcount != len(names):
                raise LeadLostError(f"{names} are no longer at {after}")
        self.positions |= dict.fromkeys(names, to)
        for name in names:
            self._problems.pop(name, None)
        self._beat_at = time.monotonic()

    async def _read(self, wanted: dict[Table, set[RowKey]]) -> Rows:
        async with self._connection.pipeline():
            cursors = {
                table: await self._connection.execute(
                    statements(table.sql, self._views)[f"{table.name}_read"],
                    as_columns(keys, table),
                    prepare=True,
                )
                for table, keys in wanted.items()
            }
        return {table: _by_key(table, await c.fetchall()) for table, c in cursors.items()}

    async def _write(self, table: Table, rows: Rows, keys: Iterable[RowKey]) -> None:
        written = msgspec.json.encode([rows[table][key] for key in keys]).decode()
        statement = statements(table.sql, self._views)[f"{table.name}_write"]
        await self._connection.execute(statement, {"rows": written}, prepare=True)

    async def _get_stuck(self, model: ReadModel, seen: int, error: Exception) -> None:
        problem = said(error)
        if self._problems.get(model.name) != problem:
            log.error("%s cannot go on: %s", model.name, error, exc_info=error)
        self._problems[model.name] = problem
        self._rests_until[model.name] = time.monotonic() + RETRY
        await self._connection.execute(
            self._sql["stuck"], {"name": model.name, "seen": seen, "problem": problem}
        )

    async def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT:
            await self._connection.execute(self._sql["beat"], {"names": list(self.positions)})
            self._beat_at = time.monotonic()
            others = [m for name, m in self._models.items() if name not in self.positions]
            if others:  # they may have been rebuilt
                await self._find(others)


def _versions(models: Iterable[ReadModel]) -> dict[str, Any]:
    known = [(model.name, model.version) for model in models]
    return {"names": [name for name, _ in known], "versions": [version for _, version in known]}


def _by_key(table: Table, rows: Sequence[tuple[str]]) -> dict[RowKey, msgspec.Struct]:
    """Rows came as one JSON list, in the shape of the table's Struct."""
    found = msgspec.json.decode(rows[0][0], type=list[table.row])  # type: ignore[name-defined]
    names = table.row.__struct_fields__[: table.keys]
    return {tuple(getattr(row, name) for name in names): row for row in found}
