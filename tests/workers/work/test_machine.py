"""The machine holds, and finds what is planted."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.workers.work.machine import Machine, World
from workers.proof import notes
from workers.servers.embedded import start_nats
from workers.work.leases import SQL


@pytest.fixture(scope="module")
def bus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_nats(tmp_path_factory.mktemp("nats"))
    yield server.url
    server.stop()


@pytest.fixture
def world(new_database: Callable[[], str], bus_url: str) -> Iterator[World]:
    world = World(new_database(), bus_url)
    yield world
    world.close()


def run(world: World, examples: int, with_seed: int, shrinks: bool = True) -> None:
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    how = settings(
        max_examples=examples,
        stateful_step_count=15,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    machine = seed(with_seed)(type("Now", (Machine,), {"world": world}))
    run_state_machine_as_test(machine, settings=how)


def test_each_piece_has_one_result_of_the_latest_and_nothing_is_sent_twice(world: World) -> None:
    run(world, examples=20, with_seed=1)


def always_newer(result: object, recorded: object) -> bool:
    return True


UNMARKED = (
    "UPDATE work.leases SET begun = %(wanted)s WHERE kind = %(kind)s AND subject = %(subject)s"
)


@pytest.mark.parametrize("plant", ["older results are recorded", "marks are not looked at"])
def test_plant_is_found(world: World, plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if plant == "older results are recorded":
        monkeypatch.setattr(notes, "is_newer", always_newer)
    else:
        monkeypatch.setitem(SQL, "begin", UNMARKED)
        blind = SQL["take"].replace("attempts, begun, number", "attempts, 0::bigint, number")
        monkeypatch.setitem(SQL, "take", blind)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run(world, examples=200, with_seed=1, shrinks=False)
