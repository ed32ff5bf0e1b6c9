"""What callers hand to History, and what they get back."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from msgspec import Struct

from domain.aggregate import Command


class Author(Struct, frozen=True):
    """Who asks, on whose ground, within which trace (a W3C traceparent)."""

    actor: str
    tenant: str
    trace: str | None = None


class Key(Struct, frozen=True):
    """An Idempotency-Key; `fingerprint` tells the request it came with from others."""

    principal: str
    key: str
    fingerprint: bytes

    @property
    def name(self) -> tuple[str, str]:
        return (self.principal, self.key)


class Outcome(Struct, frozen=True):
    """What became of a command. `position` is that of the last event recorded for it or, when
    nothing changed, of what it stood on (0: on nothing). Where a key came again, `reply` is the
    first reply, and there are no states."""

    position: int
    reply: bytes
    events: tuple[Struct, ...] = ()
    before: Any = None
    after: Any = None
    repeated: bool = False


Reply = Callable[[Any, Any], bytes]


class Order(Struct, eq=False, frozen=True):
    """A command that waits for its turn, and where its caller waits for the outcome."""

    command: Command
    by: Author
    key: Key | None
    reply: Reply | None
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Outcome]"

    @property
    def awaited(self) -> bool:
        """Nobody waits any more where the time was up, or the caller was cancelled."""
        return not self.future.done()


Answer = tuple[Order, Outcome | BaseException]


def tell(answers: Iterable[Answer]) -> None:
    """One wake-up for each event loop that waits. A loop may have ended meanwhile."""
    loops: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for order, answer in answers:
        loops.setdefault(order.loop, []).append((order, answer))
    for loop, theirs in loops.items():
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_hand_over, theirs)


def _hand_over(answers: list[Answer]) -> None:
    for order, answer in answers:
        if not order.awaited:
            continue
        if isinstance(answer, BaseException):
            order.future.set_exception(answer)
        else:
            order.future.set_result(answer)
