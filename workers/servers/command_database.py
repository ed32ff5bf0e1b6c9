"""The database of a command that is run while the product runs, or without it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from domain.errors import Unavailable
from workers.servers import external
from workers.servers.datadir import make
from workers.servers.embedded import start_postgres
from workers.settings import Settings

PORT_LINE = 3  # of postmaster.pid, counted from 0


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Gives the URL of the database that DATABASE_URL names; else of the embedded one in DATA_DIR,
    which is started for as long as this takes where it does not run."""
    if settings.database_url:
        external.require(settings)
        yield settings.database_url
    elif url := url_of_running(settings.data_dir):
        yield url
    else:
        home = settings.data_dir.expanduser().resolve()
        if not (home / "postgres" / "cluster").exists():
            raise Unavailable(
                f"There is no database in {home} yet. Make one with `{make('run', home)}`, or set "
                "DATA_DIR or DATABASE_URL to where it is."
            )
        server = start_postgres(home)
        try:
            yield server.url
        finally:
            server.stop()


def running_database(settings: Settings) -> str:
    """The same URL, for commands that only look: nothing is started. Raises Unavailable where
    nothing runs."""
    if settings.database_url:
        external.require(settings)
        return settings.database_url
    if url := url_of_running(settings.data_dir):
        return url
    home = settings.data_dir.expanduser().resolve()
    raise Unavailable(f"Nothing runs in {home} at the moment. To start it: `{make('run', home)}`.")


def url_of_running(data_dir: Path) -> str | None:
    """The URL of the embedded database in `data_dir`, where it runs and answers."""
    home = data_dir.expanduser().resolve() / "postgres"
    with suppress(FileNotFoundError, IndexError, ValueError, psycopg.OperationalError):
        port = int((home / "cluster" / "postmaster.pid").read_text().splitlines()[PORT_LINE])
        password = (home / "password").read_text().strip()
        url = f"postgresql://rapport:{password}@127.0.0.1:{port}/rapport"
        psycopg.connect(url, connect_timeout=5).close()
        return url
    return None
