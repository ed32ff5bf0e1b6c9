"""One open stream of a live feed, and what waits for it."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from workers import telemetry

QUEUE = 256  # messages that may wait for a reader; with more it is dropped

Audience = tuple[str, str]  # (scope_id, member_id)
OF_NO_FEED = -1  # the place of what is not kept, such as a comment


class Reader:
    """One open stream. `sent[place]` is the position up to which it has heard the feed of that
    place: feeds advance by themselves, and what a late one says comes with a lower position than
    what another has said already."""

    __slots__ = (
        "audience",
        "cycle",
        "dropped",
        "expires_at",
        "missed",
        "queue",
        "sent",
        "stream",
        "taken",
        "unread",
        "woken",
    )

    def __init__(
        self, audience: Audience, sent: Iterable[int], expires_at: float, cycle: Any
    ) -> None:
        """`expires_at`: Unix seconds, of its token."""
        self.audience = audience
        self.sent = list(sent)
        self.expires_at = expires_at
        self.cycle = cycle
        # The trace of the request that opened it.
        self.stream = telemetry.current() if telemetry.tracing() else None
        self.missed = True
        self.taken = True
        self.dropped = False
        self.unread = False
        self.queue: deque[tuple[int, int, bytes]] = deque()  # of which feed, position, message
        self.woken: asyncio.Future[None] | None = None

    @property
    def behind(self) -> bool:
        return len(self.queue) > QUEUE // 2

    def offer(self, feed: int, position: int, message: bytes) -> None:
        if len(self.queue) < QUEUE:
            self.queue.append((feed, position, message))
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

    def go_back(self, end: int) -> None:
        """Forgets what was sent after this position: the store was restored to an older state."""
        self.sent = [min(position, end) for position in self.sent]
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
            feed, position, message = self.queue.popleft()
            if feed == OF_NO_FEED:
                pieces.append(message)
            elif position > self.sent[feed]:
                pieces.append(message)
                self.sent[feed] = position
        return b"".join(pieces)
