"""Capabilities as small as can be, to try the store with.

Tickets from a roll, each number given out once: what one decision leaves shows in the next. Syncs
of two people, whose calendars both get them: nobody has two at a time.
"""

import asyncio
import atexit
import select
import threading
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import takewhile
from typing import Any, ClassVar

import psycopg
from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, Command, On, Recorded, StreamName, stream
from domain.errors import Refused
from domain.store.envelope import EnvelopeMapper
from domain.store.recorder import Recorder, open_recorder
from domain.store.writer import Author, History, IdempotencyKey, Outcome
from sql import statements
from tests.waiting import PATIENCE

AUTHOR = Author("ada", "evt_1", "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
ROLL_ENDS = 10_000


class TicketTaken(Struct, frozen=True):
    number: int
    by: str


class Roll(Struct, frozen=True):
    taken: int = 0
    holders: frozenset[str] = frozenset()


class Take(Command, frozen=True, kw_only=True):
    """One ticket for each holder. `beside` is a roll on which the holder must have none."""

    aggregate: ClassVar[str] = "roll"
    roll: str = "main"
    by: str
    beside: str | None = None
    other: Roll = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return ("evt_1", self.roll)

    def given(self) -> dict[str, StreamName]:
        return {"other": roll(self.beside)} if self.beside else {}


class Break(Take, frozen=True, kw_only=True):
    by: str = "nobody"


def decide(command: Take, state: Roll) -> tuple[TicketTaken, ...]:
    if isinstance(command, Break):
        raise ZeroDivisionError("this command is broken")
    if command.beside and command.by in command.other.holders:
        raise Refused(f"{command.by} has a ticket of {command.beside}.")
    if command.by in state.holders:
        return ()
    return (TicketTaken(state.taken + 1, command.by),)


def evolve(state: Roll, event: TicketTaken, at: datetime) -> Roll:
    return Roll(event.number, state.holders | {event.by})


ROLL = Aggregate("roll", Roll(), (TicketTaken,), decide, evolve)


class SyncAccepted(Struct, frozen=True):
    """It is on both calendars, each time with the other of the two."""

    other: str
    slot: int


class Calendar(Struct, frozen=True):
    """With whom, by slot. `events` counts those of the stream."""

    syncs: Mapping[int, str] = {}
    events: int = 0


class Accept(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "calendar"
    member: str
    other: str
    slot: int
    theirs: Calendar = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return ("evt_1", self.member)

    def given(self) -> dict[str, StreamName]:
        return {"theirs": calendar(self.other)}


class AcceptIfOpen(Accept, frozen=True, kw_only=True):
    """Looks at a stream that it does not write to: who has a ticket there takes no more."""

    closed: Roll = GIVEN

    def given(self) -> dict[str, StreamName]:
        return {**super().given(), "closed": roll("closed")}


class AcceptUnseen(Accept, frozen=True, kw_only=True):
    """Writes to a stream that it did not look at."""

    def given(self) -> dict[str, StreamName]:
        return {}


class Invite(Command, frozen=True, kw_only=True):
    """Looks at the member's calendar, and writes to those of others alone."""

    aggregate: ClassVar[str] = "calendar"
    member: str
    others: tuple[str, ...]
    slot: int

    def stream_key(self) -> tuple[str, ...]:
        return ("evt_1", self.member)


class Misdirect(Accept, frozen=True, kw_only=True):
    """Returns an event for a stream of another aggregate."""

    to: StreamName


def decide_sync(command: Accept | Invite, state: Calendar) -> tuple[Struct, ...]:
    if isinstance(command, Invite):
        if command.slot in state.syncs:
            raise Refused(f"{command.slot} is taken.")
        accepted = SyncAccepted(command.member, command.slot)
        return tuple(On(calendar(other), accepted) for other in command.others)
    ours = SyncAccepted(command.other, command.slot)
    theirs = On(calendar(command.other), SyncAccepted(command.member, command.slot))
    match command:
        case Misdirect(to=to):
            return (ours, On(to, theirs.event))
        case AcceptUnseen():
            return (ours, theirs)
        case AcceptIfOpen(closed=closed) if command.member in closed.holders:
            raise Refused(f"{command.member} takes no more.")
    if state.syncs.get(command.slot) == command.other:
        return ()
    if command.slot in {*state.syncs, *command.theirs.syncs}:
        raise Refused(f"{command.slot} is taken.")
    return (ours, theirs)


def evolve_calendar(state: Calendar, event: SyncAccepted, at: datetime) -> Calendar:
    return Calendar({**state.syncs, event.slot: event.other}, state.events + 1)


CALENDAR = Aggregate("calendar", Calendar(), (SyncAccepted,), decide_sync, evolve_calendar)
AGGREGATES = (ROLL, CALENDAR)
MAPPER = EnvelopeMapper(AGGREGATES, {})
STATEMENTS = statements("history")


def roll(name: str = "main") -> StreamName:
    return stream("roll", "evt_1", name)


def calendar(member: str) -> StreamName:
    return stream("calendar", "evt_1", member)


@contextmanager
def opened(
    url: str,
    *,
    recorder: type[Recorder] = Recorder,
    sql: dict[str, str] | None = None,
    **options: Any,
) -> Iterator[History]:
    plain = open_recorder(url, STATEMENTS | (sql or {}))
    history = History(recorder(plain.datastore, plain.sql), AGGREGATES, {}, **options)
    try:
        yield history
    finally:
        history.close()


async def take(
    history: History, by: str, key: IdempotencyKey | None = None, **more: Any
) -> Outcome:
    return await history.execute(
        Take(by=by, **more), by=AUTHOR, key=key, reply=lambda command, state: b"%d" % state.taken
    )


async def all_of(*work: Awaitable[Any]) -> list[Any]:
    """Outcomes and exceptions, in order."""
    return await asyncio.gather(*work, return_exceptions=True)


def log_of(url: str) -> list[Recorded]:
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT notification_id, originator_id, originator_version, topic, state "
            "FROM events.log ORDER BY 1"
        ).fetchall()
    return [MAPPER.recorded(*row) for row in rows]


def numbers(url: str, name: str = "main") -> list[int]:
    return [r.event.number for r in log_of(url) if r.stream == roll(name)]


def ask(url: str, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """In a transaction of its own."""
    with _connected(url) as connection:
        cursor = connection.execute(query.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


# Whoever waits asks a hundred times a second: what is idle is kept, of the last database only.
_idle: dict[str, list["psycopg.Connection[Any]"]] = {}
_guard = threading.Lock()


@contextmanager
def _connected(url: str) -> Iterator["psycopg.Connection[Any]"]:
    with _guard:
        kept = _idle.get(url)
        connection = kept.pop() if kept else None
    if connection is None or not _alive(connection):
        connection = psycopg.connect(url, autocommit=True, prepare_threshold=None)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise
    with _guard:
        if url not in _idle:
            _close_idle()
        _idle.setdefault(url, []).append(connection)


def _alive(connection: "psycopg.Connection[Any]") -> bool:
    """A server says nothing to who is idle, but that it ends."""
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    if readable:
        connection.close()
    return not readable


TOLD_LAST = "no more was told by now"


def heard(ear: "psycopg.Connection[Any]", channel: str) -> list[str]:
    """All that this connection, which listens to the channel, has been told by commits until now.
    Postgres tells in the order of commits, and the last one is ours: nothing is waited for that may
    not come."""
    ear.execute("SELECT pg_notify(%s, %s)", (channel, TOLD_LAST))
    told = (notice.payload for notice in ear.notifies(timeout=PATIENCE))
    return list(takewhile(lambda payload: payload != TOLD_LAST, told))


@atexit.register
def _close_idle() -> None:
    while _idle:
        for connection in _idle.popitem()[1]:
            connection.close()
