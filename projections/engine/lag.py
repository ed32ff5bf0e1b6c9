"""How far each reader of the log has come, and its lag: the backlog of events that it has yet to
apply, by the log's own count, and their age, by the database's clock.

One word says how it fares:

    dead         no sign of life for 5 s, whatever it said last
    stuck        it says why it cannot go on; or there has been something to apply for 5 s, and in
                 all that time it has applied nothing
    live         it has applied all there is, and the last of it within a minute; or it applied
                 something a moment ago, and what it has not yet is younger than a second
    idle         it has applied all there is, and there has been nothing new for a minute
    catching up  anything else: there is something to apply, and it is at it; or its tables are of
                 an older version, and to be built anew
    parked       it would be live or idle, but has put streams aside that an operator is to look at
    waiting      likewise, but for a newer version, which has recorded what this one does not know,
                 and takes them back by itself
"""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from projections.engine.event_log import Connection
from projections.engine.parking import AWAITED
from projections.read_models import VERSIONS
from sql import statements

SQL = statements("lag")
SILENT = 5.0  # seconds without a sign of life
STILL = 5.0  # seconds in which something could have been applied, and nothing was
FRESH = 60.0  # seconds for which a reader that has applied all counts as live
MOVES = 2.0  # seconds since it last applied something; it looks once a second
LATE = 1.0  # seconds that an event may be old which a live reader has not applied yet
COUNTED = 10_000  # events that are counted; beyond, positions are, which are never fewer

Word = Literal["live", "idle", "catching up", "parked", "waiting", "stuck", "dead"]
WORDS: tuple[Word, ...] = ("live", "idle", "catching up", "parked", "waiting", "stuck", "dead")


class Lag(Struct, frozen=True):
    """How far a read model, the relay or a worker has come. Times are in seconds."""

    name: str
    kind: str
    version: int
    position: int
    seen: int
    problem: str | None
    parked: int
    waiting: int  # streams, for a newer version
    log_end: int
    events_behind: int
    silent_for: float
    still_for: float  # since it last applied something
    behind_by: float  # age of the first event that is not applied; 0 where there is none

    @property
    def word(self) -> Word:
        if self.renewed:
            return "catching up"
        fares = word(
            self.silent_for, self.problem, self.events_behind, self.behind_by, self.still_for
        )
        if fares in ("live", "idle"):
            return "parked" if self.parked else "waiting" if self.waiting else fares
        return fares

    @property
    def renewed(self) -> bool:
        """Whether its tables are of an older version, so that no projector of ours keeps them."""
        ours = VERSIONS.get(self.name, 0) if self.kind == "read_model" else 0
        return self.version < ours

    @property
    def who(self) -> str:
        return f"the projector of {self.name}" if self.kind == "read_model" else self.name


def word(
    silent_for: float, problem: str | None, behind: int, behind_by: float, still_for: float
) -> Word:
    if silent_for > SILENT:
        return "dead"
    if problem:
        return "stuck"
    if not behind:
        return "live" if still_for <= FRESH else "idle"
    if min(still_for, behind_by) > STILL:
        return "stuck"
    return "live" if still_for <= MOVES and behind_by <= LATE else "catching up"


async def read(connection: Connection) -> list[Lag]:
    about = {"most": COUNTED, "awaited": AWAITED}
    rows = await (await connection.execute(SQL["readers"], about)).fetchall()
    return [Lag(*(*columns, _age(first, now))) for *columns, first, now in rows]


class _Dated(Struct):
    at: datetime


def _age(first: bytes | None, now: datetime) -> float:
    """Seconds since the event; 0 for one that cannot be read."""
    try:
        return max(0.0, (now - msgspec.json.decode(first or b"", type=_Dated).at).total_seconds())
    except msgspec.MsgspecError:
        return 0.0
