"""Reads of the tables, those together that ask the same question at the same time.

While a statement runs, more asks come; the next statement answers all of them. So a busy process
does not send a statement a request, and one that is not busy waits for nobody. Each ask is read
after it came, so what was recorded before it came is waited for, or shown, as ever.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable

import psycopg
from psycopg_pool import AsyncConnectionPool

from projections.engine.event_log import Connection
from projections.engine.reading import Read, Tables, read
from projections.question import Ask

AT_ONCE = 2  # statements of one question: one runs while the rows of another are decoded

Waiting = deque[tuple[Ask, asyncio.Future[Read]]]


class Batches:
    def __init__(self, pool: "AsyncConnectionPool[Connection]") -> None:
        self._pool = pool
        self._waiting: dict[Tables, Waiting] = defaultdict(deque)
        self._readers: dict[Tables, set[asyncio.Task[None]]] = defaultdict(set)

    def read(self, question: Tables, ask: Ask) -> "asyncio.Future[Read]":
        """Raises what the statement raises, as for all that were asked with it."""
        future: asyncio.Future[Read] = asyncio.get_running_loop().create_future()
        self._waiting[question].append((ask, future))
        readers = self._readers[question]
        if len(readers) < AT_ONCE:
            reader = asyncio.create_task(self._answer_all(question))
            readers.add(reader)
            reader.add_done_callback(readers.discard)
        return future

    async def _answer_all(self, question: Tables) -> None:
        waiting = self._waiting[question]
        while waiting:
            batch: Waiting = deque()
            before = len(waiting)
            try:
                async with self._pool.connection() as connection:
                    while waiting and len(batch) < question.together:
                        batch.append(waiting.popleft())
                    await _answer(connection, question, batch)
            except BaseException as e:
                if not batch:  # no connection within the pool's patience: who came first has had it
                    batch.extend(waiting.popleft() for _ in range(min(before, len(waiting))))
                _fail(batch, e)
                if not isinstance(e, Exception):
                    raise


async def _answer(connection: Connection, question: Tables, batch: Waiting) -> None:
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


async def _answer_alone(
    connection: Connection, question: Tables, one: tuple[Ask, asyncio.Future[Read]]
) -> None:
    try:
        await _answer(connection, question, deque([one]))
    except psycopg.DataError as e:
        _fail([one], e)


def _fail(batch: Iterable[tuple[Ask, asyncio.Future[Read]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done() and isinstance(error, Exception):
            future.set_exception(error)
        else:
            future.cancel()
