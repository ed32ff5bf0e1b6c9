"""The queue of commands: what callers hand to History, and what they get back."""

import asyncio
import queue
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import Enum, auto
from itertools import count
from typing import Any, Self

from msgspec import Struct

from domain.aggregate import Command, Recorded, StreamName, stream_of

SYSTEM = "system:"  # before the name of a program that is an author: no member's id has a colon
AT_HAND = 0.02  # seconds for which a busy event loop is waited for


class Author(Struct, frozen=True):
    """The one who asks, the id and the kind of the scope they ask in, and the trace (a W3C
    traceparent)."""

    actor: str
    tenant: str
    trace: str | None = None
    scope_kind: str = "event"


class IdempotencyKey(Struct, frozen=True):
    """An Idempotency-Key of a principal. `fingerprint` is a digest of the request it came with: the
    same key with another one is refused."""

    principal: str
    key: str
    fingerprint: bytes

    @property
    def name(self) -> tuple[str, str]:
        return (self.principal, self.key)


class Outcome(Struct, frozen=True):
    """The result of a command. `position` is that of the last event recorded for it, on whichever
    stream, or, when nothing changed, of the last event that the decision stood on (0: of none).
    `events` are as they were decided, an `On` where one is for another stream, and `recorded` are
    the same as the log has them; `before` and `after` are states of the command's own. Where a key
    came again, `reply` is the first reply, and there are neither events nor states."""

    position: int
    reply: bytes
    events: tuple[Struct, ...] = ()
    before: Any = None
    after: Any = None
    repeated: bool = False
    recorded: tuple[Recorded, ...] = ()


Reply = Callable[[Any, Any], bytes]


_NUMBERS = count()


class PendingCommand(Struct, eq=False, frozen=True):
    """A command in the queue, the streams that it is decided on (its own, and those given to it by
    field), and where its caller waits for the outcome. `number` is higher than those of all that
    came before it."""

    command: Command
    own: StreamName
    given: Mapping[str, StreamName]
    by: Author
    key: IdempotencyKey | None
    reply: Reply | None
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Outcome]"
    number: int

    @classmethod
    def of(
        cls, command: Command, by: Author, key: IdempotencyKey | None, reply: Reply | None
    ) -> Self:
        """For the event loop that runs."""
        loop = asyncio.get_running_loop()
        own, given = stream_of(command), command.given()
        return cls(command, own, given, by, key, reply, loop, loop.create_future(), next(_NUMBERS))

    @property
    def awaited(self) -> bool:
        """Nobody waits any more where the time was up, or the caller was cancelled."""
        return not self.future.done()


class _Signal(Enum):
    DONE = auto()  # an event loop has done what it had to do
    END = auto()
    WAKE = auto()


class CommandQueue:
    """Filled from many event loops, emptied by one thread, which takes batches."""

    def __init__(self) -> None:
        self.ended = False
        self._queue: queue.SimpleQueue[PendingCommand | _Signal] = queue.SimpleQueue()

    def __len__(self) -> int:
        return self._queue.qsize()

    def put(self, pending: PendingCommand) -> None:
        self._queue.put(pending)

    def wake(self) -> None:
        """Ends a wait for commands, which then may be none."""
        self._queue.put(_Signal.WAKE)

    def end(self) -> None:
        """Commands that came before this are still taken."""
        self._queue.put(_Signal.END)

    def take(self, most: int, *, wait: bool = True) -> list[PendingCommand]:
        """Takes what there is, and waits for one first, unless told not to. Where there is more
        than one, more are on their way: it then waits for as long as an event loop has some at
        hand. In a larger batch each costs less, and none waits for another that does not come."""
        batch: list[PendingCommand] = []
        signal = None
        while wait and not batch and not self.ended and signal is not _Signal.WAKE:
            signal = self._accept(batch, self._queue.get())
        with suppress(queue.Empty):
            while len(batch) < most:
                self._accept(batch, self._queue.get_nowait())
        came = len(batch) > 1
        while came and len(batch) < most and not self.ended:
            before = len(batch)
            self._take_at_hand(batch, most)
            came = len(batch) > before
        return batch

    def _take_at_hand(self, batch: list[PendingCommand], most: int) -> None:
        """Until the event loop of the last command has done all that it had to do."""
        with suppress(RuntimeError, queue.Empty):  # the loop has ended, or does not get to it
            batch[-1].loop.call_soon_threadsafe(self._queue.put, _Signal.DONE)
            signal = None
            while signal is None and len(batch) < most:
                signal = self._accept(batch, self._queue.get(timeout=AT_HAND))

    def _accept(
        self, batch: list[PendingCommand], taken: PendingCommand | _Signal
    ) -> _Signal | None:
        if isinstance(taken, PendingCommand):
            batch.append(taken)
            return None
        self.ended |= taken is _Signal.END
        return taken


Answer = tuple[PendingCommand, Outcome | BaseException]


def resolve(answers: Iterable[Answer]) -> None:
    """Hands each caller its outcome, or raises it there. One wake-up for each event loop that
    waits; a loop may have ended meanwhile."""
    loops: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for pending, answer in answers:
        loops.setdefault(pending.loop, []).append((pending, answer))
    for loop, theirs in loops.items():
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve_here, theirs)


def _resolve_here(answers: list[Answer]) -> None:
    for pending, answer in answers:
        if not pending.awaited:
            continue
        if isinstance(answer, BaseException):
            pending.future.set_exception(answer)
        else:
            pending.future.set_result(answer)
