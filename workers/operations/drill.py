"""`make drill`: makes a backup under load, restores it into new servers, and serves from there.

load     members change their boards over HTTP; what was acknowledged is written down
dump     `pg_dump`, meanwhile
restore  into a new PostgreSQL, with a new NATS and the product on them
check    what was acknowledged is there, read models are what the log says, the bus is made
         again, and life goes on
"""

import argparse
import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from domain.errors import Invalid, Problem, Refused, Unavailable
from projections.engine.rebuild import rebuild
from projections.read_models import READ_MODELS
from sql import statements
from workers import settings
from workers.bus.relay import REFILLED
from workers.http_client import LostError
from workers.operations import drill_load, dumps
from workers.operations.drill_load import Acknowledged, Place
from workers.servers import external, supervisor
from workers.servers.datadir import master_key
from workers.servers.embedded import start_nats, start_postgres
from workers.servers.master_key import unlock
from workers.servers.processes import free_port, until, why_it_ended
from workers.servers.scratch_folder import clear
from workers.servers.signals import interrupted
from workers.servers.supervisor import PROGRAMS, say
from workers.settings import Settings

SQL = statements("drill")
READY_TIMEOUT = 60.0  # seconds


class Backup(Struct, frozen=True):
    """`begun` is the last position that was acknowledged when the dump began."""

    file: Path
    begun: int
    seconds: float


def main(arguments: Sequence[str]) -> int:
    """Returns 1 where a check fails."""
    seconds = _parser().parse_args(arguments).seconds
    if not 0 < seconds <= 3600:
        raise Invalid("--seconds is from 1 to 3600.")
    config = settings.read()
    external.require(config)
    try:
        with interrupted():
            return int(not _run(config, seconds))
    except KeyboardInterrupt:
        say("Stopped. What the drill made for itself is removed.")
        raise


def _run(config: Settings, seconds: float) -> bool:
    folder, holds = Path(tempfile.mkdtemp(prefix="rapport-drill-")), False
    try:
        holds = drill(folder, config, seconds)
    finally:
        clear(folder, holds)
    return holds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers drill",
        description="Shows that a backup that is made now can be served elsewhere. Nothing of the "
        "product's own data is touched; with DATABASE_URL, of a staging one, an event is added.",
    )
    parser.add_argument("--seconds", type=float, default=5, help="of load before the dump: 5")
    return parser


def drill(folder: Path, config: Settings, seconds: float) -> bool:
    folder.mkdir(exist_ok=True)
    file = folder / "backup"
    with ExitStack() as stack:
        here = _servers(folder / "here", config, stack)
        supervisor.migrate(here.database_url)
        unlock(replace(config, master_key=here.master_key), here.database_url)
        _serve(here, stack)
        with _load_errors_explained():
            drill_load.prepare(here)
            commands, backup = asyncio.run(_under_load(here, file, seconds))
    _report_backup(commands, backup)
    with ExitStack() as stack:
        there = _servers(folder / "there", Settings(master_key=here.master_key), stack)
        started = time.monotonic()
        dumps.restore(there.database_url, file)
        restored = time.monotonic()
        _serve(there, stack)
        say(
            f"Restored into a new PostgreSQL in {restored - started:.1f} s, and the product was "
            f"ready on it {time.monotonic() - restored:.1f} s later, with a new NATS. It is of no "
            "use without the same MASTER_KEY, which no backup holds: keep that too, and elsewhere."
        )
        there = there.of(here)
        return asyncio.run(_check(there, commands, backup))


def _servers(folder: Path, config: Settings, stack: ExitStack) -> Place:
    folder.mkdir()
    database_url, nats_url = config.database_url, config.nats_url
    key = master_key(config if database_url else replace(config, data_dir=folder))
    if database_url is None:
        postgres = start_postgres(folder)
        stack.callback(postgres.stop)
        database_url = postgres.url
    if nats_url is None:
        nats = start_nats(folder)
        stack.callback(nats.stop)
        nats_url = nats.url
    secret, event_id = secrets.token_urlsafe(48), f"drill-{secrets.token_hex(4)}"
    return Place(folder, database_url, nats_url, free_port(), secret, event_id, key)


def _serve(place: Place, stack: ExitStack) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": place.database_url,
        "NATS_URL": place.nats_url,
        "DATA_DIR": str(place.folder),
        "HOST": "127.0.0.1",
        "PORT": str(place.port),
        "JWT_SECRET": place.secret,
        "JWT_JWKS_URL": "",
        "MASTER_KEY": place.master_key,
        "JWT_AUDIENCE": "",
        "JWT_ISSUER": "",
        "RATE_LIMIT": "100000",
    }
    output = stack.enter_context((place.folder / "programs.log").open("ab"))
    for program in PROGRAMS:
        stack.callback(program.starter(environment, output)().stop)
    if not until(lambda: asyncio.run(drill_load.ready(place)), READY_TIMEOUT):
        log = place.folder / "programs.log"
        raise Unavailable(
            f"The product did not get ready: {why_it_ended(log)} Its log is {log}. The drill needs "
            "room for two databases and a backup."
        )


# Under load
@contextmanager
def _load_errors_explained() -> Iterator[None]:
    """Turns an error of the load, which ends the drill, into Unavailable with what to do."""
    try:
        yield
    except (LostError, ExceptionGroup) as e:
        known = [one for one in _each(e) if isinstance(one, LostError | Problem)]
        if not known:
            raise
        raise Unavailable(
            f"The product did not take the load: {str(known[0]).rstrip('.')}. The drill needs room "
            "for two databases and a backup."
        ) from e


def _each(e: Exception) -> Iterator[Exception]:
    if isinstance(e, ExceptionGroup):
        for one in e.exceptions:
            yield from _each(one)
    else:
        yield e


async def _under_load(
    place: Place, file: Path, seconds: float
) -> tuple[list[Acknowledged], Backup]:
    commands: list[Acknowledged] = []
    async with drill_load.running(place, commands):
        await asyncio.sleep(seconds)
        begun, started = max(one.position for one in commands), time.monotonic()
        await asyncio.to_thread(dumps.save, place.database_url, file)
        backup = Backup(file, begun, time.monotonic() - started)
        await asyncio.sleep(seconds / 10)
    return commands, backup


def _report_backup(commands: Sequence[Acknowledged], backup: Backup) -> None:
    before = sum(one.position <= backup.begun for one in commands)
    say(
        f"{len(commands):,} commands were acknowledged, {before:,} of them before the dump began. "
        f"It took {backup.seconds:.1f} s, and is {backup.file.stat().st_size / 1e6:,.1f} MB."
    )


# Checks
async def _check(place: Place, commands: Sequence[Acknowledged], backup: Backup) -> bool:
    """Whether all checks pass. Each prints a sentence."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        end, events = connection.execute(SQL["extent"]).fetchall()[0]
        log = dict(_log(connection, place.event_id))
    passed = [
        acknowledged(commands, log, backup.begun, end),
        await _read_models(place.database_url),
        await _bus(place, events, end),
        await _works(place),
    ]
    holds = all(passed)
    say("The drill holds." if holds else "The drill does not hold: see above.")
    return holds


def _log(
    connection: psycopg.Connection[tuple[object, ...]], event_id: str
) -> Iterator[tuple[int, tuple[str, str]]]:
    """Gives (position, (stream, topic)) of each event of the boards of an event."""
    parameters = {"prefix": f"missions:{event_id}:"}
    for position, stream, topic in connection.execute(SQL["changes"], parameters):
        yield int(str(position)), (str(stream), str(topic))


def acknowledged(
    commands: Sequence[Acknowledged],
    log: dict[int, tuple[str, str]],
    begun: int,
    end: int,
) -> bool:
    """A backup is the log up to some position: nothing before it may be missing."""
    lost = [one for one in commands if one.position <= end and log.get(one.position) != one.change]
    missing = [one for one in commands if one.position <= begun and one.position > end]
    later = sum(one.position > end for one in commands)
    restored = sum(one.position <= end for one in commands) - len(lost)
    if lost or missing:
        say(f"Acknowledged commands that are NOT in the backup: {len(lost) + len(missing):,}.")
        return False
    say(
        f"All that was acknowledged before the dump began is there, and {restored:,} in all: "
        f"everything up to position {end:,}. {later:,} came too late for this backup."
    )
    return True


async def _read_models(database_url: str) -> bool:
    """Whether a rebuild of each read model gives the same rows."""
    rows = 0
    for model in READ_MODELS:
        try:
            rebuilt = await rebuild(database_url, model)
        except Refused as e:
            say(f"The read model {model.name} is NOT what the log says: {e}")
            return False
        rows += sum(digest.rows for digest in rebuilt.digests)
    names = ", ".join(model.name for model in READ_MODELS)
    say(f"The read models ({names}) hold what the log says: {rows:,} rows, by their content.")
    return True


async def _bus(place: Place, events: int, end: int) -> bool:
    wanted = min(events, REFILLED)
    found = await drill_load.filled(place, wanted, end)
    if found != (wanted, end):
        say(f"NATS holds {found[0]:,} messages up to {found[1]:,}, NOT {wanted:,} up to {end:,}.")
        return False
    say(f"The relay has made JetStream again: {wanted:,} messages, up to position {end:,}.")
    return True


async def _works(place: Place) -> bool:
    wrong = await drill_load.check_commands(place)
    say(wrong or "Life goes on: a mission was completed there, and shown; names can be read.")
    return not wrong
