"""How far the read models have come, and what they have parked, known in this process within a
millisecond or so. Of what is parked it knows all up to the position that it knows."""

import asyncio
import heapq
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import psycopg
from psycopg.rows import TupleRow

from api.live.past import Past
from domain.aggregate import StreamName
from projections.engine.election import connect, not_cancelled
from projections.engine.event_log import SQL, Connection
from projections.read_models import READ_MODELS, VERSIONS
from sql import statements

PARKED = statements("parked")
log = logging.getLogger(__name__)

POLL_SECONDS = 1.0  # seconds between looks when nobody notifies


class Watch:
    """`positions[name]`, and a way to wait for one. `on_moved` is called whenever a read model is
    at another position; `on_older` when the end of the log was lost (past.py), with the position up
    to which it is as it was; `on_belated` with an audience that was told something belated, and its
    number; `on_erased` when somebody was erased, or may have been while nothing could be heard."""

    def __init__(self, database_url: str) -> None:
        self.positions = {model.name: 0 for model in READ_MODELS}
        self.parked: dict[str, dict[StreamName, int]] = {}
        self.renewed: frozenset[str] = frozenset()  # of an older version than ours: not soon here
        self.on_moved: Callable[[str, int], None] = lambda name, position: None
        self.on_older: Callable[[int], None] = lambda end: None
        self.on_erased: Callable[[], None] = lambda: None
        self.on_belated: Callable[[tuple[str, str], int], None] = lambda audience, seq: None
        self._past = Past()
        self.belated = 0  # the highest number of what came belated, as far as all is as it was
        self._end = 0
        self._last_belated: tuple[str, str, int] = "", "", 0
        self._database_url = database_url
        self._waiting: dict[str, list[tuple[int, int, asyncio.Future[None]]]] = {}
        self._gone: Counter[str] = Counter()
        self._order = itertools.count()

    async def run(self) -> None:
        while not_cancelled():
            try:
                await self._listen()
            except (psycopg.Error, OSError) as e:
                self._past.cut()
                log.warning("cannot watch the read models: %s", e)
                await asyncio.sleep(POLL_SECONDS)

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
            return False
        finally:
            if future.cancelled():
                self._tidy(name)
        return True

    def hear(self, headers: Mapping[str, str]) -> None:
        """A message of NATS, in the order of the log: by these it is known what is as it was."""
        self._past.hear(headers)

    def read_ahead(self, heard: int, until: int) -> None:
        """Notes that what is between these positions was read before NATS said it."""
        self._past.read_ahead(heard, until)

    def parked_in(self, name: str, scope_id: str) -> dict[StreamName, int]:
        """A scope's streams that the read model has parked, and from which position on."""
        parked = self.parked.get(name)
        if not parked:
            return {}
        return {s: first for s, first in parked.items() if s.split(":", 2)[1:2] == [scope_id]}

    def _tidy(self, name: str) -> None:
        """Removes waiters that gave up, lest they pile up behind a read model that is stuck."""
        self._gone[name] += 1
        if self._gone[name] > len(self._waiting[name]) / 2:
            self._waiting[name] = [w for w in self._waiting[name] if not w[2].done()]
            heapq.heapify(self._waiting[name])
            self._gone[name] = 0

    async def _listen(self) -> None:
        async with await connect(self._database_url, "watch") as connection:
            await connection.execute(SQL["listen"])
            await connection.execute(SQL["listen_for_erasures"])
            await connection.execute(PARKED["listen"])
            self.on_erased()
            while not_cancelled():
                await self._poll(connection)
                looked = time.monotonic()
                async for notice in connection.notifies(timeout=POLL_SECONDS):
                    if notice.channel == "people":
                        self.on_erased()
                        continue
                    if notice.channel == "parked":
                        break
                    position, *names = notice.payload.split()
                    self._end = max(self._end, int(position))
                    for name in names:
                        self._see(name, max(int(position), self.positions.get(name, 0)))
                    if time.monotonic() - looked > POLL_SECONDS:
                        break

    async def _poll(self, connection: Connection) -> None:
        rows = await (await connection.execute(PARKED["read_models"])).fetchall()
        after = self.belated
        cursor = await connection.execute(PARKED["belated"], {"after": after})
        belated = await cursor.fetchall()
        end, kept = await self._past.read_end(connection, self._end)
        if kept is not None:
            await self._see_older(connection, kept)
        self._end = end
        if self.belated == after:  # else all of it is read anew
            self._see_belated(belated)
        self.parked = {name: parked for name, *_, parked in rows if parked}
        self.renewed = frozenset(name for name, _, v, _ in rows if v < VERSIONS.get(name, v))
        for name, position, *_ in rows:
            self._see(name, position)

    def _see_belated(self, rows: Iterable[TupleRow]) -> None:
        for scope_id, member_id, seq in rows:
            if seq > self.belated:
                self.belated, self._last_belated = seq, (scope_id, member_id, seq)
            self.on_belated((scope_id, member_id), seq)

    async def _see_older(self, connection: Connection, kept: int) -> None:
        """The log only grows, unless its end was lost, and only what is `kept` is as it was. Read
        models alone may also begin anew."""
        if kept < self._end:
            log.error("the log is another after position %s: restored, or failed over", kept)
        else:
            log.warning("another server has taken over, and the log is as it was up to %s", kept)
        self.positions = {name: min(p, kept) for name, p in self.positions.items()}
        about = dict(zip(("scope_id", "member_id", "seq"), self._last_belated, strict=True))
        ((is_there,),) = await (await connection.execute(PARKED["is_belated"], about)).fetchall()
        self.belated = self.belated if is_there else 0
        self.on_older(kept)

    def _see(self, name: str, position: int) -> None:
        moved = self.positions.get(name) != position
        self.positions[name] = position
        if moved:
            self.on_moved(name, position)
        waiting = self._waiting.get(name)
        while waiting and waiting[0][0] <= position:
            _, _, future = heapq.heappop(waiting)
            if not future.done():
                future.set_result(None)
