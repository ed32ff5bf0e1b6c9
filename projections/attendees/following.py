"""Indexes of conferences (index.py), kept as new as the tables: each look asks what has changed
since the last, and one look is for all who came before it began."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from projections.attendees.index import Index, Person
from projections.attendees.words import beginnings, forgiving
from projections.engine.event_log import Connection
from sql import statements

SQL = statements("attendees")
PIECE = 200  # rows that are taken in before others of this process have their turn
MOST = 2_000  # rows of a look
HELD = 150_000  # people of all conferences that are held, at least one conference


class Pool(Protocol):
    def connection(self) -> AbstractAsyncContextManager[Connection]: ...


class _Act(Struct, frozen=True):
    member_id: str
    position: int


class _Block(Struct, frozen=True):
    member_id: str
    blocked_member_id: str
    position: int
    blocked: bool


_KINDS = ("attendees", "activity", "blocks")
_DECODERS: Sequence["msgspec.json.Decoder[Any]"] = tuple(
    msgspec.json.Decoder(rows) for rows in (list[Person], list[_Act], list[_Block])
)


class Followed:
    """The index of one conference."""

    def __init__(self, event_id: str) -> None:
        self.index = Index()
        self._event_id = event_id
        self._turn: int | None = None
        self._seen = dict.fromkeys(_KINDS, 0)
        self._begun = 0
        self._lock = asyncio.Lock()

    async def look(self, pool: Pool) -> Index:
        """The index as of now, or later."""
        mine = self._begun + 1
        async with self._lock:
            if self._begun < mine:
                self._begun += 1
                while await self._take(pool):
                    pass
        return self.index

    async def _take(self, pool: Pool) -> bool:
        """Whether there may be more."""
        about = {"event_id": self._event_id, "most": MOST, **self._seen}
        async with pool.connection() as connection:
            cursor = await connection.execute(SQL["changed"], about, prepare=True)
            rows = await cursor.fetchall()
        if not rows:  # no projector has ever run here
            return False
        ((position, turn, *columns),) = rows
        if self._turn not in (None, turn) or position < self.index.position:
            self.index, self._seen = Index(), dict.fromkeys(_KINDS, 0)
            self._turn = None
            return True
        self._turn = turn
        changed = [decoder.decode(text) for decoder, text in zip(_DECODERS, columns, strict=True)]
        for kind, found in zip(_KINDS, changed, strict=True):
            await self._put(found)
            if found:
                self._seen[kind] = found[-1].position
        if more := any(len(found) == MOST for found in changed):
            return more
        self.index.position = position
        return False

    async def _put(self, found: Sequence[Person | _Act | _Block]) -> None:
        for n, one in enumerate(found, 1):
            match one:
                case Person():
                    self.index.put(one)
                case _Act():
                    self.index.act(one.member_id, one.position)
                case _Block():
                    self.index.block(one.member_id, one.blocked_member_id, blocked=one.blocked)
            if n % PIECE == 0:
                await asyncio.sleep(0)


class Directories:
    """The conferences that were asked about last, as far as they are no more than HELD people."""

    def __init__(self) -> None:
        self._followed: OrderedDict[str, Followed] = OrderedDict()

    async def look(self, pool: Pool, event_id: str) -> Index:
        followed = self._followed.setdefault(event_id, Followed(event_id))
        self._followed.move_to_end(event_id)
        index = await followed.look(pool)
        self._forget()
        return index

    def _forget(self) -> None:
        held = 0
        for event_id, followed in reversed([*self._followed.items()]):
            held += len(followed.index)
            if held > HELD and event_id != next(reversed(self._followed)):
                del self._followed[event_id]


async def found(pool: Pool, event_id: str, q: str, *, nearly: bool = False) -> list[str] | None:
    """The ids of those who are found by what was typed; None where there is no word in it.
    `nearly`: also with one letter wrong in each word, which takes ten times as long."""
    first, *others = forgiving(q) if nearly else beginnings(q) or [""]
    if not first:
        return None
    about = {"event_id": event_id, "first": first, "others": others}
    statement = SQL["found_nearly" if nearly else "found"]
    async with pool.connection() as connection:
        rows = await (await connection.execute(statement, about)).fetchall()
    return [member_id for (member_id,) in rows]
