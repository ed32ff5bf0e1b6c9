"""The live feed: one subscription of this process to NATS, a bounded queue for each reader, and
Postgres for whatever a reader has missed.

Messages of NATS name the position before theirs. Where that is not the last one seen here
(messages were dropped, the connection was lost), or where nothing is heard of what Postgres has
shown for a while, every reader reads on from Postgres, each from the last message it was sent. So
a reader gets everything once and in order, whatever NATS does.
"""

import asyncio
import itertools
import logging
import time
from typing import Any

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind
from psycopg_pool import AsyncConnectionPool

from api.live.reader import Audience, Reader
from api.live.watch import Watch
from projections.engine import event_log
from projections.engine.event_log import Connection
from sql import statements
from workers import telemetry
from workers.bus import messages

log = logging.getLogger(__name__)

SQL = statements("live_feed")
PAGE = 500
HEARTBEAT = 10.0  # seconds between comments to each reader
TICKS = 40  # slices of readers, so that they are not all written to at once
POLL_SECONDS = 1.0  # seconds between looks at what was shown and not heard of
COMMENT = b":\n\n"

_bodies = msgspec.json.Decoder(messages.Body)
_told = msgspec.json.Decoder(list[messages.FeedMessage] | None)


class Live:
    def __init__(
        self, pool: "AsyncConnectionPool[Connection]", nats_url: str, watch: Watch
    ) -> None:
        self.counts = {"messages": 0, "gaps": 0, "dropped": 0}
        self._pool = pool
        self._nats_url = nats_url
        self._watch = watch
        watch.on_older = self._go_back
        self._position = 0
        self._looked = 0, 0  # what was shown, and what we had heard, at the last look
        self._readers: dict[Audience, set[Reader]] = {}
        self._slices: list[set[Reader]] = [set() for _ in range(TICKS)]
        self._placed = itertools.count()
        self._turn = 0
        self._client: Client | None = None
        self._subscribed = False
        self._ended = False

    def __len__(self) -> int:
        return sum(map(len, self._slices))

    async def run(self) -> None:
        """Connects, for ever, keeps the readers' hearts beating, and looks for what was lost."""
        connecting = asyncio.create_task(self._connect())
        looked = time.monotonic()
        try:
            while True:
                await asyncio.sleep(HEARTBEAT / TICKS)
                self._beat()
                if time.monotonic() - looked >= POLL_SECONDS:
                    self._find_overdue()
                    looked = time.monotonic()
        finally:
            connecting.cancel()
            self.end()
            if self._client:
                await self._client.close()

    async def join(
        self, audience: Audience, after: int | None, expires_at: float, cycle: Any
    ) -> Reader:
        """A reader that hears what is announced from now on, and first what was since `after`."""
        sent = await (self._shown() if after is None else self._known(after))
        reader = Reader(audience, sent, expires_at, cycle)
        reader.missed = after is not None
        reader.dropped = self._ended
        self._readers.setdefault(audience, set()).add(reader)
        self._slices[next(self._placed) % TICKS].add(reader)
        return reader

    async def _shown(self) -> int:
        """A process that has just begun does not know yet how much is old to who comes now."""
        if position := self._watch.positions["live_feed"]:
            return position
        async with self._pool.connection() as connection:
            row = await (await connection.execute(SQL["end"])).fetchone()
        return int(row[0]) if row else 0

    async def _known(self, after: int) -> int:
        """Who comes with a position of a store that is no more would wait for it in vain."""
        if after <= self._watch.positions["live_feed"]:
            return after
        async with self._pool.connection() as connection:
            return min(after, await event_log.end(connection))

    def leave(self, reader: Reader) -> None:
        for slice_ in self._slices:
            if reader in slice_:
                slice_.remove(reader)
                self.counts["dropped"] += reader.unread
        readers = self._readers.get(reader.audience, set())
        readers.discard(reader)
        if not readers:
            self._readers.pop(reader.audience, None)

    async def missed(self, reader: Reader) -> bytes:
        """What Postgres has for this reader, a page at a time."""
        reader.taken = True
        reader.missed = False  # before it is asked: it need not know what is missed meanwhile
        event_id, member_id = reader.audience
        async with self._pool.connection() as connection:
            parameters = {
                "event_id": event_id,
                "member_id": member_id,
                "after": reader.sent,
                "most": PAGE,
            }
            cursor = await connection.execute(SQL["since"], parameters, prepare=True)
            rows = await cursor.fetchall()
        if len(rows) == PAGE:
            reader.missed = True
        if rows:
            reader.sent = rows[-1][0]
        return b"".join(encoded(position, type_, data.encode()) for position, type_, data in rows)

    def end(self) -> None:
        """Ends every stream; readers come back to whoever serves next."""
        self._ended = True
        for readers in list(self._readers.values()):
            for reader in list(readers):
                reader.dropped = True
                reader.wake()

    async def _connect(self) -> None:
        while True:
            try:
                self._client = await messages.connect(self._nats_url, "api", self._reconnected)
                await self._client.subscribe("events.>", cb=self._hear)
                await self._client.flush()
            except (nats.errors.Error, OSError) as e:
                log.warning("cannot hear NATS: %s", e)
                if self._client:
                    await self._client.close()
                await asyncio.sleep(1)
            else:
                self._subscribed = True
                self._miss()
                return

    @property
    def hears(self) -> bool:
        return self._subscribed and self._client is not None and self._client.is_connected

    async def _reconnected(self) -> None:
        self._miss()

    def _miss(self) -> None:
        """Whatever was said meanwhile, Postgres knows."""
        for readers in self._readers.values():
            for reader in readers:
                reader.miss()

    def _go_back(self, end: int) -> None:
        """Positions after this one are given again, to other events."""
        self._position = min(self._position, end)
        for readers in self._readers.values():
            for reader in readers:
                reader.go_back(end)

    def _find_overdue(self) -> None:
        """A message that was lost is noticed with the next one, which may be long in coming. While
        there are messages they are only late."""
        shown = min(self._watch.positions.values())  # by all of them, before anything is told
        shown_before, heard = self._looked
        overdue = min(shown_before, shown)
        if overdue > self._position == heard:
            self.counts["gaps"] += self._position > 0
            self._position = overdue
            self._miss()
        self._looked = shown, self._position

    async def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        position = messages.position(headers)
        if position <= self._position:
            return  # not ours, a relay that was overtaken, a stream that is being made again
        if self._position and headers.get(messages.PREVIOUS) != str(self._position):
            self.counts["gaps"] += 1
            self._miss()
        self._position = position
        self.counts["messages"] += 1
        if self._readers and self._announce(position, message.data, headers.get("traceparent")):
            await asyncio.sleep(0)  # lets those read who do, before there is more

    def _announce(self, position: int, body: bytes, trace: str | None) -> bool:
        """Whether somebody's queue is half full."""
        behind = False
        said = _told.decode(_bodies.decode(body).feed)
        if said is None:
            self._miss()
        for told in said or ():
            readers = self._readers.get((told.event_id, told.member_id), ())
            if not readers:
                continue
            streams = [reader.stream for reader in readers if reader.stream]
            with telemetry.span(
                f"sse {told.type}", trace, SpanKind.CONSUMER, streams, position=position
            ):
                message = encoded(position, told.type, bytes(told.data))
                for reader in tuple(readers):
                    reader.offer(position, message)
                    behind |= reader.behind
        return behind

    def _beat(self) -> None:
        self._turn = (self._turn + 1) % TICKS
        now = time.time()
        for reader in tuple(self._slices[self._turn]):
            gone = reader.cycle is not None and reader.cycle.transport.is_closing()
            if reader.dropped:  # and still here: its stream never began
                self.leave(reader)
            elif gone or reader.expires_at < now:
                reader.dropped = True
                reader.wake()
            else:
                reader.beat(COMMENT)


def encoded(position: int, type_: str, data: bytes) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (position, type_.encode(), data)
