"""A writer: one member, whose acts come one after another, each retried until it is answered."""

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from workers.http_client import PATIENCE
from workers.proof.acts import Act, random_act
from workers.proof.ledger import Ended, Entry, LineWriter, Refusal
from workers.proof.spec import ORGANIZER, Phase, Spec

PAUSE_BETWEEN_ACTS = 0.02  # seconds, on average
KEYED = 0.5  # share of acts with an Idempotency-Key
REPEATED = 0.6  # share of those that are sent again
LATER = 2  # acts later
PAUSE = 0.03  # seconds before the next attempt
GRACE = PATIENCE + 5.0  # seconds for answers to what was begun before the load settles
LAST = GRACE + 2 * PATIENCE  # seconds, with an attempt before it and one at its end


class AwayError(Exception):
    """No answer, or one that says that the store is away. Whether the act was done is unknown."""


class RefusedError(Exception):
    """An answer that no act of a proof should get."""


Execute = Callable[[Act, str | None], Awaitable[tuple[int, bytes]]]


class Writer:
    """`execute` tries an act once, under an idempotency key where there is one, and gives the
    position and the reply."""

    def __init__(
        self, spec: Spec, member: str, execute: Execute, book: LineWriter, phase: Phase
    ) -> None:
        self._event_id = spec.event_id  # another proof may have been here before
        self._member = member
        self._execute = execute
        self._book = book
        self._phase = phase
        self._random = spec.random(member)
        self._keyed: deque[tuple[Act, str]] = deque()
        self._keys = 0

    async def run(self) -> None:
        with suppress(RefusedError):  # the effect of its acts is unknown from here on
            await self._next_act()
            while not self._phase.settling.is_set():
                await asyncio.sleep(self._random.expovariate(1 / PAUSE_BETWEEN_ACTS))
                await self._next_act()
        self._book.write(Ended(self._member))

    async def _next_act(self) -> None:
        act, key = random_act(self._random, self._member, self._member == ORGANIZER), None
        if self._random.random() < KEYED:
            self._keys += 1
            key = f"{self._event_id} {self._member} {self._keys}"
        answered = await self._retry(act, key, again=False)
        if key and answered and self._random.random() < REPEATED:
            self._keyed.append((act, key))
        if len(self._keyed) >= LATER:
            await self._retry(*self._keyed.popleft(), again=True)

    async def _retry(self, act: Act, key: str | None, again: bool) -> bool:
        """Retries the act until it is answered. Whether it was, before the proof ended."""
        sent = time.monotonic()
        attempts, given_up = 0, None
        while given_up is None or time.monotonic() < given_up:
            attempts += 1
            try:
                position, reply = await self._execute(act, key)
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
