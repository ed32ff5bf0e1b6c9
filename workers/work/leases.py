"""Leases on pieces of work: rows of work.leases, which say who is at which; written in short
transactions.

A lease only saves money. It is lost when its worker gives no sign of life for a while, whatever
that worker may still be doing; what keeps a late result from doing harm is its event: see
domain/work.py.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from projections.engine.event_log import Connection
from sql import statements
from workers.work.kind import Kind, Piece

SQL = statements("work")
MOST_PARKED = 20  # pieces of a kind; with more no more of it are taken

Name = tuple[str, str]  # kind and subject


class Leases:
    """The leases of one worker. `take` is a transaction: nothing else uses its connection."""

    def __init__(self, connection: Connection, worker: str, stalled: float) -> None:
        """`stalled`: seconds without a heartbeat after which a lease may be taken over."""
        self._connection = connection
        self._about: dict[str, Any] = {"worker": worker, "stalled": stalled}

    async def ready(self, kinds: Iterable[Kind]) -> list[str]:
        """The names of those of which there is something to take."""
        cursor = await self._execute("ready", kinds=[kind.name for kind in kinds])
        return [name for (name,) in await cursor.fetchall()]

    async def take(self, kind: Kind, most: int) -> list[Piece]:
        budget = kind.budget
        bounds = {
            "most": most,
            "concurrency": kind.concurrency,
            "a_day": budget and budget.a_day,
            "each": budget.each if budget else 1,
            "most_parked": MOST_PARKED,
        }
        async with self._connection.transaction():
            cursor = await self._execute("turn", kind=kind.name)
            if await cursor.fetchone() != (True,):
                return []
            cursor = await self._execute("take", kind=kind.name, **bounds)
            return [Piece(*row) for row in await cursor.fetchall()]

    async def beat(self, held: Collection[Piece]) -> set[Name]:
        """Those of them that we still hold."""
        columns = {
            "kinds": [piece.kind for piece in held],
            "subjects": [piece.subject for piece in held],
            "numbers": [piece.number for piece in held],
        }
        cursor = await self._execute("beat", **columns)
        return {(kind, subject) for kind, subject in await cursor.fetchall()}

    async def begin(self, piece: Piece) -> bool:
        """Whether it is ours to do, which it is once at most for what is wanted."""
        cursor = await self._of(piece, "begin", wanted=piece.wanted)
        return bool(cursor.rowcount)

    async def settle(self, piece: Piece, based_on: int) -> None:
        await self._of(piece, "settle", based_on=based_on)

    async def fail(
        self, piece: Piece, problem: str, wait: float | None, begun: int, unspent: int
    ) -> None:
        """`wait`: seconds until the next attempt; None: it is parked. `begun`: see Piece.
        `unspent`: of what was taken from the budget for this attempt."""
        about = {"problem": problem, "wait": wait, "begun": begun}
        await self._of(piece, "fail", day=piece.day, unspent=unspent, **about)

    async def give_back(self, piece: Piece, wait: float, unspent: int) -> None:
        await self._of(piece, "give_back", wait=wait, day=piece.day, unspent=unspent)

    async def report(self, kinds: Sequence[Kind], every: float) -> None:
        """Signs of life, for `lag`; of those kinds of which no process gave one for `every`
        seconds."""
        budgets = [kind.budget for kind in kinds]
        await self._execute(
            "report",
            kinds=[kind.name for kind in kinds],
            a_day=[budget and budget.a_day for budget in budgets],
            each=[budget.each if budget else 0 for budget in budgets],
            most_parked=MOST_PARKED,
            every=every,
        )

    async def _of(self, piece: Piece, name: str, **more: Any) -> Any:
        about = {"kind": piece.kind, "subject": piece.subject, "number": piece.number}
        return await self._execute(name, **about, **more)

    async def _execute(self, name: str, **more: Any) -> Any:
        return await self._connection.execute(SQL[name], self._about | more, prepare=True)
