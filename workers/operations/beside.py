"""The database, for a command that is run beside the product, or without it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from domain.errors import Unavailable
from workers.servers import elsewhere
from workers.servers.datadir import make
from workers.servers.embedded import start_postgres
from workers.settings import Settings

PORT = 3  # the line of postmaster.pid, counted from 0


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The one that DATABASE_URL names; else the embedded one in DATA_DIR, as it runs there, or
    started for as long as this takes."""
    if settings.database_url:
        elsewhere.require(settings)
        yield settings.database_url
    elif url := running(settings.data_dir):
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


def present(settings: Settings) -> str:
    """The same, for who looks at what runs: nothing is started."""
    if settings.database_url:
        elsewhere.require(settings)
        return settings.database_url
    if url := running(settings.data_dir):
        return url
    home = settings.data_dir.expanduser().resolve()
    raise Unavailable(f"Nothing runs in {home} at the moment. To start it: `{make('run', home)}`.")


def running(data_dir: Path) -> str | None:
    home = data_dir.expanduser().resolve() / "postgres"
    with suppress(FileNotFoundError, IndexError, ValueError, psycopg.OperationalError):
        port = int((home / "cluster" / "postmaster.pid").read_text().splitlines()[PORT])
        password = (home / "password").read_text().strip()
        url = f"postgresql://rapport:{password}@127.0.0.1:{port}/rapport"
        psycopg.connect(url, connect_timeout=5).close()
        return url
    return None
