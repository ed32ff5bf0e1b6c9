"""Keeps one reaction: reads the log from a position of its own, and hands what follows to History.

One process leads, as of projectors; Postgres rings. Each command goes under a key made of the
position of its event, so what is sent again after a death has its effect once. Such keys are kept
for as long as their event may come again: until the position has passed it and it is not parked
(workers/operations/upkeep.py).

What a rule refuses is an answer. What cannot be reacted to is parked with its stream, at once: the
other streams do not wait. An event at which the process ends every time is found by the attempts
that are counted in the position's row: after the first such end it goes event by event.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import psycopg

from domain.aggregate import Command, Recorded, StreamName
from domain.errors import NotFound, Refused, Unavailable
from domain.store.envelope import UnreadableEventError
from domain.store.writer import Author, History, IdempotencyKey
from projections.engine import event_log
from projections.engine.election import LeadLostError, StepDownError, connect
from projections.engine.event_log import SQL as LOG
from projections.engine.parking import Parking, Requested, TooManyParkedError, said
from sql import statements
from workers.work.reaction import Reaction

log = logging.getLogger(__name__)

SQL = statements("reactions")
PAGE = 1_000  # events
ATTEMPTS = 5  # that may end without a word before an event is parked
BEAT = 1.0  # seconds between signs of life
RETRY = 5.0  # seconds before it is tried again where too much is parked
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, StepDownError)
PRINCIPAL = "reaction:"  # of its keys and as an author; no member's id has a colon


class NeverFinishedError(Exception):
    """Every time it was attempted, the process ended before it was done"""


class Reactor:
    channel = "log"

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
            await self._execute(SQL["forget_attempts"])
            self._attempting = False
        ((self.position, self._epoch, attempts),) = await self._rows(SQL["stand"])
        self._careful_until = self.position
        if attempts:
            page = await self._page()
            self._careful_until = page[-1].position if page else self.position
        await self._parking.load(self._connection, [self.name])

    async def stop(self) -> None:
        await self._open.aclose()

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
        return self.position != before

    async def _page(self) -> list[Recorded]:
        most = 1 if self.position < self._careful_until else PAGE
        return await event_log.readable(self._connection, self.position, most)

    async def _go_on(self, page: Sequence[Recorded]) -> None:
        """To the end of the page, or to what has to be parked."""
        followed = [(one, self._commands(one)) for one in self._parking.applicable(self.name, page)]
        deadly = False
        if any(commands for _, commands in followed):
            deadly = await self._attempts() > ATTEMPTS and len(page) == 1
        for recorded, commands in followed:
            problem = commands if isinstance(commands, Exception) else None
            if deadly:
                problem = NeverFinishedError(f"in {ATTEMPTS} attempts")
            if problem is None:
                problem = await self._tried(recorded, commands)
            if problem is not None:
                await self._park(recorded.stream, recorded.position, problem)
                return
        await self._advance(page[-1].position)

    async def _tried(self, recorded: Recorded, commands: Any) -> Exception | None:
        try:
            await self._send(recorded, commands)
        except AWAY:
            raise
        except Exception as e:
            return e
        return None

    def _commands(self, recorded: Recorded) -> Sequence[Command] | Exception:
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
        by = Author(f"{PRINCIPAL}{self.name}", recorded.tenant, recorded.trace)
        for number, command in enumerate(commands, 1):
            # Sent again, also with other words in it, it is the first one that counts.
            key = IdempotencyKey(by.actor, f"{recorded.position}:{number}", b"")
            try:
                await self._history.execute(command, by=by, key=key)
            except (Refused, NotFound) as e:
                log.info("%s after %s: %s", self.name, recorded.position, e)
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
        nothing does."""
        log.warning("%s: %s at %s failed: %s", self.name, stream, at, problem, exc_info=problem)
        if self._parking.is_full(self.name, stream, at):
            why = said(TooManyParkedError(problem))
            await self._execute(LOG["stuck"], seen=at, problem=why)
            self._rests_until = time.monotonic() + RETRY
            return
        async with self._connection.transaction():
            await self._advance(at)
            await self._parking.park(self._connection, self.name, stream, at, problem)

    async def _attend(self, wanted: Requested) -> None:
        """To what an operator wants done with a stream that is parked."""
        stream, at = wanted.stream, wanted.first
        try:
            until = self.position if wanted.action == "replay" else 0
            for recorded in await event_log.streams(self._connection, [stream], until, at):
                at = recorded.position
                await self._send(recorded, list(self._react(recorded)))
        except AWAY:
            raise
        except Exception as e:
            e.add_note(f"at position {at}")
            await self._parking.keep_parked(self._connection, self.name, stream, at, e)
            await self._parking.load(self._connection, [self.name])
            return
        stand = {"name": self.name, "version": 1, "position": self.position, "epoch": self._epoch}
        async with self._connection.transaction():
            await self._parking.unpark(
                self._connection, stream, stand, drop=wanted.action == "drop"
            )
        self._epoch += 1

    async def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT:
            await self._execute(LOG["beat"], names=[self.name])
            self._beat_at = time.monotonic()

    async def _rows(self, statement: str, **more: Any) -> list[Any]:
        rows: list[Any] = await (await self._execute(statement, **more)).fetchall()
        return rows

    async def _execute(self, statement: str, **more: Any) -> Any:
        return await self._connection.execute(statement, {"name": self.name} | more, prepare=True)
