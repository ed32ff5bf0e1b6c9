"""An answer that many ask for and that is made once a second at most, by one of them at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

FRESH = 1.0  # seconds for which an answer is given again
STALE = 3.0  # seconds after which it is not given any more, though the next is still being made

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """`make` gives the answer. Where it raises, those who wait for it get that, and nothing is
    kept."""

    def __init__(self, make: Callable[[], Awaitable[Answer]]) -> None:
        self._make = make
        self._kept: tuple[float, Answer] | None = None  # since when
        self._making: asyncio.Task[Answer] | None = None

    async def get(self) -> Answer:
        """The kept answer if it is fresh, or if the next is being made; else the next."""
        making = self._making
        if self._kept:
            since, answer = self._kept
            if time.monotonic() - since < (STALE if making else FRESH):
                return answer
        if making is None:
            making = self._making = asyncio.create_task(self._refresh())
        return await asyncio.shield(making)  # whoever goes away leaves it to the others

    async def _refresh(self) -> Answer:
        try:
            answer = await self._make()
            self._kept = time.monotonic(), answer
            return answer
        finally:
            self._making = None
