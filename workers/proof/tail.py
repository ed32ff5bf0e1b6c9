"""`python -m workers.proof.tail SPEC`: reads the log as a projector does, a page after the last
position, woken by notifications, and records the positions that it read."""

import asyncio
from contextlib import suppress

import psycopg
import uvloop
from psycopg import sql

from projections.engine import event_log
from projections.engine.election import connect
from workers.proof.ledger import LineWriter
from workers.proof.spec import Phase, Spec, spec_given
from workers.proof.switched_on import readable

PAGE = 500
POLL_SECONDS = 0.2  # without notifications
PAUSE = 0.05
CHANNEL = "log"


class Tail:
    def __init__(self, spec: Spec, book: LineWriter, phase: Phase) -> None:
        self._url = spec.database_url
        self._position = spec.start
        self._book = book
        self._phase = phase

    async def run(self) -> None:
        while not self._phase.ending.is_set():
            with suppress(psycopg.Error, OSError):
                async with await connect(self._url, "tail") as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                    await self._follow(connection)
            await asyncio.sleep(PAUSE)

    async def _follow(self, connection: event_log.Connection) -> None:
        while not self._phase.ending.is_set():
            if page := await event_log.page(connection, self._position, PAGE):
                self._book.write([recorded.position for recorded in page])
                self._position = page[-1].position
            else:
                async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                    pass


async def run(spec: Spec) -> None:
    with readable(), LineWriter(spec.file("tail.jsonl")) as book:
        await Tail(spec, book, Phase()).run()


if __name__ == "__main__":
    uvloop.run(run(spec_given()[0]))
