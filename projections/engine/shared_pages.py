"""Pages of the log for several readers of one process, each event read and decoded once."""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from operator import attrgetter

from domain.aggregate import Recorded
from projections.engine import event_log
from projections.engine.event_log import END, Connection

KEPT = 16_000  # events
FRESH = 1.0  # seconds for which a page is kept: it may hold what somebody asks to be erased
PATIENCE = 0.05  # seconds for which a reader waits for another's page

Page = list[Recorded]
Key = tuple[int, int, int]


class SharedPages:
    """Called like `event_log.page`. What was read a moment ago for other readers is given again, as
    far as it follows on the position asked for: the log only grows, so it is still right. Who gets
    some of it asks again for what comes then. Nobody depends on the other, though: where that one
    is slow, fails or is cancelled, each reads by itself. So a page that is empty is never given
    twice, nor one that could not be read."""

    def __init__(self) -> None:
        self._pages: OrderedDict[int, Page] = (
            OrderedDict()
        )  # by the position that each begins after
        self._kept = 0  # events
        self._being_read: dict[Key, asyncio.Future[Page]] = {}

    async def __call__(
        self, connection: Connection, after: int, most: int, until: int = END
    ) -> Page:
        if found := self._read_before(after, most, until):
            return found
        if other := self._being_read.get((after, most, until)):
            await asyncio.wait({other}, timeout=PATIENCE)
            if other.done() and (page := other.result()):
                return page
        return await self._read((after, most, until), connection)

    def _read_before(self, after: int, most: int, until: int) -> Page:
        """From pages that follow one another."""
        found: Page = []
        while len(found) < most and (page := self._page_with_next(after)):
            first = bisect_right(page, after, key=_position)
            end = bisect_right(page, until, key=_position)
            if first >= end:
                break
            found += page[first:end]
            after = page[-1].position
        return found[:most]

    def _page_with_next(self, position: int) -> Page | None:
        """One that holds the first event after a position."""
        if page := self._pages.get(position):
            return page
        around = (p for start, p in self._pages.items() if start < position < p[-1].position)
        return next(around, None)

    async def _read(self, key: Key, connection: Connection) -> Page:
        reading: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        self._being_read[key] = reading
        found: Page = []
        try:
            found = await event_log.page(connection, *key)
        finally:
            reading.set_result(found)
            if self._being_read.get(key) is reading:
                del self._being_read[key]
        if found:
            self._keep(key[0], found)
        return found

    def _keep(self, start: int, page: Page) -> None:
        self._forget(start, self._pages.get(start))
        self._pages[start] = page
        self._kept += len(page)
        asyncio.get_running_loop().call_later(FRESH, self._forget, start, page)
        while self._kept > KEPT:
            self._forget(*next(iter(self._pages.items())))

    def _forget(self, start: int, page: Page | None) -> None:
        """Lets go of a page in time, also where no other page takes its place."""
        if page is not None and self._pages.get(start) is page:
            del self._pages[start]
            self._kept -= len(page)


_position = attrgetter("position")
