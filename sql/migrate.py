"""Runs numbered migrations: each file once, in order, in its own transaction, under one lock."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psycopg

from sql import HERE, statements

SQL = statements("migrate")


class MigrationChangedError(Exception):
    """A migration that has run is never edited: write a new one with the next number."""


def migrate(database_url: str, folder: Path = HERE / "migrations") -> list[str]:
    """Brings a database up to date. Gives the names of the files that ran. May be called by several
    processes at once: one runs the files, the others wait and find nothing to do."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SQL["lock"])
        connection.execute(SQL["lock_timeout"])
        connection.execute(SQL["create_table"])
        done: dict[str, str] = dict(connection.execute(SQL["list"]).fetchall())
        return list(_run(connection, folder, done))


def _run(
    connection: psycopg.Connection[tuple[str, str]], folder: Path, done: dict[str, str]
) -> Iterator[str]:
    for file in sorted(folder.glob("*.sql")):
        text = file.read_bytes()
        checksum = sha256(text).hexdigest()
        if done.get(file.name, checksum) != checksum:
            raise MigrationChangedError(
                f"{file.name} has run here with another text. {MigrationChangedError.__doc__}"
            )
        if file.name not in done:
            try:
                with connection.transaction():
                    connection.execute(text)
                    connection.execute(SQL["record"], {"name": file.name, "checksum": checksum})
            except psycopg.Error as e:
                e.add_note(f"in the migration {file.name}; nothing of it was kept")
                raise
            yield file.name
