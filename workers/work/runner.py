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
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from uuid import uuid4

import psycopg
from psycopg import sql

from domain.errors import NotFound, Refused, Unavailable
from domain.store.writer import Author, History
from domain.work import Result
from projections.due import TABLE
from projections.engine.election import connect, not_cancelled
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


class Runner:
    """One worker. `step` takes what there is room for; what is taken goes on beside it."""

    def __init__(self, kinds: Sequence[Kind], history: History, stalled: float = STALLED) -> None:
        self.worker = uuid4().hex
        self._kinds = {kind.name: kind for kind in kinds}
        self._history = history
        self._stalled = stalled
        self._held: dict[Name, asyncio.Task[None]] = {}
        self._rung = asyncio.Event()
        self._reported_at = 0.0
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._database_url = database_url
        taking = await self._connect()
        await taking.execute(SQL["short"])
        self._taking = Leases(taking, self.worker, self._stalled)
        # Another one: what is told of single pieces must not end up in the transaction of a take.
        self._leases = Leases(await self._connect(), self.worker, self._stalled)
        self._listening = await self._connect()
        names = {"names": list(self._kinds), "versions": [1] * len(self._kinds)}
        await taking.execute(LOG["enrol"], names | {"kind": "work"})
        self._computing = Computing()
        self._open.callback(self._computing.close)
        self._tools = Tools(self._reading, self._computing.run)
        self._beside = [asyncio.create_task(self._listen()), asyncio.create_task(self._beat())]
        self._open.push_async_callback(self._end)

    async def stop(self) -> None:
        """Breaks off what is in work, and gives it back."""
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
        for task in self._beside:
            if task.done():
                task.result()  # a line that is lost is nothing to go on with
        free = {name: kind.concurrency - self._busy(name) for name, kind in self._kinds.items()}
        asked = [kind for name, kind in self._kinds.items() if free[name] > 0]
        taken: list[Piece] = []
        if asked:
            for kind in await self._taking.ready(asked):
                taken += await self._taking.take(self._kinds[kind], free[kind])
        for piece in taken:
            name = piece.kind, piece.subject
            if name in self._held:  # it was lost and came back before what we do of it has ended
                await self._leases.give_back(piece, LATER)
                continue
            self._held[name] = asyncio.create_task(self._perform(self._kinds[piece.kind], piece))
            self._held[name].add_done_callback(partial(self._done, name))
        if time.monotonic() - self._reported_at >= POLL_SECONDS:
            await self._report()
        return taken

    def _busy(self, name: str) -> int:
        return sum(kind == name for kind, _ in self._held)

    def _done(self, name: Name, task: "asyncio.Task[None]") -> None:
        del self._held[name]
        if not task.cancelled() and (problem := task.exception()):
            log.warning("%s of %s was left to its lease: %s", *name, problem, exc_info=problem)
        self._rung.set()  # there is room again

    async def _report(self) -> None:
        self._reported_at = time.monotonic()
        works = [self._busy(name) > 0 for name in self._kinds]
        await self._leases.report(list(self._kinds.values()), works)

    # One piece
    async def _perform(self, kind: Kind, piece: Piece) -> None:
        try:
            await self._attempt(kind, piece)
        except asyncio.CancelledError:
            with suppress(psycopg.Error):
                await self._leases.give_back(piece, 0.0)
            raise
        except NotRecordedError as e:  # no fault of the piece
            log.warning("%s of %s: %s", kind.name, piece.subject, e)
            await self._leases.give_back(piece, LATER)
        except Exception as e:
            log.warning("%s of %s failed: %s", kind.name, piece.subject, e, exc_info=e)
            await self._fail(kind, piece, e)

    async def _attempt(self, kind: Kind, piece: Piece) -> None:
        once = kind.policy is Policy.AT_MOST_ONCE
        if once and piece.begun >= piece.wanted:
            raise UnsureError("the worker ended after it had begun")
        if piece.attempts > len(kind.backoff) + 1:
            raise NeverFinishedError(f"in {piece.attempts - 1} attempts")
        if once and not await self._leases.begin(piece):
            return  # the lease is another's
        result = await self._worked(kind, piece)
        await self._record(kind, piece, result)
        await self._leases.settle(piece, result.based_on)

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

    async def _fail(self, kind: Kind, piece: Piece, e: Exception) -> None:
        problem, wait, begun = said(e), kind.wait(piece.attempts), piece.begun
        if kind.policy is Policy.AT_MOST_ONCE and not isinstance(e, NotBegunError):
            problem = f"It may have been done. {problem}"
            wait, begun = None, piece.wanted  # the mark stays
        await self._leases.fail(piece, problem, wait, begun)

    # Beside
    async def _listen(self) -> None:
        connection = self._listening
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        async for heard in connection.notifies():
            if TABLE.name in heard.payload.split()[1:]:
                self._rung.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._stalled / BEATS)
            if held := list(self._held):
                ours = await self._leases.beat(held)
                for name in set(held) - ours:
                    if name in self._held:
                        self._held[name].cancel()  # to save what it costs; late is harmless

    async def _connect(self) -> Connection:
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

    async def _end(self) -> None:
        tasks = [*self._beside, *self._held.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_work(database_url: str, kinds: Sequence[Kind], history: History) -> None:
    """Until it is cancelled: where the database is away, again from the start."""
    pause = PAUSE
    while True:
        runner, began = Runner(kinds, history, STALLED), time.monotonic()
        try:
            await runner.start(database_url)
            await runner.run()
        except (psycopg.Error, OSError) as e:
            log.warning("work stopped: %s", e)
        finally:
            await runner.stop()
        if not not_cancelled():
            return
        pause = PAUSE if time.monotonic() - began > LATER else min(2 * pause, LATER)
        await asyncio.sleep(pause)
