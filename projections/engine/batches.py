"""Reads of the tables, those together that ask the same question at the same time.

While a statement runs, more asks come; the next statement answers all of them. So a busy process
does not send a statement a request, and one that is not busy waits for nobody. Each ask is read
after it came, so what was recorded before it came is waited for, or shown, as ever.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from projections.engine.event_log import Connection
from projections.engine.reading import Read, Tables, read
from projections.question import Ask

AT_ONCE = 2  # statements of one question: one runs while the rows of another are decoded
PATIENCE = 3.0  # seconds until an ask is answered, or fails: also while a statement hangs

Asked = tuple[Ask, asyncio.Future[Read]]


class Batches:
    def __init__(self, pool: "AsyncConnectionPool[Connection]") -> None:
        self._pool = pool
        self._waiting: dict[Tables, deque[Asked]] = defaultdict(deque)
        self._readers: dict[Tables, set[asyncio.Task[None]]] = defaultdict(set)
        self._deadlines: deque[tuple[float, asyncio.Future[Read]]] = deque()  # the next one first
        self._timer: asyncio.TimerHandle | None = None

    def read(self, question: Tables, ask: Ask) -> "asyncio.Future[Read]":
        """Raises what the statement raises, as for all that were asked with it; PoolTimeout where
        nothing was read in time."""
        future: asyncio.Future[Read] = asyncio.get_running_loop().create_future()
        self._waiting[question].append((ask, future))
        self._wait_at_most(future)
        readers = self._readers[question]
        if len(readers) < AT_ONCE:
            reader = asyncio.create_task(self._answer_all(question))
            readers.add(reader)
            reader.add_done_callback(readers.discard)
        return future

    def _wait_at_most(self, future: "asyncio.Future[Read]") -> None:
        """One timer for all, since all are as patient: that of the oldest ask."""
        deadlines, loop = self._deadlines, future.get_loop()
        while deadlines and deadlines[0][1].done():
            deadlines.popleft()
        deadlines.append((loop.time() + PATIENCE, future))
        if self._timer is None:
            self._timer = loop.call_later(PATIENCE, self._expire)

    def _expire(self) -> None:
        loop, deadlines = asyncio.get_running_loop(), self._deadlines
        while deadlines and (deadlines[0][1].done() or deadlines[0][0] <= loop.time()):
            _, future = deadlines.popleft()
            if not future.done():
                future.set_exception(PoolTimeout(f"nothing was read in {PATIENCE} s"))
        self._timer = loop.call_at(deadlines[0][0], self._expire) if deadlines else None

    async def _answer_all(self, question: Tables) -> None:
        waiting = self._waiting[question]
        while waiting:
            batch: list[Asked] = []
            try:
                async with self._pool.connection() as connection:
                    batch += _next(waiting, question.together)
                    if batch:
                        await _answer(connection, question, batch)
            except PoolTimeout as e:
                _fail(batch, e)  # those that still wait have deadlines of their own
            except BaseException as e:
                _fail(batch or list(_next(waiting, len(waiting))), e)
                if not isinstance(e, Exception):
                    raise


def _next(waiting: deque[Asked], most: int) -> Iterator[Asked]:
    """Takes from those that wait, without those who have gone."""
    while waiting and most:
        one = waiting.popleft()
        if not one[1].done():
            most -= 1
            yield one


async def _answer(connection: Connection, question: Tables, batch: Sequence[Asked]) -> None:
    try:
        found = await read(connection, question, [ask for ask, _ in batch])
    except psycopg.DataError:
        if len(batch) == 1:
            raise
        for one in batch:  # what Postgres does not take of one ask is nobody else's fault
            await _answer_alone(connection, question, one)
        return
    for (_, future), one_found in zip(batch, found, strict=True):
        if not future.done():  # whoever waited has not gone
            future.set_result(one_found)


async def _answer_alone(connection: Connection, question: Tables, one: Asked) -> None:
    try:
        await _answer(connection, question, [one])
    except psycopg.DataError as e:
        _fail([one], e)


def _fail(batch: Iterable[Asked], error: BaseException) -> None:
    for _, future in batch:
        if not future.done() and isinstance(error, Exception):
            future.set_exception(error)
        else:
            future.cancel()
