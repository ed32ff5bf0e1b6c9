"""Streams that a read model has parked, because it cannot apply one of their events: its dead
letters, which stay in the log. From that event on a stream waits there, in its order, and
everything else goes on.

Two states, two words: *parked* streams wait, and can be replayed; events that somebody has dropped
are *skipped*, from the first that could not be applied up to another.

A stream that is parked for an event of a newer version waits for no operator but for a program that
knows the event's name: the first such leader replays it by itself. How many wait so is no sign of
trouble, and has no bound.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import psycopg
from msgspec import Struct

from domain.aggregate import Recorded, StreamName
from domain.store.envelope import Newer, NewerEventError
from projections.engine import event_log
from projections.engine.election import LeadLostError
from projections.engine.event_log import END, Connection
from sql import VIEWS, statements

SQL = statements("parked")
EPOCH = statements("log")["epoch"]
MOST = 20  # streams that may be parked
WITHIN = 10_000  # positions of each other
# The name that a parked stream waits for, in the words of `said`; the first wording is that of the
# versions before, which may run beside this one.
AWAITED = r"(?:no event here is, or was, called|a program that knows the event) (\S+)$"
AT_ONCE = 200  # requests that are read at once


class TooManyParkedError(Exception):
    """So many parked streams are no single event's fault: a deploy went wrong, say. To go on would
    hide it, and leave most streams to be replayed."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(
            f"{MOST} streams are parked within {WITHIN:,} positions, so this is no one event's "
            f"fault: {said(problem)}"
        )


def is_no_fault_of_an_event(problem: Exception) -> bool:
    """Whether the problem is the machinery's. Of Postgres' errors, only a refused row can be an
    event's fault."""
    if isinstance(problem, psycopg.Error):
        return not isinstance(problem, psycopg.DataError | psycopg.IntegrityError)
    return isinstance(problem, MemoryError | ImportError | OSError)


def said(problem: BaseException) -> str:
    """The problem in one line, without personal data and NUL, which Postgres refuses. Its messages
    quote the row after the first line, and refused data at the end of that line."""
    where = "".join(f"{note}: " for note in getattr(problem, "__notes__", ()))
    if isinstance(problem, NewerEventError):  # AWAITED finds the name in this
        return f"{where}waits for a program that knows the event {problem.topic}"
    message = re.split(r"\n(?:DETAIL|CONTEXT):  ", str(problem))[0]
    if isinstance(problem, psycopg.DataError):
        message = message.partition(': "')[0]
    words = re.sub(r"[\s\0]+", " ", f"{where}{type(problem).__name__}: {message}")
    return words[:500]


class Dropped(Struct, frozen=True):
    """Events of a stream, from the first that could not be applied up to another."""

    stream: StreamName
    position: int
    until: int
    at: datetime


class Requested(Struct, frozen=True):
    """`first`: the position from which on the stream is parked. `by_itself`: nobody has asked for
    it, but the event that it waits for can be read here."""

    reader: str
    stream: StreamName
    first: int
    action: Literal["replay", "drop"]
    by_itself: bool = False


class Parking:
    """The parked streams of some read models. Only the leader changes them, so they are read once.

    Connections say in which schema that is kept: `views`, or the copy of a read model that is
    being rebuilt (`schema` of `connect`): changes in a copy are not notified."""

    def __init__(self, schema: str = VIEWS) -> None:
        self._schema = schema
        self._parked: dict[str, dict[StreamName, int]] = {}  # from which position on
        self._waiting: dict[str, set[StreamName]] = {}  # of them, for a newer version
        self._dropped: dict[str, list[Dropped]] = {}
        self._skipped: dict[str, dict[StreamName, int]] = {}  # up to which position

    async def load(self, connection: Connection, names: Sequence[str]) -> None:
        for known in (self._parked, self._skipped):
            known |= {name: {} for name in names}
        self._waiting |= {name: set() for name in names}
        cursor = await connection.execute(SQL["parked"], {"names": list(names), "awaited": AWAITED})
        for name, stream, position, waits in await cursor.fetchall():
            self._parked[name][stream] = position
            if waits:
                self._waiting[name].add(stream)
        cursor = await connection.execute(SQL["dropped"], {"names": list(names)})
        rows = [(name, Dropped(*row)) for name, *row in await cursor.fetchall()]
        self._dropped |= {name: [d for of, d in rows if of == name] for name in names}

    def count(self, name: str) -> int:
        """Streams that are parked."""
        return len(self._parked[name])

    def newer(self, name: str, page: Sequence[Recorded]) -> dict[StreamName, NewerEventError]:
        """The first event of each stream, where it is not parked yet, that a newer version has
        recorded. Raises it where somebody has dropped it before: that is to be remembered."""
        found: dict[StreamName, NewerEventError] = {}
        for one in page:
            if isinstance(one.event, Newer) and one.stream not in found:
                problem = NewerEventError(one.position, one.event.topic)
                if self.dropped(name, one.stream, one.position):
                    raise problem
                if self.applicable(name, [one]):
                    found[one.stream] = problem
        return found

    def applicable(
        self,
        name: str,
        page: Sequence[Recorded],
        newer: Mapping[StreamName, NewerEventError] | None = None,
    ) -> Sequence[Recorded]:
        """The page without events that are parked or skipped, or that follow what is `newer`."""
        parked, skipped = self._parked[name], self._skipped[name]
        if newer:
            parked = parked | {stream: first.position for stream, first in newer.items()}
        if not parked and not skipped:
            return page
        return [
            r for r in page if skipped.get(r.stream, 0) < r.position < parked.get(r.stream, END)
        ]

    def applies(self, name: str, stream: StreamName, position: int) -> bool:
        """Whether an event is neither parked nor skipped."""
        parked, skipped = self._parked[name], self._skipped[name]
        return skipped.get(stream, 0) < position < parked.get(stream, END)

    def dropped(self, name: str, stream: StreamName, position: int) -> Dropped | None:
        """The record of a drop that covers this event, if one was made before this rebuild."""
        found = (d for d in self._dropped[name] if d.stream == stream)
        return next((d for d in found if d.position <= position <= d.until), None)

    def is_full(self, name: str, stream: StreamName, position: int) -> bool:
        """Whether one more parked stream is too many, besides those that wait for a newer
        version."""
        parked, waiting = self._parked[name], self._waiting.get(name, ())
        near = sum(first > position - WITHIN for of, first in parked.items() if of not in waiting)
        return stream not in parked and near >= MOST

    # The next three are called in a transaction. Where that fails there is no more lead either, and
    # whoever takes it loads what is parked.

    async def park(
        self,
        connection: Connection,
        name: str,
        stream: StreamName,
        position: int,
        problem: Exception,
    ) -> None:
        about = {"reader": name, "stream": stream}
        why = {"position": position, "problem": said(problem)}
        await connection.execute(SQL["park"], about | why)
        await self._tell(connection, name)
        self._parked[name].setdefault(stream, position)
        if isinstance(problem, NewerEventError):
            self._waiting[name].add(stream)

    async def wait(
        self, connection: Connection, name: str, newer: Mapping[StreamName, NewerEventError]
    ) -> None:
        """Like `park`, for many; but that it is to be said to `waits` once that is committed."""
        about = {
            "reader": name,
            "streams": list(newer),
            "positions": [first.position for first in newer.values()],
            "problems": [said(first) for first in newer.values()],
        }
        await connection.execute(SQL["wait"], about)
        await self._tell(connection, name)

    def waits(self, name: str, newer: Mapping[StreamName, NewerEventError]) -> None:
        for stream, first in newer.items():
            self._parked[name].setdefault(stream, first.position)
            self._waiting[name].add(stream)

    async def skip(
        self, connection: Connection, name: str, dropped: Dropped, at: int, problem: Exception
    ) -> None:
        """Skips in rebuilt tables what was dropped from the old ones."""
        about = {"reader": name, "position": at, "problem": said(problem)}
        what = {"stream": dropped.stream, "until": dropped.until, "dropped_at": dropped.at}
        await connection.execute(SQL["skip"], about | what)
        self._skipped[name][dropped.stream] = dropped.until

    async def unpark(
        self, connection: Connection, *streams: StreamName, at: dict[str, Any], drop: bool = False
    ) -> None:
        """`at`: name, position, version and epoch are the fence. Dropped, a stream is skipped up
        to that position. Raises LeadLostError where another has moved any of them."""
        fence = await connection.execute(EPOCH, at)
        if not fence.rowcount:
            raise LeadLostError(f"no longer at {at}")
        about = {"reader": at["name"], "streams": list(streams), "until": at["position"]}
        await connection.execute(SQL["drop" if drop else "unpark"], about)
        await self._tell(connection, at["name"])
        for stream in streams:
            self._parked[at["name"]].pop(stream, None)
            self._waiting[at["name"]].discard(stream)

    async def requested(self, connection: Connection) -> Sequence[Requested]:
        """Requests of operators to replay or drop parked streams, then those to replay what waits
        for an event that can be read here; so many at once, the longest parked first."""
        about: dict[str, Any] = {"names": list(self._parked), "known": event_log.mapper.topics}
        about |= {"awaited": AWAITED, "most": AT_ONCE}
        cursor = await connection.execute(SQL["requested"], about, prepare=True)
        return [Requested(*row) for row in await cursor.fetchall()]

    async def keep_parked(
        self, connection: Connection, name: str, stream: StreamName, first: int, problem: Exception
    ) -> None:
        """Records that a request failed, and at which position."""
        about = {"reader": name, "stream": stream, "position": first, "problem": said(problem)}
        await connection.execute(SQL["still_parked"], about)

    async def stream_at(self, connection: Connection, position: int) -> StreamName:
        cursor = await connection.execute(SQL["stream_at"], {"position": position})
        ((stream,),) = await cursor.fetchall()
        return str(stream)

    async def _tell(self, connection: Connection, name: str) -> None:
        if self._schema == VIEWS:
            await connection.execute(SQL["tell"], {"reader": name})


async def waiting_for_us(connection: Connection, ours: dict[str, Any]) -> list[str]:
    """The names of `ours` (names and versions), if streams of theirs wait for events that are
    known here."""
    about = ours | {"known": event_log.mapper.topics, "awaited": AWAITED}
    ((waits,),) = await (await connection.execute(SQL["waits_for_us"], about)).fetchall()
    return list(ours["names"]) if waits else []
