"""A capability as small as can be, to try the store with: tickets from a roll, each number given
out once. What one decision leaves shows in the next."""

import asyncio
import atexit
import select
import threading
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

import psycopg
from msgspec import Struct

from domain.aggregate import Aggregate, Command, Recorded, Stream, stream
from domain.envelope import EnvelopeMapper
from domain.errors import Refused
from domain.history import Author, History, Key, Outcome
from domain.recorder import Recorder, open_recorder
from sql import statements

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
    other: Roll = Roll()

    def key(self) -> tuple[str, ...]:
        return ("evt_1", self.roll)

    def given(self) -> dict[str, Stream]:
        return {"other": roll(self.beside)} if self.beside else {}


class Break(Take, frozen=True, kw_only=True):
    by: str = "nobody"


def decide(command: Take, state: Roll) -> tuple[TicketTaken, ...]:
    if isinstance(command, Break):
        raise ZeroDivisionError("this command is broken")
    if command.by in command.other.holders:
        raise Refused(f"{command.by} has a ticket of {command.beside}.")
    if command.by in state.holders:
        return ()
    return (TicketTaken(state.taken + 1, command.by),)


def evolve(state: Roll, event: TicketTaken, at: datetime) -> Roll:
    return Roll(event.number, state.holders | {event.by})


ROLL = Aggregate("roll", Roll(), (TicketTaken,), decide, evolve)
MAPPER = EnvelopeMapper((ROLL,), {})
STATEMENTS = statements("history")


def roll(name: str = "main") -> Stream:
    return stream("roll", "evt_1", name)


@contextmanager
def opened(
    url: str,
    *,
    recorder: type[Recorder] = Recorder,
    sql: dict[str, str] | None = None,
    **options: Any,
) -> Iterator[History]:
    plain = open_recorder(url, STATEMENTS | (sql or {}))
    history = History(recorder(plain.datastore, plain.sql), (ROLL,), {}, **options)
    try:
        yield history
    finally:
        history.close()


async def take(history: History, by: str, key: Key | None = None, **more: Any) -> Outcome:
    return await history.execute(
        Take(by=by, **more), by=AUTHOR, key=key, reply=lambda command, state: b"%d" % state.taken
    )


async def all_of(*work: Awaitable[Outcome]) -> list[Any]:
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


@atexit.register
def _close_idle() -> None:
    while _idle:
        for connection in _idle.popitem()[1]:
            connection.close()
