"""`python -m workers restore FILE`: what `backup` wrote, into a database that is empty."""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from domain.errors import Invalid, Refused
from workers import settings
from workers.operations import dumps
from workers.operations.backup import look_at
from workers.servers import external
from workers.servers.datadir import make
from workers.servers.embedded import running_postgres, start_postgres
from workers.servers.signals import interrupted
from workers.servers.supervisor import say
from workers.settings import Settings


def main(arguments: Sequence[str]) -> int:
    file: Path = _parser().parse_args(arguments).file
    if not file.is_file():
        raise Invalid(f"There is no file {file}.")
    config = replace(settings.read(), nats_url=None)
    with interrupted(), _empty_database(config) as url:
        before = look_at(url)
        if before.held:
            raise Refused(
                "This database holds a log already, which nothing overwrites. Set DATA_DIR to a "
                "new directory, or DATABASE_URL to an empty database."
            )
        say(f"Restoring {file}, all of it or nothing.")
        started = time.monotonic()
        dumps.restore(url, file, before.major)
        end = look_at(url).end
    run = "" if config.database_url else f": `{make('run', config.data_dir.expanduser())}`"
    say(
        f"Everything up to position {end:,} is there, after {time.monotonic() - started:.1f} s. "
        f"Start the product on it{run}, with the MASTER_KEY (or DATA_DIR/master-key) that it had. "
        "NATS is made again. Tokens are signed with a secret that "
        "is in no backup: set JWT_SECRET, or copy DATA_DIR/jwt-secret, for old ones to hold."
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers restore",
        description="Restores a backup into an empty database: that of DATABASE_URL, else a new "
        "embedded one in DATA_DIR.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="as `backup` wrote it")
    return parser


@contextmanager
def _empty_database(config: Settings) -> Iterator[str]:
    """The URL of a database. The embedded one is made where there is none, and started for as long
    as this takes where it does not run."""
    if config.database_url:
        external.require(config)
        yield config.database_url
    elif url := running_postgres(config.data_dir):
        yield url
    else:
        server = start_postgres(config.data_dir)
        try:
            yield server.url
        finally:
            server.stop()
