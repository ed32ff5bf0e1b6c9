"""The database of a command that is run while the product runs, or without it."""

from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Unavailable
from workers.servers import external
from workers.servers.datadir import make
from workers.servers.embedded import running_postgres, start_postgres
from workers.servers.master_key import unlock
from workers.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Gives the URL of the database that DATABASE_URL names; else of the embedded one in DATA_DIR,
    which is started for as long as this takes where it does not run."""
    if settings.database_url:
        external.require(settings)
        yield settings.database_url
    elif url := running_postgres(settings.data_dir):
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


@contextmanager
def unlocked(settings: Settings) -> Iterator[str]:
    """The same, for commands that open what is personal in it."""
    with database(settings) as url:
        unlock(settings, url)
        yield url


def running_database(settings: Settings) -> str:
    """The same URL, for commands that only look: nothing is started. Raises Unavailable where
    nothing runs."""
    if settings.database_url:
        external.require(settings)
        return settings.database_url
    if url := running_postgres(settings.data_dir):
        return url
    home = settings.data_dir.expanduser().resolve()
    raise Unavailable(f"Nothing runs in {home} at the moment. To start it: `{make('run', home)}`.")
