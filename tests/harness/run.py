"""Runs the machine for a number of examples, or for a time."""

import random
import time
from collections.abc import Callable

import psycopg
from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from sql.migrate import migrate
from tests.harness.machine import Machine, Tally
from tests.harness.plants import Plant
from tests.harness.shrinking import shrinking_for
from tests.harness.world import World

STEPS = 20  # of an example
BATCH = 10  # examples in one database


def run_machine(world: World, tally: Tally, examples: int, with_seed: int, shrink: float) -> None:
    """Raises for the smallest example found, looking for a smaller one for `shrink` seconds."""
    machine = type("Machine", (Machine,), {"world": world, "tally": tally})
    with shrinking_for(shrink) as how:
        how = settings(how, max_examples=examples, stateful_step_count=STEPS)
        run_state_machine_as_test(seed(with_seed)(machine), settings=how)


def run_machine_until(
    deadline: float,
    new_database: Callable[[], str],
    nats_url: str,
    plant: Plant,
    tally: Tally,
    first_seed: int,
) -> None:
    """Runs batches of examples until another may not end in time."""
    taken = 0.0
    for with_seed in range(first_seed, first_seed + 1_000_000):
        started = time.monotonic()
        if deadline - started < 1.5 * taken:
            return
        world = World(new_database(), nats_url, plant)
        try:
            run_machine(world, tally, BATCH, with_seed, (deadline - started) / 2)
        finally:
            world.close()
        taken = max(taken, time.monotonic() - started)


def databases(server_url: str) -> Callable[[], str]:
    """Empty, migrated databases, one after another."""

    def make() -> str:
        name = f"laws_{random.randrange(10**12)}"  # noqa: S311 - no secret
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        url = make_conninfo("", **conninfo_to_dict(server_url) | {"dbname": name})
        migrate(url)
        return url

    return make
