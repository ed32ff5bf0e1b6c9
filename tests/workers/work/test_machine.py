"""The machine holds, and finds what is planted."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.workers.work.machine import Machine
from tests.workers.work.world import MOST_PARKED, World
from workers.proof import notes
from workers.servers.embedded import start_nats
from workers.work import leases
from workers.work.leases import SQL
from workers.work.runner import Runner


@pytest.fixture(scope="module")
def bus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_nats(tmp_path_factory.mktemp("nats"))
    yield server.url
    server.stop()


@pytest.fixture(autouse=True)
def _few_may_be_parked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MOST_PARKED", MOST_PARKED)


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
    " AND %(number)s > 0"
)


def older_results(patch: pytest.MonkeyPatch) -> None:
    """Recorded also where there is a newer one."""
    patch.setattr(notes, "is_newer", always_newer)


def no_marks(patch: pytest.MonkeyPatch) -> None:
    """A mark of what may have been done is not looked at."""
    patch.setitem(SQL, "begin", UNMARKED)
    unmarked = changed("take", "attempts, begun, number", "attempts, 0::bigint, number")
    patch.setitem(SQL, "take", unmarked)


def hidden_parking(patch: pytest.MonkeyPatch) -> None:
    """A piece that was done after all counts as parked still, where nobody sees it."""
    for name in ("ready", "take"):
        patch.setitem(SQL, name, changed(name, "l.wanted <= ", "0 > "))
    patch.setitem(
        SQL, "take", SQL["take"].replace("work.is_parked(l, d.wanted, d.based_on)", STILL)
    )


def lost_results(patch: pytest.MonkeyPatch) -> None:
    """A piece that is in work ends with the connections of its worker."""
    connect = Runner.connect

    async def again(runner: Runner, database_url: str) -> None:
        for held in list(runner._held.values()):
            held.task.cancel()
            await asyncio.wait([held.task])
        await connect(runner, database_url)

    patch.setattr(Runner, "connect", again)


def late_heartbeats(patch: pytest.MonkeyPatch) -> None:
    """A lost piece is broken off by its name alone."""

    async def by_name(runner: Runner) -> None:
        held = [one.piece for one in runner._held.values()]
        ours = await runner._leases.beat(held)
        for name in {(piece.kind, piece.subject) for piece in held} - ours:
            if name in runner._held:
                runner._held[name].task.cancel()

    patch.setattr(Runner, "_keep_leases", by_name)


STILL = "l.retry_at = 'infinity'"


def changed(name: str, old: str, new: str) -> str:
    assert old in SQL[name]
    return SQL[name].replace(old, new)


@pytest.mark.parametrize(
    "plant", [older_results, no_marks, hidden_parking, lost_results, late_heartbeats]
)
def test_plant_is_found(
    world: World, plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run(world, examples=200, with_seed=1, shrinks=False)
