"""`python -m workers.proof.planted PLANT api serve`: a program of the product, with the work of a
proof, and with a bug in it where PLANT is not `nothing`."""

import asyncio
import importlib
import os
import runpy
import sys
from functools import partial
from pathlib import Path
from typing import Any

from projections.engine import event_log
from workers.proof import notes
from workers.proof.plants import NOTHING, PLANTS, Plant
from workers.proof.switched_on import switch_on
from workers.work import leases


def plant_bug(plant: Plant, program: str) -> None:
    if program == "api":  # by name: nothing here needs the web
        services: Any = importlib.import_module("api.services")
        services.open_recorder = lambda url, sql: plant.open_recorder(url)
    if plant.page and program == "workers":
        run: Any = importlib.import_module("workers.run")
        run.SharedPages = partial(_pages, plant.page)
    if plant.window and program == "api":
        live: Any = importlib.import_module("api.live.feed")
        live.Live.join = _joining_late(live, plant.window)
    leases.SQL.update(plant.work)
    if plant.keeps_older:
        of_notes: Any = notes
        of_notes.is_newer = lambda result, recorded: True


def _pages(statement: str) -> Any:
    def page(connection: event_log.Connection, after: int, most: int, until: int) -> Any:
        return event_log.page(connection, after, most, until, statement)

    return page


def _joining_late(live: Any, seconds: float) -> Any:
    """`Live.join` with a window: what was missed is read first, and what is said after that and
    before the reader listens is lost."""
    join = live.Live.join

    async def joined(self: Any, audience: Any, after: Any, *rest: Any) -> Any:
        if after is None:
            return await join(self, audience, None, *rest)
        resumed = await join(self, audience, after, *rest)
        self.leave(resumed)
        pages = []
        while resumed.missed:
            pages.append(await self.missed(resumed))
        await asyncio.sleep(seconds)
        reader = await join(self, audience, None, *rest)  # as one who has heard all until now
        for page in pages:
            reader.offer(live.OF_NO_FEED, 0, page)
        return reader

    return joined


def main() -> None:
    name, program, *arguments = sys.argv[1:]
    switch_on(Path(os.environ["DATA_DIR"]))
    plant_bug(PLANTS.get(name, NOTHING), program)
    sys.argv = [program, *arguments]
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
