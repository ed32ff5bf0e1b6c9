"""The master key of this process, and whether it is the one that the database is kept with."""

import psycopg

from domain.errors import Unavailable
from domain.store import master_key
from sql import statements
from workers.servers import datadir
from workers.settings import Settings

STORED = statements("history")["master_key"]
WRAP_FROM_NOW_ON = statements("keys")["wrap_from_now_on"]


def unlock(settings: Settings, database_url: str) -> None:
    """Has this process use the master key that is set, or kept in `DATA_DIR`. Raises Unavailable
    where keys there are wrapped with another one. A database that is away, or that has no such
    table yet, is not waited for: whoever wraps or opens a key looks again."""
    keys = master_key.parse(datadir.master_key(settings))
    master_key.use(keys)
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=2) as connection:
            found = connection.execute(STORED).fetchall()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return
    try:
        for (check_value,) in found:
            keys.require(check_value)
    except Unavailable as e:
        raise Unavailable(f"{e} {_where(settings)}") from None


def wrap_from_now_on(database_url: str) -> None:
    """For a database that no version before this one runs on."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(WRAP_FROM_NOW_ON)


def _where(settings: Settings) -> str:
    if settings.master_key:
        return "It comes from MASTER_KEY. Nothing was changed."
    return (
        f"It comes from {settings.data_dir / 'master-key'}, as MASTER_KEY is not set. Nothing was "
        "changed."
    )
