"""`python -m workers prove`: runs the product under load while everything that can fail fails, and
compares what it acknowledged with what is there at the end."""

import argparse
import random
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from domain.errors import Invalid, Refused
from sql import statements
from workers import settings
from workers.proof import report
from workers.proof.plants import NOTHING, PLANTS
from workers.proof.report import Proof
from workers.proof.run import Run
from workers.proof.stack import Stack
from workers.servers import external
from workers.servers.datadir import private
from workers.servers.scratch_folder import clear
from workers.servers.signals import Signals, Stop
from workers.servers.supervisor import say
from workers.settings import Settings

SQL = statements("proof")


def main(arguments: Sequence[str]) -> int:
    """Returns 1 where something does not hold."""
    given = _parser().parse_args(arguments)
    if given.seconds < 1:
        raise Invalid("Give it a second or more: `--seconds 60`.")
    config = settings.read()
    external.require(config)
    if config.database_url and not given.yes:
        _require_ours(config.database_url)
    plant = PLANTS[given.plant] if given.plant else NOTHING
    say(f"{_where(config)} for {given.seconds} s; {plant.says}. Again with --seed {given.seed}.")
    folder = Path(tempfile.mkdtemp(prefix="rapport-proof-"))
    holds = False
    try:
        proof = _prove(folder, config, given)
        holds = proof.holds
        say("\n".join(report.lines(proof)))
    finally:
        clear(folder, holds)
    return int(not holds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers prove",
        description="Runs the product under load while everything that can fail fails: on "
        "servers of its own, or on those that DATABASE_URL and NATS_URL name. Then it compares "
        "what was acknowledged, read and heard with what is there. A database that is named is "
        "migrated first.",
    )
    parser.add_argument("--seconds", type=int, default=60, help="for how long: 60")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="a bug that it must find")
    seed = random.randrange(10**6)  # noqa: S311 - no secret
    order = "of another run, to fail in its order"
    parser.add_argument("--seed", type=int, default=seed, help=order)
    parser.add_argument("--yes", action="store_true", help="also beside events of others")
    return parser


def _where(config: Settings) -> str:
    servers = {"PostgreSQL": config.database_url, "NATS": config.nats_url}
    own = [f"a {name} of its own" for name, url in servers.items() if not url]
    named = [f"the {name} that was named" for name, url in servers.items() if url]
    return f"Proving on {' and '.join(own + named)}"


def _require_ours(database_url: str) -> None:
    with psycopg.connect(database_url) as connection, suppress(psycopg.errors.UndefinedTable):
        if connection.execute(SQL["has_other_events"]).fetchone() == (True,):
            raise Refused(
                "The database holds events of others. A proof ends connections to it, and adds an "
                "event that stays there. Name a database of its own in DATABASE_URL, or none; or "
                "say --yes."
            )


def _prove(folder: Path, config: Settings, given: argparse.Namespace) -> Proof:
    with Signals() as signals:
        stack = Stack(private(folder), config, given.plant, signals)
        try:
            stack.start(given.seed)
            stack.start_load()
            return Run(stack, given.seconds).proof()
        except Stop:
            say("Stopping.")
            raise KeyboardInterrupt from None
        finally:
            signals.received = max(1, signals.received)
            stack.stop()
