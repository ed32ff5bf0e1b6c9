"""Runs numbered migrations: each file once, in order, under one lock.

A file says in its first lines, as comments, what it has to say about itself:

    -- before deploy         it may run while the version before runs: so does every file that says
                             nothing
    -- after deploy          only once nothing of the version before runs any more
    -- without transaction   its statements run one by one, each ends with the `;` of a line, and
                             all may run again where they were interrupted: CREATE INDEX
                             CONCURRENTLY IF NOT EXISTS. One left half made is dropped first

Any other file runs in a transaction of its own. One that has landed is never edited.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from sql import HERE, statements

SQL = statements("migrate")
LOOK = 0.1  # seconds between looks whether the lock is free
MARK = re.compile(r"^-- (before deploy|after deploy|without transaction)\b", re.MULTILINE)
ENDS = re.compile(r";[ \t]*$", re.MULTILINE)

Connection = psycopg.Connection[Any]


class MigrationChangedError(Exception):
    """A migration that has run is never edited: write a new one with the next number."""


class Edited(Struct, frozen=True):
    """A file that was edited after it had landed. Where it ran as it was, `statement` of
    `sql/migrate.sql` brings the database to where the file brings it now."""

    checksum: str
    statement: str


# Once, before a test compared them: 15fd1f6 added views.dropped to what makes views.parked.
EDITED = {
    "0006_parked.sql": Edited(
        "571a148d7dec3e10f002d569b2a497940f2249961772a8879f2593f806354f3f", "dropped_of_0006"
    )
}


class Migration(Struct, frozen=True):
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return sha256(self.text.encode()).hexdigest()

    @property
    def marks(self) -> Sequence[str]:
        """Those before its first statement."""
        comments = re.match(r"(?:--.*\n|\s*\n)*", self.text)
        return MARK.findall(comments[0]) if comments else ()

    @property
    def comes_after(self) -> bool:
        return "after deploy" in self.marks


def migrate(database_url: str, folder: Path = HERE / "migrations", after: bool = True) -> list[str]:
    """Brings a database up to date. Gives the names of the files that ran. May be called by several
    processes at once: one runs the files, the others wait and find nothing to do. Without `after`
    those at the end are left that have to wait until the version before is gone: see `left`."""
    files = _files(folder)
    while not after and files and files[-1].comes_after:
        files.pop()
    with psycopg.connect(database_url, autocommit=True) as connection:
        # Whoever waits for a lock in a statement would hold up CREATE INDEX CONCURRENTLY.
        while connection.execute(SQL["lock"]).fetchone() != (True,):
            time.sleep(LOOK)
        connection.execute(SQL["create_table"])
        return list(_run(connection, files, _done(connection)))


def left(database_url: str, folder: Path = HERE / "migrations") -> list[str]:
    """The names of files that have not run, of a database that was migrated before."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        done = _done(connection)
    return [file.name for file in _files(folder) if file.name not in done]


def _files(folder: Path) -> list[Migration]:
    return [Migration(f.name, f.read_text(encoding="utf-8")) for f in sorted(folder.glob("*.sql"))]


def _done(connection: Connection) -> dict[str, str]:
    return dict(connection.execute(SQL["list"]).fetchall())


def _run(
    connection: Connection, files: Sequence[Migration], done: Mapping[str, str]
) -> Iterator[str]:
    for file in files:
        ran = done.get(file.name, file.checksum)
        if file.name in EDITED and ran == EDITED[file.name].checksum:
            with connection.transaction():
                connection.execute(SQL[EDITED[file.name].statement])
                connection.execute(SQL["record_anew"], _about(file))
        elif ran != file.checksum:
            raise MigrationChangedError(
                f"{file.name} has run here with another text. {MigrationChangedError.__doc__}"
            )
        if file.name not in done:
            _run_one(connection, file)
            yield file.name


def _run_one(connection: Connection, file: Migration) -> None:
    if "without transaction" in file.marks:
        _run_by_statements(connection, file)
        return
    connection.execute(SQL["lock_timeout"])
    try:
        with connection.transaction():
            connection.execute(file.text.encode())
            connection.execute(SQL["record"], _about(file))
    except psycopg.Error as e:
        e.add_note(f"in the migration {file.name}; nothing of it was kept")
        raise


def _run_by_statements(connection: Connection, file: Migration) -> None:
    """To build an index beside the product is to wait for every transaction there is: no time is
    too long, and nobody queues behind it."""
    connection.execute(SQL["no_lock_timeout"])
    try:
        for schema, index in connection.execute(SQL["half_made"]).fetchall():
            if re.search(rf"\b{re.escape(index)}\b", file.text):
                name = sql.Identifier(schema, index)
                connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(name))
        for statement in ENDS.split(file.text):
            if re.sub(r"--.*", "", statement).strip():
                connection.execute(statement.encode())
        connection.execute(SQL["record"], _about(file))
    except psycopg.Error as e:
        e.add_note(f"in the migration {file.name}; what ran of it before will run again")
        raise


def _about(file: Migration) -> dict[str, str]:
    return {"name": file.name, "checksum": file.checksum}
