"""Notes and what is due of them, on a real database: taken by a real History, projected by a real
projector, worked on by runners that are stepped by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from domain.aggregate import Command
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from domain.work import Result
from sql import statements
from tests.boards import project
from tests.store import ask
from tests.waiting import eventually
from workers.proof import notes
from workers.proof.notes import DUE, LETTER, NOTES, SUMMARY, TakeNote
from workers.work.kind import Kind, Piece, Policy, Tools
from workers.work.runner import Runner

EVENT = "evt_1"
BY = Author("ada", EVENT)
BACKOFF = (0.0, 0.0)

Work = Callable[[Piece, Tools], Awaitable[Result]]


async def summarize(piece: Piece, tools: Tools) -> Result:
    async with tools.connection() as connection:
        return await notes.summary(connection, piece.subject)


async def send_letter(piece: Piece, tools: Tools) -> Result:
    return notes.letter(piece.subject, piece.wanted)


def summaries(work: Work = summarize, **more: Any) -> Kind:
    return Kind(SUMMARY, work, **{"backoff": BACKOFF} | more)


def letters(work: Work = send_letter, **more: Any) -> Kind:
    return Kind(LETTER, work, Policy.AT_MOST_ONCE, **{"backoff": BACKOFF} | more)


class Piecework(Struct, frozen=True):
    """A row of work.leases."""

    subject: str
    worker: str | None
    attempts: int
    problem: str | None
    parked: bool
    begun: int
    settled: int


class Desk:
    def __init__(self, database: str, history: History) -> None:
        self.database = database
        self.history = history
        self.runners: list[Runner] = []

    async def note(self, *about: str) -> None:
        for one in about:
            await self.history.execute(TakeNote(event_id=EVENT, about=one), by=BY)
        await self.project()

    async def execute(self, command: Command) -> None:
        await self.history.execute(command, by=BY)

    async def project(self) -> None:
        await project(self.database, [DUE])

    async def runner(self, *kinds: Kind, stalled: float = 60.0) -> Runner:
        runner = Runner(kinds, self.history, stalled)
        self.runners.append(runner)
        await runner.connect(self.database)
        return runner

    async def settle(self, *runners: Runner) -> None:
        """Until nothing is held, projected and taken any more."""
        taken = True
        while taken:
            await self.idle(*runners)  # else there is no room, and what is due is not taken
            await self.project()
            taken = any([await runner.step() for runner in runners])

    async def idle(self, *runners: Runner) -> None:
        await eventually(lambda: not any(runner._held for runner in runners), 20)

    async def stall(self, *workers: Runner) -> None:
        """Makes them look as if they had given no sign of life for long."""
        ids = [runner.worker for runner in workers]
        await self.ask(
            "UPDATE work.leases SET beat_at = beat_at - interval '1 hour' WHERE worker = ANY(%s)",
            ids,
        )

    async def kill(self, runner: Runner) -> None:
        """Without a word: its leases stay."""
        self.runners.remove(runner)

        async def silent(*given: Any, **more: Any) -> None:
            raise asyncio.CancelledError

        for leases in (runner._leases, runner._taking):
            leases._execute = silent  # type: ignore[method-assign]
        await runner.stop()

    async def ask(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(ask, self.database, query, *parameters)

    async def due(self) -> list[tuple[str, str]]:
        rows = await self.ask(
            "SELECT kind, subject FROM views.due WHERE wanted > based_on ORDER BY 1, 2"
        )
        return [(kind, subject) for kind, subject in rows]

    async def leases(self, kind: str = SUMMARY) -> list[Piecework]:
        rows = await self.ask(
            "SELECT subject, worker, attempts, problem, retry_at = 'infinity', begun, settled"
            " FROM work.leases WHERE kind = %s ORDER BY subject",
            kind,
        )
        return [Piecework(*row) for row in rows]

    async def results(self, topic: str = "NotesSummarized") -> list[tuple[str, int]]:
        """Subjects and what their results are based on, in the order of the log."""
        rows = await self.ask(
            "SELECT originator_id, convert_from(state, 'UTF8')::json -> 'data' ->> 'based_on'"
            " FROM events.log WHERE topic = %s ORDER BY notification_id",
            topic,
        )
        return [(stream.removeprefix("notes:"), int(based_on)) for stream, based_on in rows]


@asynccontextmanager
async def working(database: str) -> AsyncIterator[Desk]:
    recorder = open_recorder(database, statements("history"))
    history = History(recorder, (*AGGREGATES, NOTES), RENAMED)
    desk = Desk(database, history)
    try:
        yield desk
    finally:
        for runner in desk.runners:
            await runner.stop()
        await asyncio.to_thread(history.close)


def subjects(pieces: Sequence[Piece]) -> list[str]:
    return [piece.subject for piece in pieces]


def story(database: str, of: Callable[[Desk], Awaitable[None]]) -> None:
    """Runs a test with a desk in a loop of its own."""

    async def main() -> None:
        async with working(database) as desk:
            await of(desk)

    asyncio.run(main())
