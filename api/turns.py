"""Turns at what takes long: a few at once, and no two of one person."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)
        self._own: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, sub: str, patience: float) -> AsyncIterator[None]:
        """Raises TimeoutError where none comes within so many seconds. Who waits for their own turn
        to end holds no other."""
        own = self._own.setdefault(sub, asyncio.Lock())
        async with AsyncExitStack() as held:
            async with asyncio.timeout(patience):
                await held.enter_async_context(own)
                await held.enter_async_context(self._free)
            yield
