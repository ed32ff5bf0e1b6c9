"""Folds of many events, in processes of their own: a few at once, one of each who asks, and none
for ever. So they hold nobody else up, nor each other for long."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import psycopg

from api.turns import Turns
from domain.errors import Unavailable
from domain.store import master_key
from domain.store.envelope import NewerEventError, UnreadableEventError
from projections.engine.apart import Folded, Store, Unreadable
from projections.question import Ask
from workers.work.computing import ComputeError, Computing

LONGEST = 60.0  # seconds that a fold may take

Fold = Callable[[Store, str, Ask, int, datetime | None], Folded | Unreadable]


class Apart:
    """`most` at once; who has waited for `patience` seconds is asked to come back."""

    def __init__(self, database_url: str, most: int, patience: float) -> None:
        self.turns = Turns(most)
        self._patience = patience
        self._database_url = database_url
        self._computing = Computing(most)

    async def answer(
        self, sub: str, fold: Fold, name: str, ask: Ask, until: int, moment: datetime | None = None
    ) -> tuple[int, Any]:
        """The position and the answer of `own` or `past` (projections/engine/apart.py), to the
        principal `sub`."""
        async with AsyncExitStack() as held:
            try:
                await held.enter_async_context(self.turns.of(sub, self._patience))
            except TimeoutError:
                said = "Others look that far back just now, or you do. Try again."
                raise Unavailable(said, retry_after=2) from None
            try:
                async with asyncio.timeout(LONGEST):
                    return await self._folded(fold, self._store(), name, ask, until, moment)
            except TimeoutError:
                said = f"To look that far back takes more than {LONGEST:.0f} seconds just now."
                raise Unavailable(said, retry_after=60) from None

    def _store(self) -> Store:
        """With the master key that this process has; where it has none, none is needed."""
        try:
            keys = master_key.in_use()
        except Unavailable:
            keys = None
        return Store(self._database_url, keys)

    async def _folded(self, fold: Fold, *about: Any) -> tuple[int, Any]:
        try:
            found = await self._computing.run(fold, *about)
        except ComputeError as e:
            if _is_away(e.kind):
                raise psycopg.OperationalError(e.message) from e
            if e.kind == Unavailable.__name__:
                raise Unavailable(e.message) from e
            raise
        except ChildProcessError as e:
            raise Unavailable(f"It could not be folded: {e}.") from e
        if isinstance(found, Unreadable) and found.newer:
            raise NewerEventError(found.position, found.newer)
        if isinstance(found, Unreadable):
            raise UnreadableEventError(found.position, found.why)
        return found.position, found.content

    def close(self) -> None:
        self._computing.close()


def _is_away(kind: str) -> bool:
    """True for the class name of an error that means: the store does not answer."""
    known = getattr(psycopg.errors, kind, None) or getattr(psycopg, kind, None)
    return isinstance(known, type) and issubclass(known, psycopg.OperationalError)
