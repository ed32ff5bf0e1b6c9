"""Backup and restore of a database, by the programs that come with PostgreSQL."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from domain.errors import Unavailable
from workers.servers.postgres_binaries import client_folders, find, version_of

# Those variables, without PG, that are named otherwise than in a conninfo.
ENVIRONMENT = {"dbname": "DATABASE", "application_name": "APPNAME"}


def save(database_url: str, file: Path, major: int | None = None) -> None:
    """Writes all of the database to a file. `major`: the version of pg_dump that it takes."""
    _run(program("pg_dump", major), database_url, "--format=custom", f"--file={file}")


def restore(database_url: str, file: Path, major: int | None = None) -> None:
    """Restores all of the file, in one transaction, into an empty database."""
    once = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    name = conninfo_to_dict(database_url)["dbname"]
    _run(program("pg_restore", major), database_url, *once, f"--dbname={name}", str(file))


def _run(path: Path, database_url: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 - a program of ours
        [path, *arguments],
        env=environment(database_url),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"{path.name} failed: {_last_line(done.stderr)}")


def _last_line(output: str) -> str:
    return (output.strip().splitlines() or ["it does not say why"])[-1][:300]


def program(name: str, major: int | None = None) -> Path:
    """The path of a program that comes with PostgreSQL, of that major version if one is given.
    Raises Unavailable where there is none."""
    if major:
        return _of_major(name, major)
    folder = find(None).folder
    path = folder / name if (folder / name).exists() else Path(shutil.which(name) or "")
    if not path.is_file():
        raise Unavailable(f"There is no {name} here. Install the client programs of PostgreSQL.")
    return path


def _of_major(name: str, major: int) -> Path:
    seen = []
    for folder in client_folders():
        if number := version_of(folder / name):
            if int(number.split(".")[0]) == major:
                return folder / name
            seen.append(number)
    raise Unavailable(
        f"{name} of PostgreSQL {major} is needed, as the server is; found here: "
        f"{', '.join(dict.fromkeys(seen)) or 'none'}. Install its client programs so that {name} "
        "is on PATH."
    )


def environment(database_url: str) -> dict[str, str]:
    """Environment variables by which the programs of PostgreSQL find the database. On a command
    line every user of the machine could read the password."""
    given = {k: str(v) for k, v in conninfo_to_dict(database_url).items() if v is not None}
    named = {f"PG{ENVIRONMENT.get(k, k.upper())}": v for k, v in given.items()}
    return {**os.environ, **named}


def dump_lines(database_url: str) -> Iterator[str]:
    """The lines of a plain `pg_dump`."""
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
        errors = running.stderr.read()
    if running.returncode:
        raise Unavailable(f"pg_dump could not read the database: {_last_line(errors)}")
