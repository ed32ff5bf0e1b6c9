"""A tiny reaction: what members complete, it counts in the log itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from domain.aggregate import Command, Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.conferences import AnnounceConference
from domain.missions import MissionCompleted, MissionReopened
from domain.store.recorder import open_recorder
from domain.store.writer import History
from sql import statements
from tests.store import ask
from workers.work.reaction import Reaction
from workers.work.reactor import Reactor

ADA, BEN = "missions:evt_1:ada", "missions:evt_1:ben"
NAME = "echo"
React = Callable[[Recorded], Iterable[Command]]


def echo(recorded: Recorded) -> Iterator[Command]:
    """An event of its own for each click."""
    if isinstance(recorded.event, MissionCompleted | MissionReopened):
        echoed = f"echo_{recorded.position}"
        yield AnnounceConference(event_id=echoed, name=echoed, timezone="UTC")


@asynccontextmanager
async def storing(database: str) -> AsyncIterator[History]:
    history = History(open_recorder(database, statements("history")), AGGREGATES, RENAMED)
    try:
        yield history
    finally:
        await asyncio.to_thread(history.close)


@asynccontextmanager
async def reacting(
    database: str, react: React = echo, history: Any = None
) -> AsyncIterator[Reactor]:
    """Stepped by hand."""
    async with storing(database) as own:
        reactor = Reactor(Reaction(NAME, react), history or own)
        try:
            await reactor.start(database)
            yield reactor
        finally:
            await reactor.stop()


async def settle(reactor: Reactor) -> None:
    while await reactor.step():
        pass


def react_all(database: str, react: React = echo) -> None:
    async def story() -> None:
        async with reacting(database, react) as reactor:
            await settle(reactor)

    asyncio.run(story())


def clicked(database: str, stream: str = "missions:%") -> list[int]:
    query = "SELECT notification_id FROM events.log WHERE originator_id LIKE %s ORDER BY 1"
    return [position for (position,) in ask(database, query, stream)]


def echoed(database: str) -> list[int]:
    """Positions that it reacted to, in the order in which it did."""
    rows = ask(
        database,
        "SELECT originator_id FROM events.log WHERE originator_id LIKE 'conference:echo%'"
        " ORDER BY notification_id",
    )
    return [int(stream.rpartition("_")[2]) for (stream,) in rows]


def stand(database: str) -> tuple[Any, ...]:
    ((kind, position, attempts, problem),) = ask(
        database, "SELECT kind, position, attempts, problem FROM views.positions"
    )
    return kind, position, attempts, problem


def parked(database: str) -> list[tuple[Any, ...]]:
    return ask(
        database, "SELECT stream, position, problem, asked FROM views.parked ORDER BY position"
    )


class Dying:
    """A History at which the process ends: before a command is recorded, or after it."""

    def __init__(self, history: History, where: Callable[[int], str]) -> None:
        self._history = history
        self._where = where
        self._calls = 0

    async def execute(self, command: Command, **more: Any) -> Any:
        self._calls += 1
        where = self._where(self._calls)
        if where == "before":
            raise asyncio.CancelledError
        outcome = await self._history.execute(command, **more)
        if where == "after":
            raise asyncio.CancelledError
        return outcome
