"""Keeps one reaction: reads the log from a position of its own, and hands what follows to History.

One process leads, as of projectors; Postgres rings. Each command goes under a key made of the
position of its event, so what is sent again after a death has its effect once. Such keys are kept
for as long as their event may come again: until the position has passed it and it is not parked
(workers/operations/upkeep.py).

What a rule refuses is an answer. What cannot be reacted to is parked with its stream, at once: the
other streams do not wait. An event at which the process ends every time is found by the attempts
that are counted in the position's row: after the first such end it goes event by event.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import psycopg

from domain.aggregate import Command, Recorded, StreamName, stream_of
from domain.errors import Unavailable
from domain.store.envelope import Newer, NewerEventError, UnreadableEventError
from domain.store.writer import History
from projections.engine import event_log
from projections.engine.election import LeadLostError, StepDownError, connect
from projections.engine.event_log import SQL as LOG
from projections.engine.event_log import Connection
from projections.engine.parking import (
    Parking,
    Requested,
    TooManyParkedError,
    is_no_fault_of_an_event,
    said,
    waiting_for_us,
)
from sql import statements
from workers.work.following import send
from workers.work.reaction import Reaction

log = logging.getLogger(__name__)

SQL = statements("reactions")
PAGE = 1_000  # events
ATTEMPTS = 5  # that may end without a word before an event is parked
BEAT = 1.0  # seconds between signs of life
STEP = 0.1  # seconds after which a step ends, so that its leader is heard of
AT_ONCE = 64  # events whose commands are sent together
RETRY = 5.0  # seconds before it is tried again where too much is parked
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, StepDownError)

Followed = tuple[Recorded, Sequence[Command] | Exception]  # an event and its commands, if any


class NeverFinishedError(Exception):
    """Every time it was attempted, the process ended before it was done"""


class Reactor:
    channel = "log"
    rest = 0.0

    def __init__(self, reaction: Reaction, history: History) -> None:
        self.name = reaction.name
        self.position = 0
        self._react = reaction.react
        self._history = history
        self._epoch = 0  # of what is parked
        self._parking = Parking()
        self._careful_until = 0  # up to this position it goes event by event
        self._attempting = False  # a process that lives knows that none of its attempts was deadly
        self._rests_until = self._beat_at = 0.0
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        self._open.push_async_callback(self._connection.close)
        itself = {"names": [self.name], "versions": [1], "kind": "reaction"}
        await self._connection.execute(LOG["enrol"], itself)
        if self._attempting:
            await self._forget_attempts()
        ((self.position, self._epoch, attempts),) = await self._rows(SQL["stand"])
        self._careful_until = self.position
        if attempts:
            self._careful_until = await self._end_of_page()
        await self._parking.load(self._connection, [self.name])

    async def stop(self) -> None:
        await self._open.aclose()

    async def is_wanted(self, connection: Connection) -> list[str]:
        return await waiting_for_us(connection, {"names": [self.name], "versions": [1]})

    async def step(self) -> bool:
        await self._beat()
        for wanted in await self._parking.requested(self._connection):
            await self._attend(wanted)
        if time.monotonic() < self._rests_until:
            return False
        before = self.position
        try:
            page = await self._page()
            if page:
                await self._go_on(page)
        except UnreadableEventError as e:
            stream = await self._parking.stream_at(self._connection, e.position)
            await self._park(stream, e.position, e)
        except Unavailable as e:  # of a process with another master key, say: others may lead
            await self._get_stuck(self.position, said(e))
            raise StepDownError(said(e)) from e
        return self.position != before

    async def _end_of_page(self) -> int:
        try:
            page = await self._page()
        except UnreadableEventError as e:
            return e.position
        except Unavailable:
            return self.position
        return page[-1].position if page else self.position

    async def _page(self) -> list[Recorded]:
        most = 1 if self.position < self._careful_until else PAGE
        return await event_log.readable(self._connection, self.position, most)

    async def _go_on(self, page: Sequence[Recorded]) -> None:
        """To the end of the page, to what has to be parked, or as far as there is time for."""
        until = time.monotonic() + STEP
        followed = [(one, self._commands(one)) for one in self._parking.applicable(self.name, page)]
        sends = any(commands for _, commands in followed)
        if sends and await self._attempts() > ATTEMPTS and len(page) == 1:
            deadly = NeverFinishedError(f"in {ATTEMPTS} attempts")
            await self._park(page[0].stream, page[0].position, deadly)
            return
        for together in independent(followed):
            problems = await self._sent(together)
            for (recorded, _), problem in zip(together, problems, strict=True):
                if problem is not None:
                    await self._park(recorded.stream, recorded.position, problem)
                    return
            if time.monotonic() > until:
                await self._advance(together[-1][0].position)
                return
        await self._advance(page[-1].position)

    async def _sent(self, together: Sequence[Followed]) -> list[Exception | None]:
        """Sends them at once, so that they share a transaction: the problem of each. What
        is sent though an event before it fails comes again under its key, with its effect once."""
        sent = (self._tried(recorded, commands) for recorded, commands in together)
        problems = await asyncio.gather(*sent, return_exceptions=True)
        for problem in problems:
            if isinstance(problem, AWAY) or not isinstance(problem, Exception | None):
                raise problem
        return [one for one in problems if isinstance(one, Exception | None)]

    async def _tried(
        self, recorded: Recorded, commands: Sequence[Command] | Exception
    ) -> Exception | None:
        try:
            if isinstance(commands, Exception):
                raise commands
            await self._send(recorded, commands)
        except AWAY:
            raise
        except Exception as e:
            if is_no_fault_of_an_event(e):
                raise StepDownError(said(e)) from e
            return e
        return None

    def _commands(self, recorded: Recorded) -> Sequence[Command] | Exception:
        if isinstance(recorded.event, Newer):
            return NewerEventError(recorded.position, recorded.event.topic)
        try:
            return list(self._react(recorded))
        except Exception as e:
            return e

    async def _attempts(self) -> int:
        self._attempting = True
        about = {"after": self.position, "epoch": self._epoch}
        for (attempts,) in await self._rows(SQL["attempt"], **about):
            return int(attempts)
        raise LeadLostError(f"{self.name} is no longer at {self.position}")

    async def _send(self, recorded: Recorded, commands: Sequence[Command]) -> None:
        try:
            await send(self._history, self.name, recorded, commands)
        except Unavailable as e:  # no fault of the event's
            raise StepDownError(str(e)) from e

    async def _advance(self, to: int) -> None:
        if to > self.position:
            about = {"after": self.position, "to": to, "epoch": self._epoch}
            if not (await self._execute(SQL["advance"], **about)).rowcount:
                raise LeadLostError(f"{self.name} is no longer at {self.position}")
            self.position = to
        self._attempting = False

    async def _park(self, stream: StreamName, at: int, problem: Exception) -> None:
        """The stream waits from here on, and everything else goes on; where very many wait already
        nothing does. It waits for a newer version where that has recorded the event."""
        if isinstance(problem, NewerEventError):
            log.warning("%s: %s %s", self.name, stream, said(problem))
        else:
            log.error("%s: %s at %s failed: %s", self.name, stream, at, problem, exc_info=problem)
        if not isinstance(problem, NewerEventError) and self._parking.is_full(
            self.name, stream, at
        ):
            await self._get_stuck(at, said(TooManyParkedError(problem)))
            return
        async with self._connection.transaction():
            await self._advance(at)
            await self._parking.park(self._connection, self.name, stream, at, problem)

    async def _get_stuck(self, seen: int, problem: str) -> None:
        await self._execute(SQL["stuck"], seen=seen, problem=problem)
        self._attempting = False
        self._rests_until = time.monotonic() + RETRY

    async def _attend(self, wanted: Requested) -> None:
        """To what is to be done with a stream that is parked. A replay at which
        the process ends every time is given up, like an event."""
        stream, at = wanted.stream, wanted.first
        deadly = wanted.action == "replay" and await self._attempts() > ATTEMPTS
        try:
            if deadly:
                raise NeverFinishedError(f"in {ATTEMPTS} attempts")
            until = self.position if wanted.action == "replay" else 0
            for recorded in await event_log.streams(self._connection, [stream], until, at):
                at = recorded.position
                await self._send(recorded, list(self._react(recorded)))
        except AWAY:
            raise
        except Exception as e:
            e.add_note(f"at position {at}")
            await self._parking.keep_parked(self._connection, self.name, stream, at, e)
            await self._forget_attempts()
            await self._parking.load(self._connection, [self.name])
            return
        await self._forget_attempts()
        stand = {"name": self.name, "version": 1, "position": self.position, "epoch": self._epoch}
        async with self._connection.transaction():
            await self._parking.unpark(
                self._connection, stream, at=stand, drop=wanted.action == "drop"
            )
        self._epoch += 1

    async def _forget_attempts(self) -> None:
        await self._execute(SQL["forget_attempts"])
        self._attempting = False

    async def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT:
            await self._execute(LOG["beat"], names=[self.name])
            self._beat_at = time.monotonic()

    async def _rows(self, statement: str, **more: Any) -> list[Any]:
        rows: list[Any] = await (await self._execute(statement, **more)).fetchall()
        return rows

    async def _execute(self, statement: str, **more: Any) -> Any:
        return await self._connection.execute(statement, {"name": self.name} | more, prepare=True)


def independent(followed: Iterable[Followed]) -> Iterator[list[Followed]]:
    """Runs of events whose commands may be sent at once: no two are of one stream, the later of
    which would wait if the first were parked, and no two have commands to one stream, which gets
    them in their order."""
    run: list[Followed] = []
    taken: set[StreamName] = set()
    for recorded, commands in followed:
        streams = _streams(commands) | {recorded.stream} if commands else set()
        if run and (streams & taken or len(run) == AT_ONCE):
            yield run
            run, taken = [], set()
        run.append((recorded, commands))
        taken |= streams
    if run:
        yield run


def _streams(commands: Sequence[Command] | Exception) -> set[StreamName]:
    if isinstance(commands, Exception):
        return set()
    try:
        return {stream_of(command) for command in commands}
    except Exception:  # a command that breaks: it is found where it is sent
        return set()
