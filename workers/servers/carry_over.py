"""Carries what a PostgreSQL holds over to one of a newer major version: dumps, restores and
compares it, by the newer one's programs."""

import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.errors import Unavailable
from sql import statements

SQL = statements("embedded")
Held = dict[str, int]  # rows of each table, and how far each sequence has come
ONCE = ("--single-transaction", "--exit-on-error")
NAMES = {"dbname": "PGDATABASE", "host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}


def carry_over(old_url: str, new_url: str, programs: Path, dump: Path) -> Held:
    """Into an empty database; `dump` is a file that is made and removed. What both hold then.
    Raises Unavailable where anything fails, or where they do not hold the same."""
    try:
        _run(programs / "pg_dump", old_url, "--format=custom", f"--file={dump}")
        # Of roles and what they may, each start makes what there is to be: a new cluster has none.
        bare = ("--no-owner", "--no-privileges", "--dbname=rapport")
        _run(programs / "pg_restore", new_url, *ONCE, *bare, str(dump))
    finally:
        dump.unlink(missing_ok=True)
    before, after = _held(old_url), _held(new_url)
    if before != after:
        differ = sorted(name for name in before | after if before.get(name) != after.get(name))
        raise Unavailable(f"What was restored is not what was dumped: {', '.join(differ)}.")
    return after


def _held(url: str) -> Held:
    with psycopg.connect(url, autocommit=True) as connection:
        held: Held = dict(connection.execute(SQL["sequences"]).fetchall())
        for table, count in connection.execute(SQL["tables"]).fetchall():
            ((held[table],),) = connection.execute(count.encode()).fetchall()
    return held


def _run(program: Path, url: str, *arguments: str) -> None:
    given: dict[str, Any] = conninfo_to_dict(url)
    environment = os.environ | {NAMES[k]: str(v) for k, v in given.items() if k in NAMES}
    done = subprocess.run(  # noqa: S603 - a program of ours
        [program, *arguments],
        env=environment | {"PGPASSWORD": str(given["password"])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it does not say why"])[-1][:300]
        raise Unavailable(f"{program.name} failed: {said}")
