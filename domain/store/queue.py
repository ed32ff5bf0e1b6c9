"""What callers hand to History, and what they get back."""

import asyncio
import queue
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum, auto
from typing import Any

from msgspec import Struct

from domain.aggregate import Command

AT_HAND = 0.02  # seconds for which a busy event loop is waited for


class Author(Struct, frozen=True):
    """Who asks, on whose ground, within which trace (a W3C traceparent)."""

    actor: str
    tenant: str
    trace: str | None = None


class IdempotencyKey(Struct, frozen=True):
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
    key: IdempotencyKey | None
    reply: Reply | None
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Outcome]"

    @property
    def awaited(self) -> bool:
        """Nobody waits any more where the time was up, or the caller was cancelled."""
        return not self.future.done()


class _Signal(Enum):
    DONE = auto()  # an event loop has done what it had to do
    END = auto()
    WAKE = auto()


class Orders:
    """Those that wait, of many event loops, for one thread that takes them in groups."""

    def __init__(self) -> None:
        self.ended = False
        self._queue: queue.SimpleQueue[Order | _Signal] = queue.SimpleQueue()

    def __len__(self) -> int:
        return self._queue.qsize()

    def put(self, order: Order) -> None:
        self._queue.put(order)

    def wake(self) -> None:
        """Whoever waits for orders then may find none."""
        self._queue.put(_Signal.WAKE)

    def end(self) -> None:
        """What came before this is still taken."""
        self._queue.put(_Signal.END)

    def take(self, most: int) -> list[Order]:
        """Waits for one, and takes what there is. Where that is more than one, more are on their
        way: it then waits for as long as an event loop has some at hand. A larger group costs each
        of them less, and none waits for another that does not come."""
        orders: list[Order] = []
        signal = None
        while not orders and not self.ended and signal is not _Signal.WAKE:
            signal = self._accept(orders, self._queue.get())
        with suppress(queue.Empty):
            while len(orders) < most:
                self._accept(orders, self._queue.get_nowait())
        came = len(orders) > 1
        while came and len(orders) < most and not self.ended:
            before = len(orders)
            self._take_at_hand(orders, most)
            came = len(orders) > before
        return orders

    def _take_at_hand(self, orders: list[Order], most: int) -> None:
        """Until the event loop of the last order has done all that it had to do."""
        with suppress(RuntimeError, queue.Empty):  # the loop has ended, or does not get to it
            orders[-1].loop.call_soon_threadsafe(self._queue.put, _Signal.DONE)
            signal = None
            while signal is None and len(orders) < most:
                signal = self._accept(orders, self._queue.get(timeout=AT_HAND))

    def _accept(self, orders: list[Order], taken: Order | _Signal) -> _Signal | None:
        if isinstance(taken, Order):
            orders.append(taken)
            return None
        self.ended |= taken is _Signal.END
        return taken


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
