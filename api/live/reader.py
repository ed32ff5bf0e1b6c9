"""One open stream of a live feed, and what waits for it."""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from api.live import ids
from api.live.ids import OF_NO_FEED
from workers import telemetry

RETRY = 500, 2_000  # milliseconds until a client comes back whose stream has ended
A_SECOND = 1_500  # readers that come back, where there are many
QUEUE = 256  # messages that may wait for a reader; with more it is dropped

Audience = tuple[str, str]  # (scope_id, member_id)


class Reader:
    """One open stream. `sent[place]` is the position up to which it was sent all of the feed of
    that place: feeds advance by themselves, and what a late one says comes with a lower position
    than what another has said already. `top` is the highest position of what it was sent, and
    `belated` the number up to which it was sent what came belated; None: that is still to be found
    out, and nothing of it is news."""

    __slots__ = (
        "audience",
        "belated",
        "cycle",
        "dropped",
        "expires_at",
        "missed",
        "queue",
        "sent",
        "stream",
        "taken",
        "top",
        "unread",
        "woken",
    )

    def __init__(
        self, audience: Audience, sent: Iterable[int], top: int, expires_at: float, cycle: Any
    ) -> None:
        """`expires_at`: Unix seconds, of its token."""
        self.audience = audience
        self.sent = list(sent)
        self.top = top
        self.belated: int | None = 0
        self.expires_at = expires_at
        self.cycle = cycle
        # The trace of the request that opened it.
        self.stream = telemetry.current() if telemetry.tracing() else None
        self.missed = True
        self.taken = True
        self.dropped = False
        self.unread = False
        self.queue: deque[tuple[int, int, bytes, Sequence[int]]] = deque()  # as `offer` takes them
        self.woken: asyncio.Future[None] | None = None

    @property
    def behind(self) -> bool:
        return len(self.queue) > QUEUE // 2

    def offer(self, feed: int, position: int, message: bytes, bounds: Sequence[int] = ()) -> None:
        """`message` comes without its id; `bounds` are those of `hear`."""
        if len(self.queue) < QUEUE:
            self.queue.append((feed, position, message, bounds))
            self.wake()
        elif not self.dropped:
            self.drop()

    def beat(self, comment: bytes) -> None:
        """Drops a client that has fetched nothing since the last comment: it does not read."""
        if self.taken:
            self.taken = False
            self.offer(OF_NO_FEED, 0, comment)
        else:
            self.drop()

    def miss(self) -> None:
        self.missed = True
        self.wake()

    def go_back(self, end: int, belated: int) -> None:
        """Forgets what was sent after this position, and after this number of what came belated:
        the store was restored to an older state."""
        self.sent = [min(position, end) for position in self.sent]
        self.top = min(self.top, end)
        self.belated = min(self.belated or 0, belated)
        self.queue.clear()
        self.miss()

    def drop(self) -> None:
        """Ends the stream of a client that does not read."""
        self.dropped = self.unread = True
        if self.cycle is not None:
            self.cycle.transport.abort()
        self.wake()

    def wake(self) -> None:
        if self.woken and not self.woken.done():
            self.woken.set_result(None)

    async def wait(self) -> None:
        if not self.queue and not self.missed and not self.dropped:
            self.woken = asyncio.get_running_loop().create_future()
            await self.woken
            self.woken = None

    def take(self) -> bytes:
        """All queued messages as one piece; nothing while the reader has missed some before them.
        Those that were sent from Postgres already are skipped."""
        self.taken = True
        if self.missed:
            return b""
        pieces = []
        while self.queue:
            feed, position, message, bounds = self.queue.popleft()
            if not bounds:  # a comment
                pieces.append(message)
            elif feed == OF_NO_FEED or position > self.sent[feed]:
                pieces.append(self.hear(feed, position, message, bounds))
        return b"".join(pieces)

    def hear(self, feed: int, position: int, message: bytes, bounds: Sequence[int]) -> bytes:
        """A message with its id, as it is sent. With those before it, all of each feed was sent up
        to the position of the message, or up to the bound of that feed where this is lower."""
        self.hear_all([min(position, bound) for bound in bounds])
        if feed != OF_NO_FEED:
            self.sent[feed] = max(self.sent[feed], position)
        self.top = max(self.top, position)
        id_ = ids.encoded(self.top, self.sent, feed, position, self.belated or 0)
        return b"id: %s\n%s" % (id_, message)

    def hear_page(
        self, rows: Sequence[tuple[Any, ...]], bounds: Sequence[int], newest: int
    ) -> list[bytes]:
        """Rows of `since`, those first that came belated; `newest`: the number of the last of
        these, with those that are still to come as what is not heard yet."""
        pieces = []
        for feed, position, type_, data, seq in rows:
            if seq is not None:
                self.belated = max(self.belated or 0, seq)
                pieces.append(self.hear(feed, position, encoded(type_, data), [0] * len(bounds)))
                continue
            self.belated = max(self.belated or 0, newest)
            pieces.append(self.hear(feed, position, encoded(type_, data), bounds))
        return pieces

    def hear_all(self, positions: Iterable[int]) -> None:
        """All of each feed has been sent up to these positions."""
        self.sent = list(map(max, self.sent, positions))


def retry(readers: int) -> bytes:
    """Tells a client when to come back once its stream has ended: those of a process that ends do
    not all come at the same moment."""
    least, most = retry_within(readers)
    return b"retry: %d\n\n" % random.randint(least, most)  # noqa: S311 - no secret


def retry_within(readers: int) -> tuple[int, int]:
    """Milliseconds in which so many come back, and no more of them a second than are let in beside
    reads that nobody notices to be slower."""
    least, most = RETRY
    return least, max(most, least + readers * 1_000 // A_SECOND)


def encoded(type_: str, data: bytes | str) -> bytes:
    """A message without its id: https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    data = data.encode() if isinstance(data, str) else data
    return b"event: %s\ndata: %s\n\n" % (type_.encode(), data)
