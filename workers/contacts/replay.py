"""`make replay-contacts`: replays the contacts of a real conference, in order, through the product.

The file holds face-to-face contacts of 20 seconds each. Each becomes telemetry of both people:
they looked at each other's profile for that long. `meet_attendees` completes by its own rule; the
other missions are completed by the commands of `commands.py`. Projector and relay run meanwhile. At
the end every board is compared with what follows from the file alone.
"""

import argparse
import asyncio
import os
import re
import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from signal import SIGTERM
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from domain.aggregate import Command
from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Invalid, Unavailable
from domain.store.queue import SYSTEM
from domain.store.recorder import open_recorder
from domain.store.writer import GROUP, Author, History, Outcome
from projections.engine.election import connect
from projections.engine.event_log import SQL as LOG
from projections.engine.event_log import Connection
from projections.read_models import READ_MODELS
from sql import statements
from workers import settings
from workers.contacts import check
from workers.contacts.check import FullResult
from workers.contacts.commands import Guest, Survey, preparations, read, replayed, survey
from workers.progress import Progress
from workers.servers import external, supervisor
from workers.servers.datadir import jwt_secret, make, private
from workers.servers.embedded import start_nats, start_postgres
from workers.servers.master_key import unlock
from workers.servers.processes import Process, spawn
from workers.servers.supervisor import ROOT, say
from workers.settings import Settings
from workers.tokens import sign, sign_in_link

DEFAULT = ROOT.parent / "shared" / "data" / "matching" / "ws16-contacts.tij.gz"
DATA_DIR = ".data/contacts"  # not that of the product: a replay leaves it alone
IN_FLIGHT = 4 * GROUP
STALLED = 60.0  # seconds after which a reader that applies nothing has stalled
SHOWN = 20  # differences, at most


def main(arguments: Sequence[str]) -> int:
    """Returns 1 where a board is not what follows from the file."""
    given = _parser().parse_args(arguments)
    path: Path = given.file or _default()
    if not path.is_file():
        raise Invalid(f"There is no file {path}.")
    scope = survey(path, given.event or _event_of(path), _zone(given.timezone))
    file = check.from_file(read(path), scope.zone)
    config = settings.read({**os.environ, "DATA_DIR": os.environ.get("DATA_DIR") or DATA_DIR})
    with ExitStack() as stack:
        config = _servers(config, stack)
        agrees = asyncio.run(replay(path, scope, file, str(config.database_url)))
    _print_link(config, scope, leader=file.result.leaders[0][0])
    return int(not agrees)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers replay-contacts",
        description="Plays a file of contacts into the log. A line is a time in seconds and the "
        "numbers of two people who faced each other for 20 seconds: `1480486100 125 130`.",
    )
    parser.add_argument("file", nargs="?", type=Path, help="such a file; it may be gzipped")
    parser.add_argument("--event", help="the id of the event it becomes: the file's name")
    parser.add_argument(
        "--timezone", default="Europe/Berlin", help="where it was, for its days: Europe/Berlin"
    )
    return parser


def _default() -> Path:
    if DEFAULT.exists():
        return DEFAULT
    raise Invalid(
        "Give a file of contacts: `make replay-contacts CONTACTS=path`. A line of it is a time in "
        "seconds and the numbers of two people, as in `1480486100 125 130` (the tij format of "
        "sociopatterns.org, gzipped or not)."
    )


def _event_of(path: Path) -> str:
    """`ws16` of ws16-contacts.tij.gz."""
    name = re.split(r"[-.]", path.name)[0]
    return re.sub(r"[^A-Za-z0-9_]", "_", name)[:100] or "contacts"


def _zone(name: str) -> ZoneInfo:
    if name not in available_timezones():
        raise Invalid(f"{name} is not the name of an IANA time zone.")
    return ZoneInfo(name)


# Servers
def _servers(config: Settings, stack: ExitStack) -> Settings:
    """Settings with the URLs of servers, external or embedded, and a workers process on them. Where
    the product runs on the same servers, its workers lead, and ours stand by."""
    external.require(config)
    config = msgspec.structs.replace(config, data_dir=private(config.data_dir))
    if config.database_url is None:
        postgres = start_postgres(config.data_dir)
        stack.callback(postgres.stop)
        config = msgspec.structs.replace(config, database_url=postgres.url)
    if config.nats_url is None:
        nats = start_nats(config.data_dir)
        stack.callback(nats.stop)
        config = msgspec.structs.replace(config, nats_url=nats.url)
    supervisor.migrate(str(config.database_url))
    unlock(config, str(config.database_url))
    stack.callback(_workers(config, stack).stop)
    return config


def _workers(config: Settings, stack: ExitStack) -> Process:
    log = stack.enter_context((config.data_dir / "workers.log").open("ab"))
    environment = {
        **os.environ,
        "DATABASE_URL": str(config.database_url),
        "NATS_URL": str(config.nats_url),
        "DATA_DIR": str(config.data_dir),
    }
    command = [sys.executable, "-m", "workers", "run"]
    return spawn(command, [SIGTERM], environment=environment, directory=ROOT, output=log)


# The replay
class Tally:
    """Counts of commands and events, and the last position."""

    def __init__(self) -> None:
        self.commands = self.events = self.position = 0

    def add(self, outcome: Outcome) -> None:
        self.commands += 1
        self.events += len(outcome.events)
        self.position = max(self.position, outcome.position)


async def replay(path: Path, scope: Survey, file: FullResult, database_url: str) -> bool:
    """Replays the file. Whether the boards are what follows from it."""
    people, event = len(scope.people), scope.event_id
    say(f"Playing {scope.contacts:,} contacts of {people} people as event {event}.")
    recorder = await asyncio.to_thread(open_recorder, database_url, statements("history"))
    started = time.monotonic()
    with closing(History(recorder, AGGREGATES, RENAMED)) as history:
        tally = Tally()
        await _send(history, event, preparations(scope), tally)
        await _send(history, event, _contacts(path, scope), tally)
    recorded = time.monotonic()
    _report_commands(tally, recorded - started)
    async with await connect(database_url, "contacts") as connection:
        await _follow(connection, tally.position, recorded)
        return await _check(connection, file, scope)


def _contacts(path: Path, scope: Survey) -> Iterator[Command]:
    progress = Progress(scope.contacts, "contacts")
    guests: defaultdict[str, Guest] = defaultdict(Guest)
    for number, contact in enumerate(read(path), 1):
        yield from replayed(contact, scope, guests)
        progress.reached(number)
    progress.finish()


async def _send(history: History, event_id: str, commands: Iterable[Command], tally: Tally) -> None:
    """Executes the commands in their order, IN_FLIGHT at a time. The first that fails ends this;
    run again, those before it change nothing."""
    waiting: deque[asyncio.Task[Outcome]] = deque()
    for command in commands:
        by = Author(getattr(command, "member_id", f"{SYSTEM}replay-contacts"), event_id)
        waiting.append(asyncio.create_task(history.execute(command, by=by)))
        if len(waiting) >= IN_FLIGHT:
            tally.add(await waiting.popleft())
    while waiting:
        tally.add(await waiting.popleft())


async def _follow(connection: Connection, position: int, recorded: float) -> None:
    """Waits until the read models, and then NATS, have everything up to the position."""
    await connection.execute(LOG["listen"])
    for name, readers in (
        ("the read models", [model.name for model in READ_MODELS]),
        ("NATS", ["relay"]),
    ):
        await _reached(connection, name, readers, position)
        seconds = time.monotonic() - recorded
        say(f"{name[0].upper()}{name[1:]} had all of it {seconds:.1f} s later.")


async def _reached(connection: Connection, name: str, readers: list[str], position: int) -> None:
    furthest, deadline = await _least_position(connection, readers), time.monotonic() + STALLED
    progress = Progress(position, f"events in {name}", furthest)
    while (applied := await _least_position(connection, readers)) < position:
        progress.reached(applied)
        if applied > furthest:
            furthest, deadline = applied, time.monotonic() + STALLED
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{', '.join(readers)}: at {applied} of {position}, and no further. Look into "
                "workers.log in the data directory, and at /health/ready if the product runs."
            )
        async for _ in connection.notifies(timeout=0.1, stop_after=1):
            pass
    progress.finish()


async def _least_position(connection: Connection, readers: list[str]) -> int:
    """The position of the reader that is furthest behind; 0 where one has not begun."""
    cursor = await connection.execute(LOG["positions"], {"names": readers})
    positions = [int(position) for _, position in await cursor.fetchall()]
    return min(positions) if len(positions) == len(readers) else 0


# The report
def _report_commands(tally: Tally, seconds: float) -> None:
    say(
        f"{tally.commands:,} commands added {tally.events:,} events in {seconds:.1f} s: "
        f"{tally.commands / seconds:,.0f} commands/s."
        + ("" if tally.events else " All of it had been played before.")
    )


async def _check(connection: Connection, file: FullResult, scope: Survey) -> bool:
    log = await check.from_log(connection, scope.event_id, scope.people)
    tables = await check.from_tables(connection, scope.event_id, scope.people)
    found = list(check.differences(file, log, tables))
    for difference in found[:SHOWN]:
        say(difference)
    if found:
        count = "1 difference" if len(found) == 1 else f"{len(found):,} differences"
        say(f"The check found {count} between the file and the boards.")
    else:
        missions = sum(len(board) for board in file.result.boards.values())
        say(
            f"The check holds: {missions:,} missions of {len(scope.people)} people, why and when "
            f"each was completed, and the leaderboard are the same worked out from the file, "
            "folded from the log, and read from the tables."
        )
    return not found


def _print_link(config: Settings, scope: Survey, leader: str) -> None:
    """Prints a link to the board of the leader. Only with embedded servers: who serves external
    ones is unknown here."""
    if os.environ.get("DATABASE_URL") or os.environ.get("NATS_URL"):
        return
    token = sign(jwt_secret(config), leader, [f"event:{scope.event_id}:member"], 30 * 24 * 3600)
    address = config.public_url or f"http://127.0.0.1:{config.port}"
    link = sign_in_link(address, token, f"/events/{scope.event_id}")
    command = f"{make('run', config.data_dir)} PORT={config.port}"
    say(f"To look at it, run `{command}`, and then open the board of who leads:\n  {link}")
