"""`python -m workers.proof.noting SPEC`: takes notes, of which there is work to do. A proof kills
far more often than life does, so this is also the operator who drops what is parked."""

import asyncio
import logging
from contextlib import suppress

import psycopg

from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Unavailable
from domain.store.queue import SYSTEM
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from projections.engine.election import connect
from sql import statements
from workers.proof.ledger import LineWriter
from workers.proof.notes import LETTER, NOTES, TakeNote
from workers.proof.spec import Phase, Spec, spec_given

PARKED = statements("parked")
DROPPED = "dropped.jsonl"  # letters: each a subject and the position at which it was wanted
SUBJECTS = "abcdef"
EVERY = 0.15  # seconds, on average


async def run(spec: Spec) -> None:
    phase, random = Phase(), spec.random("notes")
    recorder = await asyncio.to_thread(open_recorder, spec.database_url, statements("history"))
    history = History(recorder, (*AGGREGATES, NOTES), RENAMED)
    by = Author(f"{SYSTEM}noting", spec.event_id)
    dropped = LineWriter(spec.file(DROPPED))
    while not phase.settling.is_set():
        with suppress(Unavailable):  # it may be taken or not: the log says
            note = TakeNote(event_id=spec.event_id, about=random.choice(SUBJECTS))
            await history.execute(note, by=by)
        with suppress(psycopg.Error, OSError):
            await _drop(spec, dropped)
        await asyncio.sleep(random.expovariate(1 / EVERY))
    await asyncio.to_thread(history.close)


async def _drop(spec: Spec, dropped: LineWriter) -> None:
    async with await connect(spec.database_url, "proof") as connection:
        about: dict[str, object] = {"reader": LETTER, "stream": None}
        rows = await (await connection.execute(PARKED["list"], about)).fetchall()
        for reader, subject, wanted, *_ in rows:
            dropped.write((subject, wanted))
            about = {"reader": reader, "stream": subject, "position": wanted, "asked": "drop"}
            await connection.execute(PARKED["ask"], about)


if __name__ == "__main__":
    logging.disable(logging.ERROR)  # it is our doing
    asyncio.run(run(spec_given()[0]))
