"""The durable consumer, by a tiny worker: what members complete, it counts in the log itself."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from domain.aggregate import Command, Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.conferences import AnnounceConference
from domain.missions import MissionCompleted, MissionReopened
from domain.store.recorder import open_recorder
from domain.store.writer import History
from projections.engine.election import run_elected
from projections.engine.projector import Projector
from projections.read_models import READ_MODELS
from sql import statements
from tests.boards import clicks, opening, recording
from tests.product import ROOT
from tests.restarting import Restarting
from tests.store import ask
from tests.waiting import eventually
from workers.bus import bell
from workers.bus import consumer as module
from workers.bus.consumer import Consumer, React
from workers.bus.relay import Relay
from workers.bus.sending import Send, sending

ADA = "missions:evt_1:ada"
NAME = "echo"


def echo(recorded: Recorded) -> Iterable[Command]:
    """An event of its own for each click."""
    if isinstance(recorded.event, MissionCompleted | MissionReopened):
        echoed = f"echo_{recorded.position}"
        yield AnnounceConference(event_id=echoed, name=echoed, timezone="UTC")


@asynccontextmanager
async def following(*followers: Any, database: str) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(run_elected(one, database)) for one in followers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def working(
    database: str, nats: str, react: React = echo, send: Callable[[Send], Send] = lambda send: send
) -> AsyncIterator[None]:
    """The worker, beside those that make it hear."""
    history = History(open_recorder(database, statements("history")), AGGREGATES, RENAMED)
    worker = Consumer(NAME, react, send(sending(history, NAME)), nats)
    try:
        async with following(Projector(READ_MODELS), Relay(nats), worker, database=database):
            yield
    finally:
        await asyncio.to_thread(history.close)


async def soon(condition: Callable[[], object], seconds: float = 20) -> None:
    """Asked in a thread, so that the others here can work."""
    await eventually(lambda: asyncio.to_thread(condition), seconds)


def clicked(database: str) -> list[int]:
    """What it is to react to."""
    rows = ask(
        database,
        "SELECT notification_id FROM events.log WHERE originator_id LIKE 'missions:%' ORDER BY 1",
    )
    return [position for (position,) in rows]


def echoed(database: str) -> list[int]:
    """What it reacted to, in the order in which it did."""
    rows = ask(
        database,
        "SELECT originator_id FROM events.log WHERE originator_id LIKE 'conference:echo%'"
        " ORDER BY notification_id",
    )
    return [int(stream.rpartition("_")[2]) for (stream,) in rows]


def done(database: str) -> bool:
    """All it has to, and nothing twice."""
    found = echoed(database)
    assert len(found) == len(set(found))
    return found == clicked(database) and standing(database) == [(True, None)]


def standing(database: str) -> list[tuple[Any, ...]]:
    return ask(
        database,
        "SELECT position = (SELECT max(notification_id) FROM events.log), problem "
        "FROM views.positions WHERE name = 'echo' AND kind = 'worker'",
    )


def parked(database: str) -> list[tuple[Any, ...]]:
    return ask(database, "SELECT reader, stream, position, problem, asked FROM views.parked")


def test_each_event_is_reacted_to_once_and_in_order(database: str, nats: str) -> None:
    async def story() -> None:
        async with working(database, nats):
            await soon(lambda: done(database))
            await asyncio.to_thread(record, *clicks(20, "ben"))
            await soon(lambda: done(database))

    with recording(database) as record:
        record(*opening(), *clicks(20))
        asyncio.run(story())


def test_reaction_may_take_its_time_and_is_alive_meanwhile(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a message waits for an answer."""
    monkeypatch.setattr(bell, "ACK_WAIT", 1.0)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)
    began: list[int] = []

    async def slow(recorded: Recorded) -> Iterable[Command]:
        commands = list(echo(recorded))
        if commands:
            began.append(recorded.position)
            await soon(lambda: ask(database, old_enough), 20)
        return commands

    old_enough = """
        SELECT 1 FROM events.log WHERE originator_id = 'missions:evt_1:ada'
        AND (convert_from(state, 'UTF8')::json ->> 'at')::timestamptz < now() - interval '3 s'
    """

    async def story() -> None:
        async with working(database, nats, slow):
            await soon(lambda: done(database), 20)

    with recording(database) as record:
        record(*opening(), *clicks(1))
    asyncio.run(story())
    assert began == clicked(database)


# What fails
@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", (0.01, 0.02))
    monkeypatch.setattr(module, "DELIVERIES", 3)


@pytest.mark.usefixtures("hasty")
def test_what_fails_at_its_last_delivery_is_parked_with_its_stream_and_replayed(
    database: str, nats: str
) -> None:
    tried: list[int] = []
    ill = True

    def choosy(recorded: Recorded) -> Iterable[Command]:
        if recorded.stream == ADA and ill:
            tried.append(recorded.position)
            raise LookupError("not this one")
        return echo(recorded)

    async def story() -> None:
        nonlocal ill
        async with working(database, nats, choosy):
            await soon(lambda: len(parked(database)) == 1)
            await asyncio.to_thread(record, *clicks(2), *clicks(2, "ben"))
            await soon(lambda: standing(database) == [(True, None)])
            assert tried == [first] * 3
            assert echoed(database) == [p for p in clicked(database) if p not in of_ada()]
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await soon(lambda: parked(database) == [(NAME, ADA, first, again, None)])
            ill = False
            await asyncio.to_thread(ask, database, "UPDATE views.parked SET asked = 'replay'")
            await soon(lambda: parked(database) == [])

    def of_ada() -> list[int]:
        rows = ask(database, "SELECT notification_id FROM events.log WHERE originator_id = %s", ADA)
        return sorted(position for (position,) in rows)

    with recording(database) as record:
        *_, first = record(*opening(), *clicks(1))
        again = f"at position {first}: LookupError: not this one"
        asyncio.run(story())
    assert sorted(echoed(database)) == clicked(database)
    assert [p for p in echoed(database) if p in of_ada()] == of_ada()


@pytest.mark.usefixtures("hasty")
def test_event_at_which_the_process_ends_every_time_is_parked_and_none_before_it(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bell, "ACK_WAIT", 0.5)
    ended: list[int] = []

    def deadly(recorded: Recorded) -> Iterable[Command]:
        if recorded.stream == ADA:
            ended.append(recorded.position)
            raise asyncio.CancelledError  # without a word to anybody
        return ()

    def on(than: int) -> bool:
        return len(ended) > than or parked(database) != []

    async def story() -> None:
        while not await asyncio.to_thread(parked, database):
            seen = len(ended)
            async with working(database, nats, deadly):
                await soon(partial(on, seen))

    with recording(database) as record:
        *_, of_ada, _ = record(*opening(), *clicks(2, "ben"), *clicks(1), *clicks(1, "zoe"))
        asyncio.run(story())
    assert [stream for _, stream, *_ in parked(database)] == [ADA]
    assert set(ended) == {of_ada}


@pytest.mark.usefixtures("hasty")
def test_attempt_that_fails_for_a_moment_is_made_again(database: str, nats: str) -> None:
    failures = iter([LookupError("now"), LookupError("and now")])

    def sometimes(recorded: Recorded) -> Iterable[Command]:
        for failure in failures:
            raise failure
        return echo(recorded)

    async def story() -> None:
        async with working(database, nats, sometimes):
            await soon(lambda: done(database))

    with recording(database) as record:
        record(*opening(), *clicks(3))
    asyncio.run(story())
    assert parked(database) == []


def test_commands_that_were_sent_before_the_end_are_not_sent_to_effect_again(
    database: str, nats: str
) -> None:
    """It ends between what it sends and what it remembers, again and again."""
    cut = iter(range(3))

    def breaking(send: Send) -> Send:
        async def sent(recorded: Recorded, number: int, command: Command) -> object:
            outcome = await send(recorded, number, command)
            for _ in cut:
                raise module.StepDownError("gone")
            return outcome

        return sent

    async def story() -> None:
        async with working(database, nats, send=breaking):
            await soon(lambda: done(database), 60)

    with recording(database) as record:
        record(*opening(), *clicks(2))
    asyncio.run(story())


# A JetStream that loses things, under load
async def load(record: Callable[..., list[int]], rounds: int) -> None:
    for i in range(rounds):
        await asyncio.to_thread(record, *clicks(2, f"usr_{i}"))


@pytest.mark.parametrize("how", ["killed", "wiped", "of an older copy"])
def test_nats_that_loses_things_under_load_makes_no_gap_and_no_double(
    database: str, restarting: Restarting, tmp_path: Path, how: str
) -> None:
    store, copy = tmp_path / "nats" / "jetstream", tmp_path / "copy"

    async def story() -> None:
        nats = restarting.start()
        async with working(database, nats.url):
            await load(record, 5)
            await soon(lambda: done(database))
            restarting.kill()
            shutil.copytree(store, copy)
            restarting.start()
            loading = asyncio.create_task(load(record, 20))
            await soon(lambda: len(echoed(database)) > 14, 30)
            restarting.kill(wipe=how != "killed")
            if how == "of an older copy":
                shutil.copytree(copy, store)
            restarting.start()
            await loading
            await soon(lambda: done(database), 40)

    with recording(database) as record:
        record(*opening())
        asyncio.run(story())
    assert parked(database) == []


# Processes
@asynccontextmanager
async def process(database: str, nats: str) -> AsyncIterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "tests.workers.bus.test_consumer", database, nats]
    running = await asyncio.to_thread(subprocess.Popen, command, cwd=ROOT)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def test_worker_that_is_killed_is_gone_on_from_by_another(database: str, nats: str) -> None:
    def more(than: int) -> bool:
        return len(echoed(database)) > than

    async def story() -> None:
        loading = asyncio.create_task(load(record, 15))
        for _ in range(3):
            seen = len(echoed(database))
            async with process(database, nats) as running:
                await soon(partial(more, seen), 30)
                os.kill(running.pid, signal.SIGKILL)
            await asyncio.to_thread(record, *clicks(2, f"late_{seen}"))
        await loading
        async with process(database, nats):
            await soon(lambda: done(database), 40)

    with recording(database) as record:
        record(*opening())
        asyncio.run(story())
    assert parked(database) == []


async def _run(database: str, nats: str) -> None:
    async with working(database, nats):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
