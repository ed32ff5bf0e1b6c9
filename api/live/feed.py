"""The live feed: one subscription of this process to NATS, a bounded queue for each reader, and
Postgres for whatever a reader has missed.

Messages of NATS name the position before theirs. Where that is not the last one seen here
(messages were dropped, the connection was lost), or where nothing is heard of what Postgres has
shown for a while, every reader reads on from Postgres, each from the last message it was sent. So
a reader gets everything once and in order, whatever NATS does.

Each capability has a feed of its own (`FEEDS`), and one that is stuck, being rebuilt or slow holds
up no other. Its events come without what is said of them; once it shows them, their readers read
on from Postgres. So an open stream hears everything of each feed, once and in that feed's order;
what a late feed says has a lower id than what others have said meanwhile.

Resuming by an id, one number N, gives all that feeds have said since N; of a feed that is late at
that moment, all that it says from where it stands. So nothing is missing and nothing comes twice
but for this: what a late feed has said after the last message that somebody heard, and before they
come back, with a position below N. Boards and agendas show it: whoever comes back reads those anew.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import nats.errors
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind
from psycopg_pool import AsyncConnectionPool

from api.live.reader import OF_NO_FEED, Audience, Reader
from api.live.watch import Watch
from projections.engine.event_log import Connection
from projections.engine.feed import since_statement
from projections.read_models import FEEDS
from sql import statements
from workers import telemetry
from workers.bus import messages

log = logging.getLogger(__name__)

SQL = statements("feeds")
NAMES = [feed.name for feed in FEEDS]
PLACES = {aggregate: i for i, feed in enumerate(FEEDS) for aggregate in feed.aggregates}
SINCE = since_statement(FEEDS)
PAGE = 500  # messages
HEARTBEAT = 10.0  # seconds between comments to each reader
TICKS = 40  # slices of readers, so that they are not all written to at once
POLL_SECONDS = 1.0  # seconds between looks at what was shown and not heard of
COMMENT = b":\n\n"

_bodies = msgspec.json.Decoder(messages.Body)
_feeds = msgspec.json.Decoder(list[messages.FeedMessage] | None)


class Late(Struct):
    """A feed whose messages were announced up to a position (`until`) that it does not show yet;
    to whom they are: to readers of these scopes, or (None) to anyone."""

    until: int
    scopes: set[str] | None
    looked_at: int = 0  # its position when its readers last looked


class Live:
    def __init__(
        self, pool: "AsyncConnectionPool[Connection]", nats_url: str, watch: Watch
    ) -> None:
        self.counts = {"messages": 0, "gaps": 0, "dropped": 0}
        self._pool = pool
        self._nats_url = nats_url
        self._watch = watch
        watch.on_older = self._go_back
        watch.on_moved = self._catch_up
        self._position = 0  # of the last message of NATS, or of what was read in its place
        self._late: dict[str, Late] = {}
        self._looked = 0, 0  # what was shown, and what we had heard, when we last looked
        self._readers: dict[Audience, set[Reader]] = {}
        self._slices: list[set[Reader]] = [set() for _ in range(TICKS)]
        self._placed = itertools.count()
        self._slice = 0  # the one whose hearts beat next
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
        sent = await (self._shown() if after is None else self._heard_by(after))
        reader = Reader(audience, sent, expires_at, cycle)
        reader.missed = after is not None
        reader.dropped = self._ended
        self._readers.setdefault(audience, set()).add(reader)
        self._slices[next(self._placed) % TICKS].add(reader)
        self._expect_late({audience[0]})
        return reader

    async def _shown(self) -> list[int]:
        """The position of each feed: what comes later is new to a reader who joins now."""
        known = [self._watch.positions[name] for name in NAMES]
        if all(known):
            return known
        positions, *_ = await self._standing()
        return positions

    async def _heard_by(self, after: int) -> list[int]:
        """Up to where someone has heard each feed who last heard `after`. A feed is late where the
        bus is ahead of it; and nobody has heard what is not in the log: who comes with a position
        of a store that is no more would wait for it in vain."""
        if all(after <= self._watch.positions[name] for name in NAMES):
            return [after] * len(NAMES)
        positions, published, end = await self._standing()
        published = max(published, self._position)  # which its row may say a moment later
        after = min(after, end)
        return [after if p >= min(after, published) else p for p in positions]

    async def _standing(self) -> tuple[list[int], int, int]:
        """How far each feed has come, how far the bus has, and the end of the log."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SQL["standing"], {"names": NAMES}, prepare=True)
            ((positions, published, end),) = await cursor.fetchall()
        return positions, published, end

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
        """A page of the messages in Postgres that this reader has not heard."""
        reader.taken = True
        reader.missed = False  # before it is asked: it need not know what is missed meanwhile
        scope_id, member_id = reader.audience
        about = {"scope_id": scope_id, "member_id": member_id, "after": reader.sent, "most": PAGE}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SINCE, about, prepare=True)
            rows = await cursor.fetchall()
        if len(rows) == PAGE:
            reader.missed = True
        for feed, position, *_ in rows:
            reader.sent[feed] = position
        return b"".join(encoded(position, *said) for _, position, *said in rows)

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
                self._miss_all()
                return

    @property
    def hears(self) -> bool:
        return self._subscribed and self._client is not None and self._client.is_connected

    async def _reconnected(self) -> None:
        self._miss_all()

    def _miss_all(self) -> None:
        """Every reader reads on from Postgres now; and again when late feeds have caught up."""
        self._miss(None)
        self._expect_late(None)

    def _miss(self, scopes: set[str] | None) -> None:
        for (scope_id, _), readers in self._readers.items():
            if scopes is None or scope_id in scopes:
                for reader in readers:
                    reader.miss()

    def _expect_late(self, scopes: set[str] | None) -> None:
        """Readers look again once the feeds show all that was announced up to now."""
        for name in NAMES:
            if self._watch.positions[name] < self._position:
                self._expect(name, self._position, scopes)

    def _expect(self, name: str, position: int, scopes: set[str] | None) -> None:
        """Readers of these scopes read on from Postgres once the feed shows this position."""
        late = self._late.setdefault(name, Late(0, set(), self._watch.positions[name]))
        late.until = max(late.until, position)
        late.scopes = None if scopes is None or late.scopes is None else late.scopes | scopes

    def _catch_up(self, name: str, position: int) -> None:
        """Called when a read model has moved. A late feed's readers look when it shows all that
        was announced; before that once a second, lest they all look at each page of its."""
        late = self._late.get(name)
        if late and position >= late.until:
            del self._late[name]
            self._miss(late.scopes)

    def _go_back(self, end: int) -> None:
        """Positions after this one are given again, to other events."""
        self._position = min(self._position, end)
        self._late.clear()
        for readers in self._readers.values():
            for reader in readers:
                reader.go_back(end)

    def _find_overdue(self) -> None:
        """A message that was lost is noticed with the next one, which may be long in coming. While
        there are messages they are only late: the relay waits for a feed, but for no longer than
        half of this."""
        shown = max((self._watch.positions[name] for name in NAMES), default=0)
        shown_before, heard = self._looked
        overdue = min(shown_before, shown)
        if overdue > self._position == heard:
            self.counts["gaps"] += self._position > 0
            self._position = overdue
            self._miss_all()
        self._looked = shown, self._position
        for name, late in self._late.items():
            position = self._watch.positions[name]
            if position > late.looked_at:
                late.looked_at = position
                self._miss(late.scopes)

    async def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        position = messages.position(headers)
        if position <= self._position:
            return  # not ours, a relay that was overtaken, a stream that is being made again
        has_gap = bool(self._position) and headers.get(messages.PREVIOUS) != str(self._position)
        self._position = position
        self.counts["messages"] += 1
        if has_gap:
            self.counts["gaps"] += 1
            self._miss_all()
        if self._readers and self._announce(position, message, headers.get("traceparent")):
            await asyncio.sleep(0)  # lets those read who do, before there is more

    def _announce(self, position: int, message: Msg, trace: str | None) -> bool:
        """Whether somebody's queue is half full."""
        aggregate, scope_id = messages.announced(message.subject)
        feed = PLACES.get(aggregate, OF_NO_FEED)
        said = _feeds.decode(_bodies.decode(message.data).feed)
        if feed != OF_NO_FEED and (said is None or (said and NAMES[feed] in self._late)):
            self._look_up(NAMES[feed], position, scope_id)
            return False
        return self._offer(feed, position, said or (), trace)

    def _look_up(self, name: str, position: int, scope_id: str) -> None:
        """It is more than a message has room for; or the feed is late. Then what it says must not
        overtake what it said before, and its readers have not read yet."""
        if self._watch.positions[name] >= position and name not in self._late:
            self._miss({scope_id})
        else:
            self._expect(name, position, {scope_id})
            self._catch_up(name, self._watch.positions[name])

    def _offer(
        self, feed: int, position: int, said: Iterable[messages.FeedMessage], trace: str | None
    ) -> bool:
        behind = False
        for one in said:
            readers = self._readers.get((one.scope_id, one.member_id), ())
            if not readers:
                continue
            streams = [reader.stream for reader in readers if reader.stream]
            with telemetry.span(
                f"sse {one.type}", trace, SpanKind.CONSUMER, streams, position=position
            ):
                piece = encoded(position, one.type, bytes(one.data))
                for reader in tuple(readers):
                    reader.offer(feed, position, piece)
                    behind |= reader.behind
        return behind

    def _beat(self) -> None:
        self._slice = (self._slice + 1) % TICKS
        now = time.time()
        for reader in tuple(self._slices[self._slice]):
            gone = reader.cycle is not None and reader.cycle.transport.is_closing()
            if reader.dropped:  # and still here: its stream never began
                self.leave(reader)
            elif gone or reader.expires_at < now:
                reader.dropped = True
                reader.wake()
            else:
                reader.beat(COMMENT)


def encoded(position: int, type_: str, data: bytes | str) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    data = data.encode() if isinstance(data, str) else data
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (position, type_.encode(), data)
