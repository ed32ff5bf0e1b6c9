"""Pages of the log for several readers of one process, each page read and decoded once."""

import asyncio
import time
from collections import OrderedDict

from domain.aggregate import Recorded
from projections.engine import event_log
from projections.engine.event_log import END, Connection

KEPT = 4  # pages
FRESH = 1.0  # seconds for which a page is kept: it may hold what somebody asks to be erased
PATIENCE = 0.05  # seconds for which a reader waits for another's page

Page = list[Recorded]
Key = tuple[int, int, int]


class SharedPages:
    """Called like `event_log.page`. What was read a moment ago for another reader that stood at the
    same position is given again: the log only grows, so it is still right. Nobody depends on the
    other, though: where that one is slow, fails or is cancelled, each reads by itself. So a page
    that is empty is never given twice, nor one that could not be read."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Key, tuple[float, asyncio.Future[Page]]] = OrderedDict()

    async def __call__(
        self, connection: Connection, after: int, most: int, until: int = END
    ) -> Page:
        key = after, most, until
        read_at, page = self._pages.get(key, (0.0, None))
        if page is not None and time.monotonic() - read_at < FRESH:
            await asyncio.wait({page}, timeout=PATIENCE)
            if page.done() and (found := page.result()):
                return found
        return await self._read(key, connection)

    async def _read(self, key: Key, connection: Connection) -> Page:
        page: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        self._pages[key] = time.monotonic(), page
        self._pages.move_to_end(key)
        while len(self._pages) > KEPT:
            self._pages.popitem(last=False)
        found: Page = []
        try:
            found = await event_log.page(connection, *key)
        finally:
            page.set_result(found)
            asyncio.get_running_loop().call_later(FRESH, self._forget, key, page)
        return found

    def _forget(self, key: Key, page: asyncio.Future[Page]) -> None:
        """Lets go of a page in time, also where no other page takes its place."""
        if self._pages.get(key, (0.0, None))[1] is page:
            del self._pages[key]
