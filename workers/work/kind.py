"""The words that a kind of work is written in.

A kind is what is slow, costs money, and must not be done twice. `work` does one piece of it and
gives the result as a command. When it is due is said elsewhere, by a pure function of events
(projections/due.py): here is how it is done.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import date
from enum import Enum, auto
from typing import Any

from msgspec import Struct

from domain.work import Result
from projections.engine.event_log import Connection

BACKOFF = (1.0, 10.0, 60.0, 600.0)  # seconds before each further attempt


class Policy(Enum):
    """Says what is to be done where nobody knows whether an attempt came to an end."""

    AGAIN_IF_UNSURE = auto()  # another attempt costs money only: a call of a model
    AT_MOST_ONCE = auto()  # it cannot be taken back: a mail. Marked first, and parked where unsure


class NotBegunError(Exception):
    """Nothing of it has been done, for sure: also what is done at most once may be tried again"""


class Budget(Struct, frozen=True):
    """So much may be spent in a day (in UTC), of which each attempt takes `each` before it begins:
    calls, mails, or the most tokens that one can cost."""

    a_day: int
    each: int = 1

    def __post_init__(self) -> None:
        if self.each < 1 or self.a_day < self.each:
            raise ValueError(f"No attempt at {self.each} each fits a budget of {self.a_day} a day.")


class Piece(Struct, frozen=True):
    """One subject of a kind, leased to this worker. `wanted` is the position of the last event that
    asks for it: what the result is based on must not be older."""

    kind: str
    subject: str
    wanted: int
    attempts: int  # this one included
    begun: int  # at most once: the `wanted` of what may have been done already
    number: int  # of this lease among those on the subject
    day: date  # whose budget it is taken from


class Tools(Struct, frozen=True):
    """The tools of a kind. `connection()` is one to read with; `compute(function, *arguments)`
    runs a function of a module in a process of its own, with one thread for numeric libraries."""

    connection: Callable[[], AbstractAsyncContextManager[Connection]]
    compute: Callable[..., Awaitable[Any]]


class Kind(Struct, frozen=True):
    """`concurrency` pieces at once, in all processes together. An attempt has `deadline` seconds,
    and `backoff` (seconds each) before the next; when that is used up the piece is parked. So it is
    at once where it may have been done that is done at most once."""

    name: str
    work: Callable[[Piece, Tools], Awaitable[Result]]
    policy: Policy = Policy.AGAIN_IF_UNSURE
    concurrency: int = 1
    deadline: float = 60.0
    backoff: tuple[float, ...] = BACKOFF
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if self.concurrency < 1 or self.deadline <= 0 or min(self.backoff, default=0.0) < 0:
            raise ValueError(f"{self.name}: no attempt can be made with such bounds.")

    def wait(self, attempts: int) -> float | None:
        """Seconds before the attempt after so many; None: there is none."""
        return self.backoff[attempts - 1] if attempts <= len(self.backoff) else None
