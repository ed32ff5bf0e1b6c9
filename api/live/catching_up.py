"""Reads what readers have missed from Postgres: a query for one of them, and a few queries for a
thousand who ask at the same time. While one runs more readers ask; the next answers all of them.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import cast

import msgspec
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.live.ids import NAMES
from api.live.reader import Reader
from projections.engine.event_log import Connection
from projections.engine.feed import since_statement
from projections.read_models import FEEDS
from sql import statements

SQL = statements("feeds")
SINCE = since_statement(FEEDS)
PAGE = 500  # messages that one query reads, of all its readers together
EACH = 20  # of each reader, at least
TOGETHER = 64  # readers whose messages one query reads
AT_A_TIME = 8  # readers that are told what was read, each time around the event loop
REST = 0.005  # seconds between two queries: more readers gather, and reads have their turn
QUERIES = 2  # at once: one runs while the rows of another are handed out

# A feed's place, position, type and data, and the number of what came belated
SaidRow = tuple[int, int, str, str, int | None]


class Standing(Struct, frozen=True):
    """How far each feed has come, where the log ended when each began, how far the bus has come,
    and the end of the log."""

    shown: list[int]
    began: list[int]
    published: int
    end: int


class Said(Struct):
    """How far each feed has come, the last number of what came belated, and what they have said to
    a reader up to there: what came belated, then the rest in the order of the log; `more`: or as
    much of it as was read."""

    shown: list[int]
    newest: int
    rows: list[SaidRow]
    more: bool


Asked = tuple[Reader, "asyncio.Future[Said]"]


class CatchingUp:
    def __init__(self, pool: "AsyncConnectionPool[Connection]") -> None:
        self._pool = pool
        self._waiting: deque[Asked] = deque()
        self._queries: set[asyncio.Task[None]] = set()
        self._standing: asyncio.Task[Standing] | None = None  # the next, not yet asked for

    async def standing(self) -> Standing:
        """Now, or a moment later. All who ask before it is sent share one query."""
        if self._standing is None:
            self._standing = asyncio.create_task(self._read_standing())
        return await asyncio.shield(self._standing)

    async def _read_standing(self) -> Standing:
        try:
            async with self._pool.connection() as connection:
                self._standing = None  # who asks from here on is told by the next
                cursor = await connection.execute(SQL["standing"], {"names": NAMES}, prepare=True)
                (row,) = await cursor.fetchall()
        finally:
            if self._standing is asyncio.current_task():
                self._standing = None
        return Standing(*row)

    def since(self, reader: Reader) -> "asyncio.Future[Said]":
        """Everything that was said to a reader since what it was sent. Raises what the query
        raises, as for all that were asked for with it."""
        future: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting.append((reader, future))
        if len(self._queries) < QUERIES:
            self._queries.add(asyncio.create_task(self._answer()))
        return future

    async def _answer(self) -> None:
        """Nothing comes between the last look at who waits and the end of this one, which another
        takes the place of: whoever waits is answered."""
        try:
            await self._answer_all()
        finally:
            self._queries.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _answer_all(self) -> None:
        while self._waiting:
            batch: list[Asked] = []
            try:
                async with self._pool.connection() as connection:
                    batch += self._next()
                    if batch:
                        found = await _said(connection, [reader for reader, _ in batch])
            except BaseException as e:  # the store is away: also for those who still wait
                _fail(batch or list(self._next(len(self._waiting))), e)
                if not isinstance(e, Exception):
                    raise
            else:
                await _hand_out(batch, found if batch else ())
            await asyncio.sleep(REST)  # whoever was answered sends it before there is more

    def _next(self, most: int = TOGETHER) -> Iterator[Asked]:
        """Takes from those that wait, without those who have gone."""
        while self._waiting and most:
            one = self._waiting.popleft()
            if not one[1].done():
                most -= 1
                yield one


async def _said(connection: Connection, readers: list[Reader]) -> list[Said]:
    """In the order of the readers."""
    asks = [
        dict(zip(("scope_id", "member_id"), reader.audience, strict=True))
        | {"n": n, "after": reader.sent, "belated": reader.belated}
        for n, reader in enumerate(readers)
    ]
    most = max(PAGE // len(readers), min(PAGE, EACH))
    about = {"asks": msgspec.json.encode(asks).decode(), "names": NAMES, "most": most}
    cursor = await connection.execute(SINCE, about, prepare=True)
    found = [Said([], 0, [], False) for _ in readers]
    for n, shown, newest, *row in await cursor.fetchall():
        said = found[n]
        said.shown, said.newest = shown, newest
        if row[0] is not None:
            said.rows.append(tuple(row))
            said.more = len(said.rows) == most
    return found


async def _hand_out(batch: list[Asked], found: Sequence[Said]) -> None:
    """A few each time around the event loop: each encodes and sends what it is given."""
    left = list(zip(batch, found, strict=True))[::-1]
    try:
        while left:
            for (_, future), said in (left.pop() for _ in range(min(AT_A_TIME, len(left)))):
                if not future.done():
                    future.set_result(said)
            await asyncio.sleep(0)
    finally:
        for (_, future), _ in left:
            future.cancel()


def _fail(batch: list[Asked], error: BaseException) -> None:
    for _, future in batch:
        if future.done():
            continue
        if isinstance(error, Exception):
            future.set_exception(error)
        else:
            future.cancel()
