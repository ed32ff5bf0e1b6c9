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

EVERY = 1.0  # seconds
ROW = "{:<20.20} {:>10} {:>10} {:>8} {:>8} {:>6}  {}"
HEAD = ROW.format("", "seen", "applied", "events", "seconds", "parked", "").rstrip()
BAD = ("stuck", "dead")


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


async def watch(where: Callable[[], str], out: TextIO = sys.stdout) -> int:
    """Until it is interrupted; in place on a terminal, one table after another elsewhere. An
    embedded database that is started again is elsewhere than it was: so `where` is asked again."""
    terminal, height = out.isatty(), 0
    while True:
        began = time.monotonic()
        shown = list(await _seen(where))
        up = f"\x1b[{height}A\x1b[J" if terminal and height else ""
        out.write(up + "\n".join([*shown, "", ""]))
        out.flush()
        height = len(shown) + 1
        await asyncio.sleep(EVERY - (time.monotonic() - began))


async def _seen(where: Callable[[], str]) -> Iterator[str]:
    """A database that is away for a while is watched too."""
    try:
        return lines(await _read(where()))
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
    """A table; then why, of those that need somebody."""
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
        one.name, one.seen, one.position, one.events_behind, seconds, one.parked, one.word
    )


def why(one: Lag) -> str | None:
    match one.word:
        case "dead":
            said = f"no sign of life for {one.silent_for:,.0f} s. Start a workers process."
        case "stuck" if one.problem:
            said = one.problem
        case "stuck":
            said = f"it has applied nothing for {min(one.still_for, one.behind_by):,.0f} s."
        case _:
            said = f"see `python -m workers parked list --of {one.name}`." if one.parked else ""
    return f"{one.name}: {said}"[:500] if said else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers lag", description=__doc__)
    parser.add_argument("--watch", action="store_true", help="look again every second")
    return parser
