"""A database as one file, and back, by the programs that come with PostgreSQL."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from domain.errors import Unavailable
from workers.servers.postgres_binaries import find

ENVIRONMENT = {"dbname": "DATABASE", "application_name": "APPNAME"}  # else as in a conninfo


def save(database_url: str, file: Path) -> None:
    _run("pg_dump", database_url, "--format=custom", f"--file={file}")


def restore(database_url: str, file: Path) -> None:
    """All of it, or nothing."""
    once = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    name = conninfo_to_dict(database_url)["dbname"]
    _run("pg_restore", database_url, *once, f"--dbname={name}", str(file))


def _run(name: str, database_url: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - a program of ours
        [program(name), *arguments],
        env=environment(database_url),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"{name} failed: {_last(done.stderr)}")


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["it does not say why"])[-1][:300]


def program(name: str) -> Path:
    """One of those that come with PostgreSQL."""
    folder = find(None).folder
    path = folder / name if (folder / name).exists() else Path(shutil.which(name) or "")
    if not path.is_file():
        raise Unavailable(f"There is no {name} here. Install the client programs of PostgreSQL.")
    return path


def environment(database_url: str) -> dict[str, str]:
    """Says where the database is to the programs of PostgreSQL: a password on a command line would
    be read by everyone."""
    given = {k: str(v) for k, v in conninfo_to_dict(database_url).items() if v is not None}
    named = {f"PG{ENVIRONMENT.get(k, k.upper())}": v for k, v in given.items()}
    return {**os.environ, **named}


def dumped(database_url: str) -> Iterator[str]:
    """As `pg_dump` writes it, line by line."""
    command = [str(program("pg_dump"))]
    with subprocess.Popen(  # noqa: S603 - a program of ours
        command,
        env=environment(database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as running:
        assert running.stdout  # noqa: S101 - it is piped
        assert running.stderr  # noqa: S101 - it is piped
        yield from running.stdout
        said = running.stderr.read()
    if running.returncode:
        raise Unavailable(f"pg_dump could not read the database: {_last(said)}")
