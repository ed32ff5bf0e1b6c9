"""Reads of the tables, those together that ask the same question at the same time.

While a statement runs, more asks come; the next statement answers all of them. So a busy process
does not send a statement a request, and one that is not busy waits for nobody. Each ask is read
after it came, so what was recorded before it came is waited for, or shown, as ever.
"""

import asyncio
from collections import defaultdict, deque

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
                    found = await read(connection, question, [ask for ask, _ in batch])
            except BaseException as e:
                if not batch:  # no connection within the pool's patience: who came first has had it
                    batch.extend(waiting.popleft() for _ in range(min(before, len(waiting))))
                _fail(batch, e)
                if not isinstance(e, Exception):
                    raise
            else:
                _answer(batch, found)


def _answer(batch: Waiting, found: list[Read]) -> None:
    """But for those who have gone."""
    for (_, future), one in zip(batch, found, strict=True):
        if not future.done():
            future.set_result(one)


def _fail(batch: Waiting, error: BaseException) -> None:
    for _, future in batch:
        if not future.done() and isinstance(error, Exception):
            future.set_exception(error)
        else:
            future.cancel()
