"""A durable consumer: it hears what was recorded, each event once and in order, and reacts.

JetStream rings, counts the attempts and spaces them; what is applied is read from the log, from
our position up to the one that rings. So a stream that was lost, emptied or published again makes
neither a gap nor a double. One leads, and has one message at a time; others stand by.

What is not applied after the last delivery is parked with its stream: `python -m workers parked`.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from inspect import isawaitable
from typing import Any

import psycopg
from nats.aio.msg import Msg

from domain.aggregate import Command, Recorded, StreamName
from domain.store.envelope import UnreadableEventError
from projections.engine import event_log
from projections.engine.election import LeadLostError, StepDownError, connect
from projections.engine.event_log import SQL
from projections.engine.parking import Parking, TooManyParkedError, said
from workers.bus import messages
from workers.bus.bell import Bell
from workers.bus.relay import stepping_down
from workers.bus.sending import Send

log = logging.getLogger(__name__)

PAGE = 1_000  # events
POLL_SECONDS = 1.0  # seconds between signs of life, and looks for what is asked
BACKOFF = (0.5, 2.0, 10.0, 30.0)  # seconds before each further delivery
DELIVERIES = len(BACKOFF) + 1  # after that it is parked
PATIENCE = 120.0  # seconds for the reaction to one event
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, StepDownError)

React = Callable[[Recorded], Iterable[Command] | Awaitable[Iterable[Command]]]


class NeverFinishedError(Exception):
    """Every time it was delivered, the process ended before it was done"""


class Consumer:
    """`react(recorded)` gives the commands that follow, or awaits them; raising is failing."""

    channel = "workers"  # where nobody says anything: JetStream does

    def __init__(self, name: str, react: React, send: Send, nats_url: str) -> None:
        self.name = name
        self.position = 0
        self._react, self._send = react, send
        self._bell = Bell(name, nats_url)
        self._about: dict[str, Any] = {"names": [name], "versions": [1]}
        self._epoch = 0
        self._parking = Parking()
        self._task: asyncio.Task[None] | None = None
        self._message: Msg | None = None
        self._looked_at = 0.0
        self._open = AsyncExitStack()

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        self._open.push_async_callback(self._connection.close)
        await self._execute(SQL["enrol"], kind="worker")
        ((_, self.position, self._epoch),) = await (await self._execute(SQL["ours"])).fetchall()
        await self._parking.load(self._connection, [self.name])
        self._open.push_async_callback(self._bell.close)
        self._open.push_async_callback(self._end)
        with stepping_down():
            await self._bell.open()

    async def stop(self) -> None:
        await self._open.aclose()

    async def _end(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._task = self._message = None

    async def step(self) -> bool:
        with stepping_down():
            if time.monotonic() - self._looked_at >= POLL_SECONDS:
                await self._poll()
            if self._task is None:
                self._task = await self._next()
            if self._task:
                await asyncio.wait({self._task}, timeout=POLL_SECONDS)
                if self._task.done():
                    done, self._task, self._message = self._task, None, None
                    done.result()
        return True

    async def _poll(self) -> None:
        """Signs of life, for the database and for JetStream; and whether that still knows us."""
        self._looked_at = time.monotonic()
        await self._execute(SQL["work" if self._task else "beat"])
        if self._message:
            await self._message.in_progress()
        await self._bell.ensure_consumer(self.position)

    async def _next(self) -> "asyncio.Task[None] | None":
        for one in await self._parking.requested(self._connection):
            return asyncio.create_task(self._attend(one.stream, one.first, one.action))
        self._message = await self._bell.next()
        return asyncio.create_task(self._hear(self._message)) if self._message else None

    async def _hear(self, message: Msg) -> None:
        deliveries, until = message.metadata.num_delivered, messages.position(message.headers)
        exact = deliveries > 1  # somebody may have ended at one of these: the position says which
        while self.position < until:
            failure = await self._go_on(until, deliveries, exact)
            if failure and not await self._parked(*failure, deliveries):
                await message.nak(delay=BACKOFF[min(deliveries, len(BACKOFF)) - 1])
                return
            deliveries = 1 if failure else deliveries  # those were of what is parked
        await message.ack()

    async def _go_on(
        self, until: int, deliveries: int, exact: bool
    ) -> tuple[StreamName, int, Exception] | None:
        """A page further; or up to what cannot be applied, of which stream, where and why."""
        at, stream = self.position, ""
        try:
            page = await event_log.readable(self._connection, self.position, PAGE, until)
            for recorded in self._parking.applicable(self.name, page):
                at, stream = recorded.position, recorded.stream
                if deliveries > DELIVERIES:
                    raise NeverFinishedError(f"after {DELIVERIES} deliveries")
                if await self._apply(recorded) or exact:
                    await self._advance(at)
            await self._advance(page[-1].position if page else until)
        except UnreadableEventError as e:
            return await self._parking.stream_at(self._connection, e.position), e.position, e
        except AWAY:
            raise
        except Exception as e:
            return stream, at, e
        return None

    async def _apply(self, recorded: Recorded) -> bool:
        """Whether anything was sent."""
        number = 0
        async with asyncio.timeout(PATIENCE):
            commands = self._react(recorded)
            if isawaitable(commands):
                commands = await commands
            for number, command in enumerate(commands, 1):
                await self._send(recorded, number, command)
        return number > 0

    async def _advance(self, to: int) -> None:
        if to > self.position:
            at = {"epochs": [self._epoch], "after": self.position, "to": to}
            if not (await self._execute(SQL["advance"], **at)).rowcount:
                raise LeadLostError(f"{self.name} is no longer at {self.position}")
            self.position = to

    async def _parked(self, stream: StreamName, at: int, e: Exception, deliveries: int) -> bool:
        """Only after the last delivery, and where it is not one of very many."""
        log.warning("%s: %s at %s failed: %s", self.name, stream, at, e, exc_info=e)
        too_many = self._parking.is_full(self.name, stream, at)
        if deliveries < DELIVERIES or too_many:
            why = said(TooManyParkedError(e) if too_many else e)
            await self._execute(SQL["stuck"], name=self.name, seen=at, problem=why)
            return False
        async with self._connection.transaction():
            await self._advance(at)
            await self._parking.park(self._connection, self.name, stream, at, e)
        return True

    async def _attend(self, stream: StreamName, first: int, what: str) -> None:
        """To what somebody wants done with what is parked."""
        at = first
        try:
            most = self.position if what == "replay" else 0
            for recorded in await event_log.streams(self._connection, [stream], most, first):
                at = recorded.position
                await self._apply(recorded)
        except AWAY:
            raise
        except Exception as e:
            e.add_note(f"at position {at}")
            await self._parking.keep_parked(self._connection, self.name, stream, at, e)
            await self._parking.load(self._connection, [self.name])
            return
        about = {"name": self.name, "version": 1, "position": self.position, "epoch": self._epoch}
        async with self._connection.transaction():
            await self._parking.unpark(self._connection, stream, about, drop=what == "drop")
        self._epoch += 1

    async def _execute(self, statement: str, **more: Any) -> Any:
        return await self._connection.execute(statement, self._about | more, prepare=True)
