"""How far the read models have come, known in this process within a millisecond or so."""

import asyncio
import heapq
import itertools
import logging
import time
from collections import Counter

import psycopg

from projections.follower import connect, wanted
from projections.log import SQL
from projections.read_models import READ_MODELS

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds between looks when nobody notifies


class Watch:
    """`positions[name]`, and a way to wait for one."""

    def __init__(self, database_url: str) -> None:
        self.positions = {model.name: 0 for model in READ_MODELS}
        self._database_url = database_url
        self._waiting: dict[str, list[tuple[int, int, asyncio.Future[None]]]] = {}
        self._gone: Counter[str] = Counter()
        self._order = itertools.count()

    async def run(self) -> None:
        while wanted():
            try:
                await self._listen()
            except (psycopg.Error, OSError) as e:
                log.warning("cannot watch the read models: %s", e)
                await asyncio.sleep(LOOK)

    async def reach(self, name: str, position: int, seconds: float) -> bool:
        """Waits until the read model shows the position, for so many seconds at most."""
        if self.positions[name] >= position:
            return True
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting.setdefault(name, []), (position, next(self._order), future))
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            self._tidy(name)
            return False
        return True

    def _tidy(self, name: str) -> None:
        """Those who gave up must not pile up behind a read model that does not go on."""
        self._gone[name] += 1
        if self._gone[name] > len(self._waiting[name]) / 2:
            self._waiting[name] = [w for w in self._waiting[name] if not w[2].done()]
            heapq.heapify(self._waiting[name])
            self._gone[name] = 0

    async def _listen(self) -> None:
        async with await connect(self._database_url, "watch") as connection:
            await connection.execute(SQL["listen"])
            while wanted():
                rows = await (await connection.execute(SQL["read_models"])).fetchall()
                for name, position in rows:
                    self._see(name, position)
                looked = time.monotonic()
                async for told in connection.notifies(timeout=LOOK):
                    position, *names = told.payload.split()
                    for name in names:
                        self._see(name, max(int(position), self.positions.get(name, 0)))
                    if time.monotonic() - looked > LOOK:
                        break

    def _see(self, name: str, position: int) -> None:
        self.positions[name] = position
        waiting = self._waiting.get(name)
        while waiting and waiting[0][0] <= position:
            _, _, future = heapq.heappop(waiting)
            if not future.done():
                future.set_result(None)
