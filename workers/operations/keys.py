"""`python -m workers keys`: in which form keys of persons are stored, and with which master key
they are wrapped.

What is wanted is one row, which whoever makes a key reads under the writers' lock. What is stored
follows it, a piece at a time, beside the running product: by this command, and from plain to
wrapped by upkeep too.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct
from psycopg.errors import LockNotAvailable, UndefinedTable

from domain.errors import Refused
from domain.store.master_key import KEY_SIZE, MasterKeys, in_use
from projections.engine.election import connect
from projections.engine.event_log import Connection
from sql import statements
from workers import settings
from workers.operations.key_table import left_nothing, notices
from workers.servers.command_database import unlocked
from workers.servers.supervisor import say

HISTORY = statements("history")
PEOPLE = statements("people")
SQL = statements("keys")
PIECE = 1_000  # keys in one transaction
REWRITE_TIMEOUT = 30.0  # seconds of attempts to rewrite the table
REWRITE_PAUSE = 0.5  # seconds between them
Place = tuple[str, int]  # a person, and the number of a key
FIRST: Place = ("", 0)


class Piece(Struct, frozen=True):
    """Keys that were looked at: the last of them, None where there are no more; and how many of
    them were stored anew."""

    last: Place | None
    changed: int


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    with unlocked(settings.read()) as url:
        try:
            asyncio.run(_run(url, given.form))
        except UndefinedTable:
            raise Refused(
                "This database is of an older version. Bring it up to date first: "
                "`.venv/bin/python -m workers migrate`."
            ) from None
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers keys",
        description="Keys of what is personal are wrapped with MASTER_KEY, which the database "
        "never sees. `wrap`: once no process of a version runs that cannot unwrap them. `unwrap`: "
        "before such a version takes this one's place. `rewrap`: with the first of "
        "MASTER_KEY=NEW,OLD, once all processes have both.",
    )
    parser.add_argument("form", choices=("wrap", "unwrap", "rewrap"))
    return parser


async def _run(url: str, form: str) -> None:
    connection = await connect(url, "keys")
    try:
        await _want(connection, form)
        changed = await convert(connection)
        if form == "unwrap":
            say(f"{changed:,} keys were made plain: a version that cannot unwrap them may run.")
            return
        rewritten = await _rewritten_in_time(connection)
    finally:
        await connection.close()
    say(f"{changed:,} keys were wrapped with MASTER_KEY. Keep it, and keep it apart from backups.")
    say(
        "Backups made before now hold them as they were, and so does WAL until checkpoints have "
        "recycled it: let them expire."
        if rewritten
        else "The file that they were in could not be written anew: something is reading it, a "
        "backup perhaps. Upkeep tries again."
    )


async def _want(connection: Connection, form: str) -> None:
    async with connection.transaction():
        await connection.execute(HISTORY["lock"])
        if form == "unwrap":
            await connection.execute(SQL["wrap_no_more"])
            return
        if form == "wrap":
            await connection.execute(SQL["wrap_from_now_on"])
        for (check_value,) in await _fetch(connection, HISTORY["master_key"]):
            in_use().require(check_value)
            if check_value is None or form == "rewrap":
                first = {"check": in_use().check_value}
                await connection.execute(SQL["change_master_key"], first)
            return
    raise Refused("Keys of persons are stored plain here: `keys wrap` wraps them.")


async def convert(connection: Connection) -> int:
    """Brings all keys into the form that is wanted. Gives how many were not."""
    changed, after = 0, FIRST
    while True:
        piece = await convert_piece(connection, after, all_=True)
        changed += piece.changed
        if piece.last is None:
            return changed
        after = piece.last


async def wrap_piece(connection: Connection) -> bool:
    """Wraps some of the keys that are plain and should not be; whether there may be more. After the
    last of them it has the table's file written anew."""
    wanted = await _fetch(connection, HISTORY["master_key"])
    if wanted == [(None,)]:
        async with connection.transaction():
            await connection.execute(HISTORY["lock"])
            if (await _fetch(connection, SQL["plain_keys"])) == [(True,)]:
                ours = {"check": in_use().check_value}
                await connection.execute(HISTORY["settle_master_key"], ours)
    if not wanted:
        return False
    if (await convert_piece(connection, FIRST, all_=False)).last:
        return True
    await _rewritten(connection)
    return False


async def plain(connection: Connection) -> bool:
    """Whether keys are stored plain, and are to stay so."""
    wanted = await _fetch(connection, HISTORY["master_key"])
    return not wanted and await _fetch(connection, SQL["plain_keys"]) == [(True,)]


async def convert_piece(connection: Connection, after: Place, *, all_: bool) -> Piece:
    """The next keys in their order: all, or those that are plain."""
    async with connection.transaction():
        wanted = await _fetch(connection, SQL["held_master_key"])
        if wanted == [(None,)]:
            return Piece(None, 0)  # a moment ago there was none to be wrapped
        asked = {"person": after[0], "number": after[1], "all": all_, "most": PIECE}
        found = await _fetch(connection, SQL["keys_after"], asked)
        check = in_use().require(wanted[0][0]) if wanted else None
        anew = [
            (person, number, old, new)
            for person, number, old in found
            if (new := _as_wanted(in_use(), old, check)) != old
        ]
        if anew:
            names = ("persons", "numbers", "old", "new")
            columns = dict(zip(names, map(list, zip(*anew, strict=True)), strict=True))
            await connection.execute(SQL["replace_keys" if all_ else "wrap_keys"], columns)
            await connection.execute(SQL["to_be_rewritten"])
    return Piece(found[-1][:2] if len(found) == PIECE else None, len(anew))


def _as_wanted(keys: MasterKeys, stored: bytes, check: bytes | None) -> bytes:
    """Wrapping is deterministic: what is stored as it should be comes out as it is."""
    if check is None and len(stored) == KEY_SIZE:
        return stored
    key = keys.unwrap(stored)
    return key if check is None else keys.wrap(key, check)


async def _rewritten_in_time(connection: Connection) -> bool:
    deadline = time.monotonic() + REWRITE_TIMEOUT
    while not await _rewritten(connection):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(REWRITE_PAUSE)
    return True


async def _rewritten(connection: Connection) -> bool:
    """Writes the table's file anew, if that is due. Writers would queue behind us while we wait for
    their table: whether it could be had, nothing of before was seen by others any more, and nobody
    has changed a key meanwhile."""
    due = await _fetch(connection, SQL["due_to_be_rewritten"])
    if not due:
        return True
    await connection.execute(PEOPLE["short_lock_timeout"])
    try:
        with suppress(LockNotAvailable), notices(connection) as heard:
            await connection.execute(PEOPLE["vacuum_keys"])
            if left_nothing(heard):
                done = await connection.execute(SQL["rewritten"], {"row_version": due[0][0]})
                return done.rowcount == 1
    finally:
        await connection.execute(SQL["no_lock_timeout"])
    return False


async def _fetch(
    connection: Connection, statement: str, parameters: dict[str, Any] | None = None
) -> list[Any]:
    return await (await connection.execute(statement, parameters)).fetchall()
