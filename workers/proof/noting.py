"""`python -m workers.proof.noting SPEC`: takes notes, of which there is work to do."""

import asyncio
import logging
from contextlib import suppress

from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Unavailable
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from sql import statements
from workers.proof.notes import NOTES, TakeNote
from workers.proof.spec import Phase, Spec, spec_given

SUBJECTS = "abcdef"
EVERY = 0.15  # seconds, on average


async def run(spec: Spec) -> None:
    phase, random = Phase(), spec.random("notes")
    recorder = await asyncio.to_thread(open_recorder, spec.database_url, statements("history"))
    history = History(recorder, (*AGGREGATES, NOTES), RENAMED)
    by = Author("noting", spec.event_id)
    while not phase.settling.is_set():
        with suppress(Unavailable):  # it may be taken or not: the log says
            note = TakeNote(event_id=spec.event_id, about=random.choice(SUBJECTS))
            await history.execute(note, by=by)
        await asyncio.sleep(random.expovariate(1 / EVERY))
    await asyncio.to_thread(history.close)


if __name__ == "__main__":
    logging.disable(logging.ERROR)  # it is our doing
    asyncio.run(run(spec_given()[0]))
