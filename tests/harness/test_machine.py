"""The machine holds, and finds what is planted."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.harness.machine import Tally
from tests.harness.plants import NOTHING, PLANTS
from tests.harness.run import run_machine
from tests.harness.world import World
from workers.servers.embedded import start_nats

LIMIT = 30.0  # seconds to find a plant; alone on a machine it takes one to five


@pytest.fixture(scope="module")
def bus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_nats(tmp_path_factory.mktemp("nats"))
    yield server.url
    server.stop()


def test_everything_holds(new_database: Callable[[], str], bus_url: str) -> None:
    tally = Tally()
    world = World(new_database(), bus_url, NOTHING)
    try:
        run_machine(world, tally, examples=6, with_seed=2, shrink=5)
    finally:
        world.close()
    assert tally.examples >= 6
    assert tally.acknowledged > 0


@pytest.mark.parametrize("plant", PLANTS)
def test_plant_is_found(plant: str, new_database: Callable[[], str], bus_url: str) -> None:
    world = World(new_database(), bus_url, PLANTS[plant])
    started = time.monotonic()
    seeds = iter(range(1_000))
    try:
        while time.monotonic() - started < LIMIT:
            try:
                run_machine(world, Tally(), examples=10, with_seed=next(seeds), shrink=0)
            except (AssertionError, ExceptionGroup):
                return
        pytest.fail(f"not found within {LIMIT} s: {PLANTS[plant].says}")
    finally:
        world.close()
