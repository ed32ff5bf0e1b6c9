"""One member, who does one thing after another, each for as long as it takes to get an answer."""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from workers.http_client import PATIENCE
from workers.proof.acts import Act, drawn
from workers.proof.ledger import Book, Ended, Entry, Refusal
from workers.proof.spec import ORGANIZER, Phase, Spec

PACE = 0.02  # seconds between acts, on average
KEYED = 0.5  # of them come with an Idempotency-Key
REPEATED = 0.6  # of those come again, some acts later
LATER = 2
PAUSE = 0.03  # seconds before the next attempt
GRACE = PATIENCE + 5.0  # seconds in which what has begun must be answered, once nothing new begins
LAST = GRACE + 2 * PATIENCE  # with the attempts that are waited for before it and at its end


class AwayError(Exception):
    """No answer, or that the store is away: it may have been done."""


class RefusedError(Exception):
    """An answer that nothing here should get."""


Tell = Callable[[Act, str | None], Awaitable[tuple[int, bytes]]]


class Writer:
    """`tell` does an act once, under a key where there is one: the position and the reply."""

    def __init__(self, spec: Spec, member: str, tell: Tell, book: Book, phase: Phase) -> None:
        self._event_id = spec.event_id  # another proof may have been here before
        self._member = member
        self._tell = tell
        self._book = book
        self._phase = phase
        self._random = spec.random(member)
        self._keyed: deque[tuple[Act, str]] = deque()
        self._keys = 0

    async def run(self) -> None:
        with suppress(RefusedError):  # what comes of its acts is unknown from here on
            await self._go_on()
            while not self._phase.settling.is_set():
                await asyncio.sleep(self._random.expovariate(1 / PACE))
                await self._go_on()
        self._book.write(Ended(self._member))

    async def _go_on(self) -> None:
        act, key = drawn(self._random, self._member, self._member == ORGANIZER), None
        if self._random.random() < KEYED:
            self._keys += 1
            key = f"{self._event_id} {self._member} {self._keys}"
        answered = await self._insist(act, key, again=False)
        if key and answered and self._random.random() < REPEATED:
            self._keyed.append((act, key))
        if len(self._keyed) >= LATER:
            await self._insist(*self._keyed.popleft(), again=True)

    async def _insist(self, act: Act, key: str | None, again: bool) -> bool:
        """Until it is answered, and whether it was."""
        sent = time.monotonic()
        attempts, given_up = 0, None
        while given_up is None or time.monotonic() < given_up:
            attempts += 1
            try:
                position, reply = await self._tell(act, key)
            except AwayError:
                await asyncio.sleep(PAUSE)
            except RefusedError as e:
                self._book.write(Refusal(act, str(e)))
                raise
            else:
                self._note(act, position, _digest(reply), sent, attempts, key, again)
                return True
            if given_up is None and self._phase.settling.is_set():
                given_up = time.monotonic() + GRACE
        self._note(act, -1, "", sent, attempts, key, again)
        return False

    def _note(
        self,
        act: Act,
        position: int,
        reply: str,
        sent: float,
        attempts: int,
        key: str | None,
        again: bool,
    ) -> None:
        now = time.monotonic()
        self._book.write(Entry(act, position, reply, sent, now, attempts, key, again))


def _digest(reply: bytes) -> str:
    return hashlib.sha256(reply).hexdigest()[:16]
