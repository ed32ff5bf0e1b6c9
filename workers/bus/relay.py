"""Publishes the log to NATS, in order, each event once.

An event waits for the feed of its own capability, so that what is said of it goes with it: for no
other table, new, stuck or another capability's. A feed that keeps an event waiting for too long, or
that cannot go on, is late: until it has caught up its events go without what it says of them, and
readers ask Postgres once it shows them (`waiting.py`).

The stream is a chain: each message names the id of the one before it, and JetStream refuses it
where that is not the last it has. So neither a second relay nor a lost message can make a double
or a gap, and the acknowledgement of the last message of a page speaks for all of them. Where the
chain breaks, at start, and once a second, the relay reads from the stream's end where it stands,
and goes on from there.

JetStream is a buffer: nobody of ours needs what it has lost. A stream that is gone, is of another
past, has a hole or is far behind is emptied, and begins again with the last events of the log. Its
first message says so (`messages.AFTER`). One that is empty because all it had has expired has lost
nothing, and goes on where it stood.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import nats.errors
import psycopg
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg, StreamInfo, StreamState
from nats.js.errors import APIError, NotFoundError
from opentelemetry.trace import SpanKind

from domain.aggregate import Recorded
from domain.store.envelope import UnreadableEventError
from projections.engine import event_log
from projections.engine.election import StepDownError, connect
from projections.engine.event_log import END, Connection
from projections.engine.event_log import SQL as LOG
from projections.engine.feed import Feed, statement
from projections.read_models import FEEDS
from sql import statements
from workers import telemetry
from workers.bus import messages
from workers.bus.waiting import FeedState, Waiting

log = logging.getLogger(__name__)

SQL = statements("relay")
PAGE = 250  # of which each is on disk before the next: a second or so on a slow one
YOUNG = 60.0  # seconds for which an event's own trace goes on
POLL_SECONDS = 1.0  # seconds between looks at the end of the stream
PATIENCE = 2.0  # seconds for an acknowledgement
NAME = str(messages.STREAM.name)
SKEW = timedelta(minutes=1)  # by which clocks of hosts may differ
LISTED = 5_000  # messages of one event, at most, that are asked for: more never fit into a message
REFILLED = 10_000  # events that a stream begins again with: a second's worth
FAR = 100_000  # events between the stream's end and the log's: open screens hear nothing meanwhile
SAID = 16 * 2**20  # bytes of what a page's events say, at most
LATE = "null"  # what an event says whose feed is late

Outgoing = tuple[Recorded, str | None]  # an event, and what its feed says of it, as JSON


class Relay:
    name, channel = "relay", "views"
    rest = 0.0

    def __init__(self, nats_url: str, patience: float = PATIENCE) -> None:
        """`patience`: seconds for an acknowledgement."""
        self.position = 0
        self._waiting = Waiting(FEEDS)
        self._nats_url = nats_url
        self._patience = patience
        self._sequence: int | None = None  # the stream's, where its last message is not there
        self._checked_at = 0.0
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        self._open.push_async_callback(self._connection.close)
        await self._connection.execute(LOG["no_sync_commit"])
        itself = {"names": [self.name], "versions": [1], "kind": "relay"}
        await self._connection.execute(LOG["enrol"], itself)
        await self._connection.execute(LOG["beat"], {"names": [self.name]})
        async with self._stepping_down():
            self._client = await messages.connect(self._nats_url, self.name)
            self._open.push_async_callback(self._client.close)
            await self._arrived(await self._stream_end())
            await _limit(self._client.jetstream(timeout=self._patience))

    async def stop(self) -> None:
        await self._open.aclose()

    async def is_wanted(self, connection: Connection) -> list[str]:
        """An older relay may publish what it does not know as if nobody could read it."""
        return [self.name]

    async def step(self) -> bool:
        async with self._stepping_down():
            if time.monotonic() - self._checked_at > POLL_SECONDS:
                await self._check_stream_end()
            page = await self._page()
            if self._sequence is not None:
                # What JetStream had a moment ago it takes for a double, and drops, though it was
                # emptied; and then takes what follows that by its id. So the first goes alone.
                page = page[:1]
            return bool(page) and await self._try_to_publish(page)

    async def _try_to_publish(self, page: list[Outgoing]) -> bool:
        """Whether the stream has moved on. Without that the next attempt has time."""
        before = self.position
        try:
            await self._publish(page)
        except nats.errors.Error as e:
            log.warning("the stream did not take events after %s: %s", before, e)
            await self._check_stream_end()
            if self.position == before:
                problem = f"NATS does not take what follows: {type(e).__name__}: {e}"
                await self._get_stuck(page[-1][0].position, problem)
        return self.position != before

    async def _page(self) -> list[Outgoing]:
        """The events that may go out now. Positions of feeds are read first: by the time that their
        messages are read, all of them up to there are committed."""
        async with self._connection.pipeline():
            versions = [feed.version for feed in FEEDS]
            named = {"names": [feed.name for feed in FEEDS], "versions": versions}
            standing = await self._execute(SQL["feeds"], named)
            after = {"after": self.position, "until": END, "most": PAGE}
            page = await self._execute(LOG["page"], after)
        states = {name: FeedState(*of) for name, *of in await standing.fetchall()}
        found = [_read(*columns) for columns in await page.fetchall()]
        ready, shown = self._waiting.ready(found, self.position, states, time.monotonic())
        feeds = dict.fromkeys((recorded.position for recorded in ready), LATE) | {
            r.position: None for r in ready if self._waiting.feed_of(r) is None
        }
        for feed, positions in shown.items():
            feeds |= await self._said(feed, positions)
        return [(recorded, feeds[recorded.position]) for recorded in ready]

    async def _said(self, feed: Feed, positions: list[int]) -> dict[int, str | None]:
        about = {"positions": positions, "most": LISTED, "bytes": SAID}
        cursor = await self._execute(statement("said_at", feed), about)
        return dict(await cursor.fetchall())

    async def _publish(self, page: list[Outgoing]) -> None:
        positions = [self.position, *(recorded.position for recorded, _ in page)]
        for (previous, position), (recorded, feed) in zip(pairwise(positions), page, strict=True):
            with _publishing(recorded) as trace:
                headers = messages.headers(recorded, trace) | self._after(previous)
                message = (
                    messages.subject(recorded),
                    messages.body(recorded, feed, self._client.max_payload),
                )
                if position < positions[-1]:
                    await self._client.publish(*message, headers=headers)
                else:
                    ack = await self._client.jetstream().publish(
                        *message, timeout=self._patience, stream=NAME, headers=headers
                    )
            self._sequence = None
        if ack.duplicate:  # it was there a moment ago; whether it still is, the stream can tell
            await self._check_stream_end()
        else:
            await self._arrived(positions[-1])

    def _after(self, previous: int) -> dict[str, str]:
        """The header that has JetStream refuse a message unless the stream ends with this."""
        if self._sequence is not None:
            expected = {"Nats-Expected-Last-Sequence": str(self._sequence)}
            return expected | {messages.AFTER: str(previous)}
        return {messages.PREVIOUS: str(previous)}

    async def _check_stream_end(self) -> None:
        position = await self._stream_end()
        if position == self.position:
            await self._execute(LOG["beat"], {"names": [self.name]})
        else:
            log.info("the stream ends with %s, not %s", position, self.position)
            await self._arrived(position)

    async def _stream_end(self) -> int:
        """Reads from the stream's end where we stand."""
        jetstream = self._client.jetstream(timeout=self._patience)
        info = await _stream(jetstream)
        state = info.state
        last: RawStreamMsg | None = None
        if state.messages:
            last = await jetstream.get_last_msg(NAME, "events.>")
        problem = await self._problem(state, last) if last else ""
        if last and problem:
            log.error("emptying the stream, which ends with %s: %s", last.headers, problem)
            await jetstream.purge_stream(NAME)
            await asyncio.sleep(3 * messages.STREAM.duplicate_window)
            last = None
        self._sequence = None if last and last.seq == state.last_seq else state.last_seq
        self._checked_at = time.monotonic()
        if last:
            return messages.position(last.headers)
        if not problem and (expired := await self._expired(info)):
            return expired
        ((position,),) = await self._fetch(SQL["begin"], {"most": REFILLED})
        return int(position)

    async def _expired(self, empty: StreamInfo) -> int:
        """The position of the last message, if the stream has had it for as long as it keeps any;
        0 where messages were lost, or too many have come since. The clock of NATS may be ahead, by
        which a stream that still knows of messages has let them go."""
        kept = empty.config.max_age or 0.0
        if not kept:
            return 0
        skew = SKEW.total_seconds() if empty.state.last_seq else 0.0
        for (position,) in await self._fetch(SQL["expired"], {"kept": max(0.0, kept - skew)}):
            if not await self._is_far(position):
                return int(position)
        return 0

    async def _problem(self, state: StreamState, last: RawStreamMsg) -> str:
        """Why the stream is of no use; empty if it is."""
        if state.messages != state.last_seq - state.first_seq + 1:
            return "it has a hole"
        position = messages.position(last.headers)
        if not await self._is_recorded(last):
            return "that is not in the log"
        return "the log has gone on far beyond that" if await self._is_far(position) else ""

    async def _is_far(self, position: int) -> bool:
        ((far,),) = await self._fetch(SQL["is_far"], {"position": position, "most": FAR})
        return bool(far)

    async def _is_recorded(self, last: RawStreamMsg) -> bool:
        """The very event, not only one of its position: Postgres may be of an older backup. What is
        sealed in it does not matter, and no key is asked for. Of an event that whoever published it
        could not read there is only the time to tell by: it was recorded before that."""
        position = messages.position(last.headers)
        about = {"after": position - 1, "until": position, "most": 1}
        rows = await self._fetch(LOG["page"], about)
        try:
            page = [event_log.decoded_or_newer(row, {}) for row in rows]
        except UnreadableEventError as e:
            page = [messages.unreadable(e.position)]
        if page and messages.is_unreadable(last.headers):
            return last.time is None or page[0].at <= last.time + SKEW
        return bool(page) and messages.is_of(last.headers, page[0])

    @asynccontextmanager
    async def _stepping_down(self) -> AsyncIterator[None]:
        """Writes the problem to our position row too: else it would seem that no relay runs."""
        try:
            with stepping_down():
                yield
        except StepDownError as e:
            with suppress(psycopg.Error):
                await self._get_stuck(self.position, str(e))
            raise

    async def _get_stuck(self, seen: int, problem: str) -> None:
        about = {"name": self.name, "seen": seen, "problem": problem[:500]}
        await self._execute(LOG["stuck"], about)

    async def _arrived(self, position: int) -> None:
        self.position = position
        await self._execute(SQL["arrived"], {"position": position})

    async def _fetch(self, statement: str, parameters: dict[str, Any]) -> Any:
        return await (await self._execute(statement, parameters)).fetchall()

    async def _execute(self, statement: str | bytes, parameters: dict[str, Any]) -> Any:
        return await self._connection.execute(statement, parameters, prepare=True)


def _read(position: int, *columns: Any) -> Recorded:
    """Sealed fields stay sealed: they are not published. So one that a newer version has recorded
    goes out as that would publish it. An event that cannot be read is published as `Unreadable`;
    read models have parked its stream, and go on."""
    try:
        return event_log.decoded_or_newer((position, *columns), {})
    except UnreadableEventError as e:
        log.warning("publishing %s as unreadable: %s", position, e)
        return messages.unreadable(position)


async def _stream(jetstream: JetStreamContext) -> StreamInfo:
    """Our stream, which is made where there is none."""
    try:
        return await jetstream.stream_info(NAME)
    except NotFoundError:
        log.info("making the stream %s", NAME)
        return await jetstream.add_stream(messages.STREAM)


async def _limit(jetstream: JetStreamContext) -> None:
    """Gives a stream limits that a version before made without. What somebody has set stays."""
    config = (await jetstream.stream_info(NAME)).config
    limits = {
        name: getattr(messages.STREAM, name)
        for name in ("max_bytes", "max_age")
        if (getattr(config, name) or 0) <= 0
    }
    if limits:
        try:
            await jetstream.update_stream(config.evolve(**limits))
        except APIError as e:  # it goes on without
            log.warning("the stream %s does not take limits: %s", NAME, e)


@contextmanager
def stepping_down() -> Iterator[None]:
    """Without NATS there is nothing to lead."""
    try:
        yield
    except (nats.errors.Error, OSError) as e:
        raise StepDownError(f"NATS is away: {type(e).__name__}: {e}") from e


def _publishing(recorded: Recorded) -> AbstractContextManager[str | None]:
    """A stream that is made again does not go on with the traces of long ago."""
    if not telemetry.tracing() or (datetime.now(UTC) - recorded.at).total_seconds() > YOUNG:
        return nullcontext(recorded.trace)
    return telemetry.span("publish", recorded.trace, SpanKind.PRODUCER, position=recorded.position)
