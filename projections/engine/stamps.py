"""From a time to a position, without a look at every event.

Positions follow the order of commits. Stamps nearly do: in a process time never goes back, but the
clocks of two processes differ. So the log is cut into stretches, each with its earliest stamp (a
row of `events.stamps`, added once the stretch is complete): nothing after the last stretch that has
an event of by then was stamped by a moment. Where in it that ends, and what of a scope, only the
events themselves tell: whoever folds them takes those up to the last that was (`Until`).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from projections.engine.event_log import Connection
from sql import statements

SQL = statements("stamps")
STRETCH = 1_024  # positions

Row = Sequence[Any]  # of events.log: position, stream, version, topic, state


class _Stamped(Struct):
    at: datetime


_decode = msgspec.json.Decoder(_Stamped).decode


def stamp(state: bytes) -> datetime | None:
    """None for an event that cannot be read: it was stamped by no moment."""
    try:
        at = _decode(state).at
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def add(connection: Connection, most: int) -> int:
    """Rows for complete stretches that have none, so many at most; how many it added."""
    ((sampled, end),) = await (await connection.execute(SQL["sampled"])).fetchall()
    untils = range(sampled + STRETCH, end + 1, STRETCH)[:most]
    for until in untils:
        about = {"after": until - STRETCH, "until": until}
        cursor = await connection.execute(SQL["stretch"], about, prepare=True)
        stamps = [at for (state,) in await cursor.fetchall() if (at := stamp(state))]
        row = {"until": until, "earliest": min(stamps, default=None)}
        await connection.execute(SQL["add"], row)
    return len(untils)


async def last_by(connection: Connection, moment: datetime) -> tuple[int, int]:
    """Up to which position stretches have rows, and the last position there that may have been
    stamped by a moment."""
    cursor = await connection.execute(SQL["last_by"], {"moment": moment}, prepare=True)
    ((sampled, until),) = await cursor.fetchall()
    return sampled, until


class Until:
    """Takes pages of events and gives those up to the last that was stamped by the moment. Others
    are kept until a later one was: it stands on them."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._later: list[Row] = []

    def take(self, page: Iterable[Row]) -> list[Row]:
        rows = [*self._later, *page]
        first = len(self._later)
        due = 0
        for number in range(len(rows) - 1, first - 1, -1):
            at = stamp(rows[number][4])
            if at is not None and at <= self._moment:
                due = number + 1
                break
        self._later = rows[due:]
        return rows[:due]
