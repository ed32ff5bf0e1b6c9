"""`python -m workers migrate`: brings the database up to date, in two steps if a deploy needs it:
what may run beside the version before, and (`--after`) what has to wait until that is gone."""

import argparse
from collections.abc import Sequence

from workers import settings
from workers.servers import supervisor
from workers.servers.embedded import start_postgres


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m workers migrate", description=__doc__)
    text = "also what has to wait until nothing of the version before runs"
    parser.add_argument("--after", action="store_true", help=text)
    after, config = parser.parse_args(arguments).after, settings.read()
    if config.database_url:
        supervisor.migrate(config.database_url, after)
        return 0
    server = start_postgres(config.data_dir)
    try:
        supervisor.migrate(server.url, after)
    finally:
        server.stop()
    return 0
