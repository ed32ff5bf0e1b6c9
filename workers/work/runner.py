"""Does what is due: takes pieces under leases, works on several at once, and hands the results to
History.

Postgres rings when views.due has moved on; once a second it is asked anyhow. What may happen at any
line, and what comes of it:

    before the work        the lease stalls, and another worker takes the piece over
    in the work            the same; what is done at most once is marked, and parked as unsure
    before the command     the same: the work is done again, or parked
    before the answer      the event is there, so the piece is not due; another worker that takes it
                           before views.due says so hands in what is no newer, and changes nothing
    frozen, then awake     likewise: its result is no newer than the one recorded meanwhile
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from uuid import uuid4

import psycopg
from psycopg import sql

from domain.errors import NotFound, Refused, Unavailable
from domain.store.writer import Author, History
from domain.work import Result
from projections.due import TABLE
from projections.engine.election import connect, run_again
from projections.engine.event_log import SQL as LOG
from projections.engine.event_log import Connection
from projections.engine.parking import said
from workers.work.computing import Computing
from workers.work.kind import Kind, NotBegunError, Piece, Policy, Tools
from workers.work.leases import SQL, Leases, Name

log = logging.getLogger(__name__)

STALLED = 30.0  # seconds without a heartbeat after which a lease may be taken over
BEATS = 6  # in that time
POLL_SECONDS = 1.0  # seconds between looks when nobody rings
PAUSE = 0.5  # seconds before a result that the store did not take is handed in again
PATIENCE = 60.0  # seconds in which it must take it
LATER = 5.0  # seconds before a piece is taken again that could not be recorded
CHANNEL = "views"


class NeverFinishedError(Exception):
    """Every time it was taken, the worker ended before it was done"""


class UnsureError(Exception):
    """Done at most once, and another worker may have done it"""


class NotRecordedError(Exception):
    """The store did not take the result in time: it is lost, and the work to be done again"""


class _Held:
    """A piece that this worker is at."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.task: asyncio.Task[None]
        self.is_begun = False  # from here on its attempt may have cost something
        self.is_done = False  # and from here on its result has only to be handed in


class Runner:
    """One worker. `step` takes what there is room for; what is taken goes on meanwhile, also where
    the connections to the database are lost meanwhile and `connect` opens others."""

    def __init__(self, kinds: Sequence[Kind], history: History, stalled: float = STALLED) -> None:
        self.worker = uuid4().hex
        self._kinds = {kind.name: kind for kind in kinds}
        self._history = history
        self._stalled = stalled
        self._held: dict[Name, _Held] = {}
        self._rung = asyncio.Event()
        self._reported_at = 0.0
        self._computing = Computing()
        self._tools = Tools(self._reading, self._computing.run)
        self._background: list[asyncio.Task[None]] = []
        self._open = AsyncExitStack()  # of its connections, and who uses them

    async def connect(self, database_url: str) -> None:
        """Also again, after they were lost: in the place of those there were."""
        await self._disconnect()
        self._database_url = database_url
        taking = await self._connection()
        await taking.execute(SQL["short"])
        self._taking = Leases(taking, self.worker, self._stalled)
        # Another one: what is said of single pieces must not end up in the transaction of a take.
        self._leases = Leases(await self._connection(), self.worker, self._stalled)
        listening = await self._connection()
        names = {"names": list(self._kinds), "versions": [1] * len(self._kinds)}
        await taking.execute(LOG["enrol"], names | {"kind": "work"})
        background = (self._listen(listening), self._beat())
        self._background = [asyncio.create_task(one) for one in background]

    async def stop(self) -> None:
        """Breaks off what is in work, and gives it back."""
        await _cancelled([held.task for held in self._held.values()])
        await self._disconnect()
        await asyncio.to_thread(self._computing.close)

    async def _disconnect(self) -> None:
        await _cancelled(self._background)
        self._background = []
        await self._open.aclose()

    async def run(self) -> None:
        """Until it is cancelled, or its database is away."""
        while True:
            self._rung.clear()
            await self.step()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._rung.wait()

    async def step(self) -> list[Piece]:
        """Takes what there is room for. Gives what it took."""
        for task in self._background:
            if task.done():
                task.result()  # a line that is lost is nothing to go on with
        free = {name: kind.concurrency - self._busy(name) for name, kind in self._kinds.items()}
        asked = [kind for name, kind in self._kinds.items() if free[name] > 0]
        taken: list[Piece] = []
        if asked:
            for kind in await self._taking.ready(asked):
                taken += await self._taking.take(self._kinds[kind], free[kind])
        for piece in taken:
            held = _Held(piece)
            if _name(piece) in self._held:  # it was lost and came back, and we are at it still
                await self._give_back(held, LATER)
                continue
            held.task = asyncio.create_task(self._perform(self._kinds[piece.kind], held))
            self._held[_name(piece)] = held
            held.task.add_done_callback(partial(self._done, _name(piece)))
        if time.monotonic() - self._reported_at >= POLL_SECONDS:
            await self._report(POLL_SECONDS / 2)
        return taken

    def _busy(self, name: str) -> int:
        return sum(kind == name for kind, _ in self._held)

    def _done(self, name: Name, task: "asyncio.Task[None]") -> None:
        del self._held[name]
        if not task.cancelled() and (problem := task.exception()):
            log.warning("%s of %s was left to its lease: %s", *name, problem, exc_info=problem)
        self._rung.set()  # there is room again

    async def _report(self, every: float = 0.0) -> None:
        self._reported_at = time.monotonic()
        await self._leases.report(list(self._kinds.values()), every)

    # One piece
    async def _perform(self, kind: Kind, held: _Held) -> None:
        try:
            await self._attempt(kind, held)
        except asyncio.CancelledError:
            with suppress(psycopg.Error):
                await self._give_back(held, 0.0)
            raise
        except NotRecordedError as e:  # no fault of the piece
            log.warning("%s of %s: %s", kind.name, held.piece.subject, e)
            await self._said(lambda: self._give_back(held, LATER))
        except Exception as e:
            log.warning("%s of %s failed: %s", kind.name, held.piece.subject, e, exc_info=e)
            await self._fail(kind, held, e)

    async def _attempt(self, kind: Kind, held: _Held) -> None:
        piece, once = held.piece, kind.policy is Policy.AT_MOST_ONCE
        if once and piece.begun >= piece.wanted:
            raise UnsureError("the worker ended after it had begun")
        if piece.attempts > len(kind.backoff) + 1:
            raise NeverFinishedError(f"in {piece.attempts - 1} attempts")
        if once and not await self._leases.begin(piece):
            return  # the lease is another's
        held.is_begun = True
        result = await self._worked(kind, piece)
        held.is_done = True
        await self._record(kind, piece, result)
        await self._said(lambda: self._leases.settle(piece, result.based_on))

    async def _worked(self, kind: Kind, piece: Piece) -> Result:
        deadline = asyncio.timeout(kind.deadline)
        try:
            async with deadline:
                result = await kind.work(piece, self._tools)
        except TimeoutError:
            if deadline.expired():
                raise TimeoutError(f"not done within {kind.deadline:g} s") from None
            raise
        if result.based_on < piece.wanted:
            raise ValueError(f"it is based on {result.based_on}, and wanted at {piece.wanted}")
        return result

    async def _record(self, kind: Kind, piece: Piece, result: Result) -> None:
        """The work is done and paid for, so a store that is away for a while is waited for."""
        by = Author(f"work:{kind.name}", piece.subject.partition(":")[0])
        until = time.monotonic() + PATIENCE
        while True:
            try:
                await self._history.execute(result, by=by)
            except Unavailable as e:
                if time.monotonic() > until:
                    raise NotRecordedError(str(e)) from e
                await asyncio.sleep(PAUSE)
            except (Refused, NotFound) as e:  # an answer: it is not wanted any more
                log.info("the result of %s of %s is refused: %s", kind.name, piece.subject, e)
                return
            else:
                return

    async def _fail(self, kind: Kind, held: _Held, e: Exception) -> None:
        piece = held.piece
        problem, wait, begun = said(e), kind.wait(piece.attempts), piece.begun
        if kind.policy is Policy.AT_MOST_ONCE and not isinstance(e, NotBegunError):
            problem = f"It may have been done. {problem}"
            wait, begun = None, piece.wanted  # the mark stays
        unspent = self._unspent(held)
        await self._said(lambda: self._leases.fail(piece, problem, wait, begun, unspent))

    async def _said(self, what: Callable[[], Awaitable[None]]) -> None:
        """Once more where the connection was lost: other ones are opened meanwhile."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await what()
            except psycopg.Error:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(PAUSE)

    async def _give_back(self, held: _Held, wait: float) -> None:
        await self._leases.give_back(held.piece, wait, self._unspent(held))

    def _unspent(self, held: _Held) -> int:
        budget = self._kinds[held.piece.kind].budget
        return budget.each if budget and not held.is_begun else 0

    # Heartbeats and notifications
    async def _listen(self, connection: Connection) -> None:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        async for heard in connection.notifies():
            if TABLE.name in heard.payload.split()[1:]:
                self._rung.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._stalled / BEATS)
            await self._keep_leases()

    async def _keep_leases(self) -> None:
        """Gives a sign of life for each, and breaks off what was lost. That saves what it costs;
        a result that is there has cost it already, and is handed in whoever holds the lease."""
        before = dict(self._held)
        if not before:
            return
        ours = await self._leases.beat([held.piece for held in before.values()])
        for name, held in before.items():
            # Meanwhile it may have ended, and its subject been taken anew.
            if name not in ours and self._held.get(name) is held and not held.is_done:
                held.task.cancel()

    async def _connection(self) -> Connection:
        connection = await connect(self._database_url, "work")
        self._open.push_async_callback(connection.close)
        return connection

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Connection]:
        connection = await connect(self._database_url, "work")
        try:
            yield connection
        finally:
            await connection.close()


def _name(piece: Piece) -> Name:
    return piece.kind, piece.subject


async def _cancelled(tasks: Iterable["asyncio.Task[None]"]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run_work(database_url: str, kinds: Sequence[Kind], history: History) -> None:
    """Until it is cancelled. Where the database is away it connects again; what it is at goes on
    meanwhile, above all a result that the store has not taken yet."""
    runner = Runner(kinds, history, STALLED)

    async def connected() -> None:
        await runner.connect(database_url)
        await runner.run()

    try:
        await run_again("work", connected)
    finally:
        await runner.stop()
