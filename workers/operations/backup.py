"""`python -m workers backup FILE`: all of the database in one file, while the product runs or not.

It is what `pg_dump --format=custom` writes, of the server's own major version; that runs beside the
embedded server's programs, or on PATH. `python -m workers restore FILE` takes it.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from msgspec import Struct
from msgspec.structs import replace

from domain.errors import Invalid, Refused
from sql import statements
from workers import settings
from workers.operations import dumps
from workers.servers import command_database
from workers.servers.external import why_no_database
from workers.servers.signals import interrupted
from workers.servers.supervisor import say

SQL = statements("backup")


class Database(Struct, frozen=True):
    """The server's major version; whether there is a log; its last position, and bytes in all."""

    major: int
    held: bool
    end: int = 0
    size: int = 0


def main(arguments: Sequence[str]) -> int:
    file: Path = _parser().parse_args(arguments).file
    _require_free(file)
    config = replace(settings.read(), nats_url=None)  # which may be away: nothing is asked of it
    with interrupted(), command_database.database(config) as url:
        found = look_at(url)
        if not found.held:
            raise Refused("There is nothing to back up: this database holds no log.")
        say(
            f"Writing {file}: everything up to position {found.end:,}, {found.size / 1e6:,.0f} MB "
            "in the database. The product may go on meanwhile."
        )
        started = time.monotonic()
        save(url, file, found.major)
    say(
        f"{file} is whole: {file.stat().st_size / 1e6:,.1f} MB, in "
        f"{time.monotonic() - started:.1f} s. What is sealed in it opens only with MASTER_KEY (or "
        f"the file master-key in DATA_DIR): keep that too, elsewhere. To restore it: "
        f"`.venv/bin/python -m workers restore {file}`."
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers backup",
        description="Writes all of the database to a file that only its owner may read: of "
        "DATABASE_URL, else of the embedded one in DATA_DIR, whether it runs or not.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a new file; none is overwritten")
    return parser


def look_at(database_url: str) -> Database:
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            major = connection.info.server_version // 10_000
            ((held,),) = connection.execute(SQL["held"]).fetchall()
            if not held:
                return Database(major, held)
            return Database(major, held, *connection.execute(SQL["extent"]).fetchall()[0])
    except psycopg.OperationalError as e:
        raise why_no_database(e) from None
    except psycopg.errors.InsufficientPrivilege as e:
        raise Refused(f"This role of the database may not read all of it: {e}.") from None


def save(database_url: str, file: Path, major: int) -> None:
    """Under its name there is a whole backup or none: it is FILE.partial until then."""
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)  # of one that was killed
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        dumps.save(database_url, partial, major)
        _sync(partial)
        _require_free(file)
        partial.rename(file)
        _sync(file.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _require_free(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise Invalid(f"{file} is there already. Name another, or remove it.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
