"""`python -m workers lag`: how far each reader of the log has come, and how it fares."""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

import psycopg

from domain.errors import Unavailable
from projections.engine import lag
from projections.engine.election import connect
from projections.engine.lag import Lag
from workers import settings
from workers.servers.command_database import database, running_database
from workers.servers.external import why_no_database
from workers.servers.supervisor import say

INTERVAL = 1.0  # seconds from one table to the next
ROW = "{:<20.20} {:>10} {:>10} {:>8} {:>8} {:>6}  {}"
HEAD = ROW.format("", "seen", "applied", "events", "seconds", "parked", "").rstrip()
BAD = ("stuck", "dead")
NEWER = "a newer version recorded what this one does not know. Start the newer workers processes."


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    config = settings.read()
    if given.watch:
        return asyncio.run(watch(lambda: running_database(config)))
    with database(config) as url:
        return asyncio.run(once(url))


async def once(url: str) -> int:
    known = await _read(url)
    for line in lines(known):
        say(line)
    return int(any(one.word in BAD for one in known))


async def watch(find_database: Callable[[], str], out: TextIO = sys.stdout) -> int:
    """Writes the table every second until it is interrupted: in place on a terminal, else one after
    another. `find_database` gives the URL, each time anew: an embedded database that was restarted
    may listen on another port."""
    terminal, height = out.isatty(), 0
    while True:
        began = time.monotonic()
        shown = list(await _table(find_database))
        up = f"\x1b[{height}A\x1b[J" if terminal and height else ""
        out.write(up + "\n".join([*shown, "", ""]))
        out.flush()
        height = len(shown) + 1
        await asyncio.sleep(INTERVAL - (time.monotonic() - began))


async def _table(find_database: Callable[[], str]) -> Iterator[str]:
    """The table; or why there is none, while the database is away."""
    try:
        return lines(await _read(find_database()))
    except Unavailable as e:
        return iter([str(e)])


async def _read(url: str) -> list[Lag]:
    try:
        async with await connect(url, "lag") as connection:
            return await lag.read(connection)
    except psycopg.OperationalError as e:
        raise why_no_database(e) from None
    except psycopg.ProgrammingError:
        raise Unavailable("This database is of another version: run `make run`.") from None


def lines(known: Sequence[Lag]) -> Iterator[str]:
    """The table, then a sentence for each reader that needs attention."""
    if not known:
        yield "Nobody has read the log here yet: start a workers process (python -m workers run)."
        return
    yield f"The log ends with {known[0].log_end}."
    yield HEAD
    for one in sorted(known, key=lambda one: (one.kind, one.name)):
        yield row(one)
    yield from filter(None, map(why, known))


def row(one: Lag) -> str:
    seconds = f"{one.behind_by:,.1f}"
    return ROW.format(
        one.name,
        one.seen,
        one.position,
        one.events_behind,
        seconds,
        one.parked + one.waiting,
        one.word,
    )


def why(one: Lag) -> str | None:
    match one.word:
        case "dead":
            reason = f"no sign of life for {one.silent_for:,.0f} s. Start a workers process."
        case "stuck" if one.problem:
            reason = one.problem
        case "stuck":
            reason = f"it has applied nothing for {min(one.still_for, one.behind_by):,.0f} s."
        case _:
            see = f"see `python -m workers parked list --of {one.name}`."
            reason = see if one.parked else NEWER if one.waiting else ""
    return f"{one.name}: {reason}"[:500] if reason else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers lag", description=__doc__)
    parser.add_argument("--watch", action="store_true", help="look again every second")
    return parser
