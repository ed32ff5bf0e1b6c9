"""The live feed: one subscription of this process to NATS, a bounded queue for each reader, and
Postgres for whatever a reader has missed.

Messages of NATS name the position before theirs. Where that is not the last one seen here
(messages were dropped, the connection was lost), or where nothing is heard of what Postgres has
shown for a while, every reader reads on from Postgres, each from the last message it was sent. So
a reader gets everything once and in order, whatever NATS does.

Each capability has a feed of its own (`FEEDS`), and one that is stuck, being rebuilt or slow holds
up no other. Its events come without what is said of them; once it shows them, their readers read
on from Postgres. So an open stream hears everything of each feed, once and in that feed's order;
what a late feed says has a lower position than what others have said meanwhile. The id of a message
says how far each feed was heard (`ids.py`), so whoever resumes by it misses nothing and hears
nothing twice. A plain number may also be the position of something else, a command's reply say:
then a feed that has not come so far is heard from where it stands.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import nats.errors
import psycopg
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind
from psycopg_pool import AsyncConnectionPool

from api.live.belated import Belated
from api.live.catching_up import CatchingUp, Said, Standing
from api.live.ids import NAMES, OF_NO_FEED, LastId
from api.live.reader import RETRY, Audience, Reader, encoded, retry, retry_within
from api.live.waking import Waking
from api.live.watch import Watch
from projections.engine.event_log import Connection
from projections.engine.feed import statement
from projections.read_models import FEEDS
from workers import telemetry
from workers.bus import messages

log = logging.getLogger(__name__)

BY_NAME = {feed.name: feed for feed in FEEDS}
PLACES = {aggregate: i for i, feed in enumerate(FEEDS) for aggregate in feed.aggregates}
HEARTBEAT = 10.0  # seconds between comments to each reader
TICKS = 40  # slices of readers, so that they are not all written to at once
POLL_SECONDS = 1.0  # seconds between looks at what was shown and not heard of
MOMENT = 0.5  # seconds for which messages wait for other feeds to come as far
UNBOUNDED = 2**63
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
        self._waited: dict[str, int] = {}  # positions that a feed has not reached within a MOMENT
        self._catching_up = CatchingUp(pool)
        self._looked = 0, 0  # what was shown, and what we had heard, when we last looked
        self._readers: dict[Audience, set[Reader]] = {}
        self._waking = Waking()
        self._belated = watch.on_belated = Belated(watch, self._readers)
        self._slices: list[set[Reader]] = [set() for _ in range(TICKS)]
        self._placed, self._slice = itertools.count(), 0  # the slice whose hearts beat next
        self._client: Client | None = None
        self._subscribed = False
        self._ended = False

    def __len__(self) -> int:
        return sum(map(len, self._slices))

    async def run(self) -> None:
        """Connects, for ever, keeps the readers' hearts beating, and looks for what was lost."""
        connecting = asyncio.create_task(self._connect())
        looked, looking = time.monotonic(), asyncio.create_task(self._look_for_late())
        try:
            while True:
                await asyncio.sleep(HEARTBEAT / TICKS)
                self._beat()
                if time.monotonic() - looked >= POLL_SECONDS:
                    self._find_overdue()
                    looked = time.monotonic()
                    if looking.done():  # while it hangs, hearts go on beating
                        looking = asyncio.create_task(self._look_for_late())
        finally:
            connecting.cancel()
            looking.cancel()
            self.end()
            if self._client:
                await self._client.close()

    async def join(
        self, audience: Audience, last: LastId | None, expires_at: float, cycle: Any
    ) -> Reader:
        """A reader that hears what is announced from now on, and first what was since `last`."""
        before = self._position
        sent, top = await (self._shown() if last is None else self._heard_by(last))
        self._expect_to_hear([*sent, top])
        reader = Reader(audience, sent, top, expires_at, cycle)
        reader.belated = self._belated.heard_by(audience, last)
        reader.missed = last is not None or before != self._position
        reader.dropped = self._ended
        self._readers.setdefault(audience, set()).add(reader)
        self._slices[next(self._placed) % TICKS].add(reader)
        self._expect_late({audience[0]}, self._position)
        return reader

    async def _shown(self) -> tuple[list[int], int]:
        """The position of each feed: what comes later is new to a reader who joins now. What a late
        feed is still to say of before is not."""
        known = [self._watch.positions[name] for name in NAMES]
        if min(known) == max(known) > 0 or min(known) >= self._position > 0:
            return known, 0
        now = await self._standing()
        published = max(now.published, self._position)  # which its row may say a moment later
        return [p if p >= published else now.end for p in now.shown], 0

    async def _heard_by(self, last: LastId) -> tuple[list[int], int]:
        """Up to where someone has heard each feed who comes back with this id; and the highest
        position that they heard. Nobody has heard what is not in the log: who comes with a position
        of a store that is no more would wait for it in vain. With a plain number a feed that has
        not come so far is taken as heard up to where it stands, but for what was no news when it
        began."""
        heard = last.of_each()
        if all(p <= self._watch.positions[name] for p, name in zip(heard, NAMES, strict=True)):
            return heard, last.top
        now = await self._standing()
        heard, top = [min(p, now.end) for p in heard], min(last.top, now.end)
        if last.is_plain:
            if await self._wait_for(now.shown, top):
                now = await self._standing()
            heard = [min(top, max(p, b)) for p, b in zip(now.shown, now.began, strict=True)]
        return heard, top

    async def _standing(self) -> Standing:
        return await self._catching_up.standing()

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
        """A page of the messages in Postgres that this reader has not heard; up to where the
        hindmost feed is, if it is only a moment behind: then the rest is still missed."""
        reader.taken = True
        reader.missed = False  # before it is asked: it need not know what is missed meanwhile
        said = await self._said_since(reader)
        shown, rows = said.shown, said.rows
        self._expect_to_hear(shown)
        in_time = (p for name, p in zip(NAMES, shown, strict=True) if not self._is_late(name, p))
        bound = min(in_time, default=UNBOUNDED)
        ready = [row for row in rows if row[1] <= bound or row[-1] is not None]
        pieces = reader.hear_page(ready, shown, said.newest)
        if said.more or len(ready) < len(rows):
            reader.missed = True
        else:
            reader.hear_all(shown)
            reader.belated = max(reader.belated or 0, said.newest)
        if not ready and rows:
            await self._wait_for(shown, rows[0][1])
        return b"".join(pieces)

    def _expect_to_hear(self, positions: Iterable[int]) -> None:
        if (until := max(positions)) > self._position:
            self._watch.read_ahead(self._position, until)

    async def _said_since(self, reader: Reader) -> Said:
        return await self._catching_up.since(reader)

    def _is_late(self, name: str, position: int) -> bool:
        """Whether it makes no sense to wait for a feed that has come so far."""
        return position < self._waited.get(name, 0)

    async def _wait_for(self, positions: list[int], position: int) -> bool:
        """Whether there was anything to wait for: feeds that have come less far than this. Most are
        a few milliseconds behind another, and after a wait they agree."""
        stand = zip(NAMES, positions, strict=True)
        behind = [name for name, p in stand if p < position and not self._is_late(name, p)]
        deadline = time.monotonic() + MOMENT
        for name in behind:
            if not await self._watch.reach(name, position, max(0.0, deadline - time.monotonic())):
                self._waited[name] = position
        return bool(behind)

    def retry(self) -> bytes:
        return retry(len(self))

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
        self._expect_late(None, self._position)

    def _miss(self, scopes: set[str] | None) -> None:
        for (scope_id, _), readers in self._readers.items():
            if scopes is None or scope_id in scopes:
                for reader in readers:
                    self._waking.miss(reader)

    def _expect_late(self, scopes: set[str] | None, position: int) -> None:
        """Readers look again once the feeds show all that was announced up to this position."""
        for name in NAMES:
            if self._watch.positions[name] < position:
                self._expect(name, position, scopes)

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
        self._waited.clear()
        for readers in self._readers.values():
            for reader in readers:
                reader.go_back(end, self._watch.belated)

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

    async def _look_for_late(self) -> None:
        """Has those read on to whom a late feed has told something since the last look."""
        for name, late in list(self._late.items()):
            position = self._watch.positions[name]
            if position <= late.looked_at:
                continue
            between = {"after": late.looked_at, "until": position}
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(statement("told", BY_NAME[name]), between)
                    told = await cursor.fetchall()
            except psycopg.Error as e:
                log.warning("cannot look for what %s has told: %s", name, e)
                continue
            late.looked_at = position
            for audience in told:
                for reader in self._readers.get(audience, ()):
                    reader.miss()

    async def _hear(self, message: Msg) -> None:
        headers = message.headers or {}
        position = messages.position(headers)
        if position <= self._position:
            return  # not ours, a relay that was overtaken, a stream that is being made again
        first = not self._position
        has_gap = not first and messages.previous(headers) != self._position
        self._position = position
        self._watch.hear(headers)
        self.counts["messages"] += 1
        if has_gap:
            self.counts["gaps"] += 1
            self._miss(None)
        if has_gap or first:  # what was announced before, this process has not heard
            self._expect_late(None, position - 1)
        if messages.is_unreadable(headers):  # to an older relay, perhaps: a feed may know it
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
                piece, bounds = encoded(one.type, bytes(one.data)), self._bounds(one.scope_id)
                for reader in tuple(readers):
                    reader.offer(feed, position, piece, bounds)
                    behind |= reader.behind
        return behind

    def _bounds(self, scope_id: str) -> list[int]:
        """With a message, its readers have heard all of each feed that is not late; of one that is
        late, no more than they were sent."""
        return [0 if self._is_expected(name, scope_id) else UNBOUNDED for name in NAMES]

    def _is_expected(self, name: str, scope_id: str) -> bool:
        late = self._late.get(name)
        return late is not None and (late.scopes is None or scope_id in late.scopes)

    def _beat(self) -> None:
        self._slice = (self._slice + 1) % TICKS
        now, many = time.time(), retry_within(len(self)) > RETRY  # when they came there were fewer
        for reader in tuple(self._slices[self._slice]):
            gone = reader.cycle is not None and reader.cycle.transport.is_closing()
            if reader.dropped:  # and still here: its stream never began
                self.leave(reader)
            elif gone or reader.expires_at < now:
                reader.dropped = True
                reader.wake()
            else:
                reader.beat(COMMENT + self.retry() if many else COMMENT)
