"""A worker that does nothing but work, beside the workers process: `planted NAME
workers.proof.second`."""

import asyncio
import os
from contextlib import suppress

from domain.capabilities import AGGREGATES, RENAMED
from domain.store.recorder import open_recorder
from domain.store.writer import History
from sql import statements
from workers.kinds import KINDS
from workers.proof.spec import Phase
from workers.work.runner import run_work


async def run() -> None:
    url, phase = os.environ["DATABASE_URL"], Phase()
    recorder = await asyncio.to_thread(open_recorder, url, statements("history"))
    history = History(recorder, AGGREGATES, RENAMED)
    working = asyncio.create_task(run_work(url, KINDS, history))
    await phase.ending.wait()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await asyncio.to_thread(history.close)


if __name__ == "__main__":
    asyncio.run(run())
