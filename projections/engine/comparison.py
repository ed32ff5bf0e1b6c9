"""The comparison of a read model's tables with those that were built anew, while life goes on.

A piece of a table, some thousand rows, is compared as of one position: that of the old one as a
snapshot shows it, to which the new one is brought, and where it stays meanwhile. So what is
recorded while we compare is on both sides or on neither.

The next piece is compared as of a later position. That is enough: both sides go on by the same
events and the same functions, so a piece that was the same stays the same, unless by rows of
another piece that differ. Those are found when that piece comes; where they have become the same
until then, what comes in the place of the old one is what the log says all the same.

One snapshot for all pieces would last for minutes. Until its end Postgres removes no dead version
of any row in the database, and each page leaves one of a position, which every read looks up.
"""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace

from projections.engine.difference import (
    Copy,
    Difference,
    Digest,
    Piece,
    digest,
    ended,
    first_differences,
)
from projections.engine.event_log import Connection
from projections.engine.shadow import SQL, Shadow
from projections.read_model import ReadModel
from sql import VIEWS


class Comparison:
    """`theirs`: a connection to look at the old one. `follow` brings the new one to a position.
    Rows that expire with time are looked at where they are later than `expired`."""

    def __init__(
        self,
        theirs: Connection,
        shadow: Shadow,
        model: ReadModel,
        follow: Callable[[int], Awaitable[None]],
        expired: int,
    ) -> None:
        self.differs = False
        self.digests: list[Digest] = []  # of the new one, by table
        self.found: list[Difference] = []  # the first of them
        self._theirs = theirs
        self._shadow = shadow
        self._model = model
        self._follow = follow
        self._expired = expired

    async def run(self, most: int, *, whole: bool) -> None:
        """Up to so many differences; or to the end, of which so many are kept."""
        for table in self._model.tables:
            rest: Piece | None = Piece(table)
            of_table = Digest(table.name)
            while rest and (whole or len(self.found) < most):
                of_piece, rest = await self._compare(rest, most)
                of_table = of_table.plus(of_piece)
            self.digests.append(of_table)

    async def _compare(self, rest: Piece, most: int) -> tuple[Digest, Piece | None]:
        """Compares the next piece of what is left of a table. Its digest, and what is left then."""
        ours, theirs, name = self._shadow.connection, self._theirs, self._model.name
        # Most of the way is gone before there is a snapshot, which is to be short.
        await self._follow((await stands(theirs, name)).position)
        async with theirs.transaction(), ours.transaction():
            await theirs.execute(SQL["snapshot"])
            await self._follow((await stands(theirs, name)).position)
            expired = max(self._expired, await read_expired(theirs, self._model))
            old = Copy(theirs, VIEWS, self._model, expired)
            new = Copy(ours, self._shadow.schema, self._model, expired)
            piece = await ended(old, rest)
            before, after = await asyncio.gather(digest(old, piece), digest(new, piece))
            if before != after:
                self.differs = True
                if left := most - len(self.found):
                    self.found += await first_differences(old, new, piece, left)
        return after, replace(piece, behind=piece.up_to, up_to=None) if piece.up_to else None


class Stand(Struct, frozen=True):
    position: int
    version: int
    problem: str | None


async def stands(connection: Connection, name: str) -> Stand:
    cursor = await connection.execute(SQL["position"], {"name": name})
    (row,) = await cursor.fetchall()
    return Stand(*row)


async def read_expired(connection: Connection, model: ReadModel) -> int:
    """The position up to which rows of a feed are deleted; 0 where none are."""
    cursor = await connection.execute(SQL["expired"], {"name": model.name})
    ((position,),) = await cursor.fetchall()
    return int(position)
