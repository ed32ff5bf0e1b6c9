"""Keeps read models: folds the log page by page, and commits the touched rows of a page in one
transaction with the position.

Read models that stand at the same position go together; one that is behind catches up beside
them. The position row of a read model is its checkpoint, and the fence: who does not find it where
they left it has lost the lead. So two projectors of one read model are harmless, whether they have
the same lead or not: of two that write the same page one commits, and the other starts anew.

Each capability has a projector of its own (`read_models.CAPABILITIES`): lead, connection and
transaction are its own, so a slow or stuck read model holds up only its own capability. Several
share a process; each lets the others on after it has worked through a few hundred events. The
events of a page, 4,000 at most, are decoded in pieces as well, and read in one statement.

An event that a read model cannot apply parks its stream there: it and the stream's later events
wait in the log, everything else goes on, until somebody asks that they be replayed or dropped; or,
where a newer version has recorded that event, until a program leads that knows it.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from itertools import chain, pairwise
from typing import Any

import psycopg

from domain.aggregate import Recorded, StreamName
from domain.errors import Unavailable
from domain.store.envelope import NewerEventError, UnreadableEventError
from projections.engine import event_log, folding, replaying, retelling, sizes
from projections.engine.election import LeadLostError, StepDownError, connect
from projections.engine.event_log import END, SQL, Connection
from projections.engine.parking import (
    Parking,
    Requested,
    TooManyParkedError,
    is_no_fault_of_an_event,
    said,
    waiting_for_us,
)
from projections.read_model import Change, FanOut, ReadModel, RowKey, Rows, Table, looked_up
from sql import VIEWS

log = logging.getLogger(__name__)

PAGE = 4_000  # events of one transaction
PIECE = 500  # events or changes that are worked through before others have their turn
BEAT = 1.0  # seconds between signs of life when there is nothing to do
# Seconds until the next page after one of which nothing was written: what follows is likely another
# capability's too, and several pages cost what one does.
PASSING = 0.025
RETRY = 5.0  # seconds before a read model that cannot go on is tried again

# No read model's fault.
AWAY = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError, StepDownError)

# What is to be around the work on a page: a span, say.
Observe = Callable[[Sequence[Recorded]], AbstractContextManager[object]]


class Projector:
    channel = "log"

    def __init__(
        self,
        models: Sequence[ReadModel],
        observe: Observe = lambda page: nullcontext(),
        pages: event_log.Pages = event_log.page,
        schema: str = VIEWS,
        name: str = "projector",
        enrols: bool = True,
    ) -> None:
        """`schema`: of the tables and positions; only moves in `views` are notified. `name`: of its
        lead. Without `enrols` it keeps only read models that have a position already."""
        self.name = name
        self.rest = 0.0
        self.parking = Parking(schema)
        self.positions: dict[str, int] = {}
        self.problems: dict[str, str] = {}  # of those that cannot go on
        self._schema = schema
        self._enrols = enrols
        self._observe = observe
        self._pages = pages
        self._epochs: dict[str, int] = {}
        self._models = {model.name: model for model in models}
        self._rests_until: dict[str, float] = {}
        self._beat_at = self._attended_at = 0.0
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name, self._schema)
        self._open.push_async_callback(self._connection.close)
        await self._connection.execute(SQL["no_sync_commit"])
        if self._enrols:
            versions = _versions(self._models.values())
            await self._connection.execute(SQL["enrol"], versions | {"kind": "read_model"})
        self.positions.clear()
        await self._find(self._models.values())

    async def stop(self) -> None:
        await self._open.aclose()

    async def step(self) -> bool:
        """One page for each group of read models that stand together, the hindmost first, so that
        who catches up goes on with those it has reached."""
        moved = False
        self.rest = PASSING
        for position, until in pairwise([*sorted(set(self.positions.values())), END]):
            models = [self._models[n] for n, p in self.positions.items() if p == position]
            moved |= await self._advance(position, until, self._awake(models))
        await self._beat()  # also of those that wait while another catches up
        return await self._attend() or moved

    async def is_wanted(self, connection: Connection) -> list[str]:
        """The read models, if streams of theirs wait for events that are known here."""
        return await waiting_for_us(connection, _versions(self._models.values()))

    async def catch_up(self, until: int) -> None:
        """Applies all up to this position and nothing after it."""
        moved = True
        while moved:
            before = dict(self.positions)
            for position in set(before.values()):
                models = [self._models[n] for n, p in before.items() if p == position < until]
                await self._advance(position, until, models)
            moved = self.positions != before

    async def _find(self, models: Iterable[ReadModel]) -> None:
        """Loads the positions of read models whose tables are of our version. Others are rebuilt by
        whichever program is newer."""
        found = await self._ours(models)
        await self.parking.load(self._connection, list(found))
        for name, (position, epoch) in found.items():
            self.positions[name], self._epochs[name] = position, epoch

    async def _ours(self, models: Iterable[ReadModel]) -> dict[str, tuple[int, int]]:
        rows = await self._connection.execute(SQL["ours"], _versions(models))
        return {name: (position, epoch) for name, position, epoch in await rows.fetchall()}

    def _fence(self, models: Iterable[ReadModel]) -> dict[str, Any]:
        versions = _versions(models)
        return versions | {"epochs": [self._epochs[name] for name in versions["names"]]}

    def _awake(self, models: list[ReadModel]) -> list[ReadModel]:
        now = time.monotonic()
        return [model for model in models if self._rests_until.get(model.name, 0.0) <= now]

    async def _advance(self, after: int, until: int, models: list[ReadModel]) -> bool:
        if not models:
            return False
        try:
            page = await event_log.readable(self._connection, after, PAGE, until, self._pages)
        except UnreadableEventError as e:
            stream = await self.parking.stream_at(self._connection, e.position)
            passed = [await self._park(model, stream, after, e.position, e) for model in models]
            return any(passed)
        except Unavailable as e:  # of a process with another master key, say: others may lead
            for model in models:
                await self._get_stuck(model, after, e)
            raise
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
        except Exception as e:
            if isinstance(e, AWAY) and not isinstance(e, sizes.TOO_LARGE):
                raise
            await self._check_lead(models, after)
            return e
        return None

    async def _check_lead(self, models: list[ReadModel], after: int) -> None:
        """A projector that adds rows which another has added already has only lost the lead."""
        expected = {model.name: (after, self._epochs[model.name]) for model in models}
        if await self._ours(models) != expected:
            raise LeadLostError(f"{list(expected)} are no longer at {after}")

    async def _go_alone(self, model: ReadModel, page: list[Recorded], after: int, to: int) -> bool:
        """Applies as much of a page as it can: by halves, up to the event that it cannot apply."""
        problem = await self._tried([model], page, after, to)
        if problem is None:
            return self.positions[model.name] == to
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
        if dropped := self.parking.dropped(model.name, stream, to):
            log.warning("%s skips %s up to %s: %s", model.name, stream, dropped.until, problem)
            async with self._moving([model], after, to):
                await self.parking.skip(self._connection, model.name, dropped, to, problem)
            return True
        if isinstance(problem, NewerEventError):
            log.warning("%s: %s %s", model.name, stream, said(problem))
        elif self.parking.is_full(model.name, stream, to):
            await self._get_stuck(model, to, TooManyParkedError(problem))
            return False
        else:
            what = "%s parks %s from %s on: %s"
            log.error(what, model.name, stream, to, problem, exc_info=problem)
        async with self._moving([model], after, to):
            await self.parking.park(self._connection, model.name, stream, to, problem)
        return True

    async def _attend(self) -> bool:
        """Does what somebody wants done with parked streams, and takes back what waited for a
        program that knows what we know. Whether there may be more of that."""
        if time.monotonic() - self._attended_at < BEAT:
            return False
        self._attended_at = time.monotonic()
        by_itself: dict[str, list[Requested]] = defaultdict(list)
        for request in await self.parking.requested(self._connection):
            model = self._models[request.reader]
            if request.by_itself:
                by_itself[request.reader].append(request)
            elif request.action == "drop":
                await self._unpark(model, [request.stream], (), drop=True)
            else:
                await self._replay(model, [request])
        for name, requests in by_itself.items():
            self._attended_at = 0.0  # so many at once: there may be more
            await self._replay(self._models[name], requests)
        return bool(by_itself)

    async def _replay(self, model: ReadModel, requests: Sequence[Requested]) -> None:
        """Applies the events that wait in one transaction: all of them, or none; then those of
        each half, down to a stream that stays parked."""
        firsts = {request.stream: request.first for request in requests}
        try:
            until = self.positions[model.name]
            waiting = await event_log.waiting(self._connection, firsts, until)
            await self._unpark(model, list(firsts), waiting)
        except Exception as e:
            if isinstance(e, AWAY) and not isinstance(e, sizes.TOO_LARGE):
                raise
            if half := len(requests) // 2:
                await self.parking.load(self._connection, [model.name])
                await self._replay(model, requests[:half])
                await self._replay(model, requests[half:])
                return
            ((stream, first),) = firsts.items()
            log.warning("%s cannot replay %s: %s", model.name, stream, said(e), exc_info=e)
            await self.parking.keep_parked(self._connection, model.name, stream, first, e)
            await self.parking.load(self._connection, [model.name])

    async def _unpark(
        self,
        model: ReadModel,
        streams: Sequence[StreamName],
        page: Sequence[Recorded],
        drop: bool = False,
    ) -> None:
        at = {"position": self.positions[model.name], "epoch": self._epochs[model.name]}
        about = at | {"name": model.name, "version": model.version}
        async with self._connection.transaction():
            await self._connection.execute(SQL["sync_commit"], prepare=True)
            await self.parking.unpark(self._connection, *streams, at=about, drop=drop)
            await replaying.apply(self._connection, model, page, self._schema, PIECE)
            to = at["position"], self.parking, self._schema
            corrected = await retelling.tell_again(self._connection, model, page, *to)
            await replaying.say_belated(self._connection, model, page, corrected, self._schema)
        self._epochs[model.name] += 1
        of = streams[0] if len(streams) == 1 else f"{len(streams)} streams"
        log.info("%s goes on with %s, after %s events", model.name, of, len(page))

    async def _apply(
        self, models: list[ReadModel], page: list[Recorded], after: int, to: int
    ) -> None:
        newer = {model.name: self.parking.newer(model.name, page) for model in models}
        changes = [await self._projected(m, page, newer[m.name]) for m in models]
        if not any(changes) and not any(newer.values()):
            await self._pass(models, after, to)
            if len(page) == PAGE:  # it catches up
                self.rest = 0.0
            return
        rows = await self._read(looked_up(chain.from_iterable(changes)))
        some = sizes.written_together(page, chain.from_iterable(changes), rows)
        if len(some) < len(page):  # the rest is the next page
            await self._apply(models, list(some), after, some[-1].position)
            return
        async with self._moving(models, after, to):
            for of_model in changes:  # Postgres writes one while the next is folded
                await folding.write(self._connection, rows, of_model, self._schema, PIECE)
            for name, firsts in newer.items():
                if firsts:
                    await self.parking.wait(self._connection, name, firsts)
        for name, firsts in newer.items():
            self.parking.waits(name, firsts)
            for stream, first in firsts.items():
                log.warning("%s: %s %s", name, stream, said(first))

    async def _read(self, wanted: dict[Table, set[RowKey]]) -> Rows:
        return await folding.read(self._connection, wanted, self._schema)

    async def _projected(
        self,
        model: ReadModel,
        page: Sequence[Recorded],
        newer: Mapping[StreamName, NewerEventError],
    ) -> list[Change | FanOut]:
        """The changes of a page, made in pieces between which others of this process run."""
        changes: list[Change | FanOut] = []
        applicable = self.parking.applicable(model.name, page, newer)
        for start in range(0, len(applicable), PIECE):
            if start:
                await asyncio.sleep(0)
            changes += chain.from_iterable(map(model.project, applicable[start : start + PIECE]))
        return changes

    async def _pass(self, models: list[ReadModel], after: int, to: int) -> None:
        """Moves past a page of which nothing is written, in one statement: most pages of a busy log
        are some other capability's. Where another has moved one of several, the rest has moved all
        the same, which is right: nothing was to be written."""
        about = self._fence(models) | {"after": after, "to": to}
        statement = "pass" if self._schema == VIEWS else "advance"
        moved = await self._connection.execute(SQL[statement], about, prepare=True)
        _check_moved(models, after, moved.rowcount)
        self._remember(models, to)

    def _remember(self, models: list[ReadModel], position: int) -> None:
        for model in models:
            self.positions[model.name] = position
            self.problems.pop(model.name, None)
        self._beat_at = time.monotonic()

    @asynccontextmanager
    async def _moving(self, models: list[ReadModel], after: int, to: int) -> AsyncIterator[None]:
        """Commits what is written inside together with the position. Raises LeadLostError, and
        commits nothing, where a position or epoch is not as we left it."""
        async with self._connection.transaction():
            async with self._connection.pipeline():
                await self._connection.execute(SQL["sync_commit"], prepare=True)
                fence = await self._connection.execute(
                    SQL["advance"],
                    self._fence(models) | {"after": after, "to": to},
                    prepare=True,
                )
                yield
                if self._schema == VIEWS:
                    moved = {"names": [model.name for model in models], "to": str(to)}
                    await self._connection.execute(SQL["tell"], moved, prepare=True)
            _check_moved(models, after, fence.rowcount)
        self._remember(models, to)
        self.rest = 0.0

    async def _get_stuck(self, model: ReadModel, seen: int, error: Exception) -> None:
        problem = said(error)
        if self.problems.get(model.name) != problem:
            log.error("%s cannot go on: %s", model.name, error, exc_info=error)
        self.problems[model.name] = problem
        self._rests_until[model.name] = time.monotonic() + RETRY
        await self._connection.execute(
            SQL["stuck"], {"name": model.name, "seen": seen, "problem": problem}
        )

    async def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT:
            await self._connection.execute(SQL["beat"], {"names": list(self.positions)})
            self._beat_at = time.monotonic()
            others = [m for name, m in self._models.items() if name not in self.positions]
            if others:  # they may have been rebuilt
                await self._find(others)


def _check_moved(models: Sequence[ReadModel], after: int, moved: int) -> None:
    """Raises LeadLostError where not all of them were found as we left them."""
    if moved != len(models):
        raise LeadLostError(f"{[model.name for model in models]} are no longer at {after}")


def _versions(models: Iterable[ReadModel]) -> dict[str, Any]:
    known = [(model.name, model.version) for model in models]
    return {"names": [name for name, _ in known], "versions": [version for _, version in known]}
