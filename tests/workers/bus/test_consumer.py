"""The interface for workers of others: a worker that keeps what it hears beside its position."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from projections.engine.election import run_elected
from projections.engine.projector import Projector
from projections.read_models import READ_MODELS
from tests.boards import clicks, opening, recording
from tests.restarting import Restarting
from tests.store import ask
from tests.waiting import eventually
from tests.workers.bus import test_relay as bus
from tests.workers.bus import test_relay_buffer as buffer
from workers.background import background
from workers.bus import consumer as module
from workers.bus import relay
from workers.bus.consumer import Delivery, DurableConsumer
from workers.bus.relay import Relay

ADA = "events.missions.evt_1.ada."


class Outside:
    """A worker of somebody else: it keeps what it has handled, and survives its own deaths."""

    def __init__(self, nats_url: str, **more: Any) -> None:
        self._nats_url = nats_url
        self._more = more
        self.handled: list[int] = []

    async def run(self, handle: Callable[[Delivery], Awaitable[None]] | None = None) -> None:
        after = self.handled[-1] if self.handled else 0
        async with DurableConsumer(self._nats_url, "crm", after, **self._more) as deliveries:
            async for delivery in deliveries:
                if handle:
                    await handle(delivery)
                elif delivery.position not in self.handled[-1:]:  # its ack was lost
                    self.handled.append(delivery.position)
                    await delivery.ack()
                else:
                    await delivery.ack()


def telling(database: str, nats: str) -> Any:
    followers = (Projector(READ_MODELS), Relay(nats))
    return background(*(run_elected(one, database) for one in followers))


def recorded(database: str, stream: str = "%") -> list[int]:
    query = "SELECT notification_id FROM events.log WHERE originator_id LIKE %s ORDER BY 1"
    return [position for (position,) in ask(database, query, stream)]


async def heard_all(database: str, outside: Outside, seconds: float = 30) -> None:
    def all_of_them() -> bool:
        return outside.handled == recorded(database)

    await eventually(lambda: asyncio.to_thread(all_of_them), seconds)


def test_each_event_is_delivered_in_order_with_its_facts(database: str, nats: str) -> None:
    found: list[Delivery] = []

    async def handle(delivery: Delivery) -> None:
        found.append(delivery)
        await delivery.ack()

    async def story() -> None:
        async with telling(database, nats), background(Outside(nats).run(handle)):
            await eventually(lambda: len(found) == 7, 30)

    with recording(database) as record:
        record(*opening(), *clicks(5))
    asyncio.run(story())
    assert [delivery.position for delivery in found] == recorded(database)
    assert [delivery.subject for delivery in found[2:4]] == [
        f"{ADA}MissionCompleted",
        f"{ADA}MissionReopened",
    ]
    assert msgspec.json.decode(found[2].facts) == {
        "mission_id": "goals",
        "points": 10,
        "cause": "member",
        "left": {"missions": 0, "points": 0},
    }
    assert found[2].headers["ce-type"] == "MissionCompleted"
    assert {delivery.deliveries for delivery in found} == {1}


def test_only_the_subjects_that_were_chosen_are_delivered(database: str, nats: str) -> None:
    outside = Outside(nats, subjects="events.missions.*.ben.>")

    async def story() -> None:
        async with telling(database, nats), background(outside.run()):
            await eventually(lambda: len(outside.handled) == 2, 30)

    with recording(database) as record:
        record(*opening(), *clicks(3), *clicks(2, "ben"))
    asyncio.run(story())
    assert outside.handled == recorded(database, "missions:evt_1:ben")


def test_what_is_not_acknowledged_comes_again_before_what_follows(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACK_WAIT", 0.2)
    came: list[tuple[int, int]] = []

    async def handle(delivery: Delivery) -> None:
        came.append((delivery.position, delivery.deliveries))
        if delivery.deliveries == 1:
            await delivery.retry(0.01)
        elif delivery.deliveries > 2:  # the second attempt ends without an answer
            await delivery.ack()

    async def story() -> None:
        async with telling(database, nats), background(Outside(nats).run(handle)):
            await eventually(lambda: len(came) == 9, 30)

    with recording(database) as record:
        record(*opening(), *clicks(1))
    asyncio.run(story())
    assert came == [(position, n) for position in recorded(database) for n in (1, 2, 3)]


def test_what_takes_long_is_not_delivered_again_while_there_are_signs_of_life(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACK_WAIT", 0.5)
    came: list[int] = []

    async def handle(delivery: Delivery) -> None:
        came.append(delivery.position)
        for _ in range(10):
            await asyncio.sleep(0.1)
            await delivery.in_progress()
        await delivery.ack()

    async def story() -> None:
        async with telling(database, nats), background(Outside(nats).run(handle)):
            await eventually(lambda: len(came) == 2, 30)

    with recording(database) as record:
        record(*opening())
    asyncio.run(story())
    assert came == recorded(database)


def test_worker_that_ends_goes_on_after_what_it_has_handled(database: str, nats: str) -> None:
    outside = Outside(nats)

    async def story() -> None:
        async with telling(database, nats):
            for i in range(4):
                seen = len(outside.handled)
                async with background(outside.run()):
                    await eventually(lambda than=seen: len(outside.handled) > than + 2, 30)
                await asyncio.to_thread(record, *clicks(4, f"usr_{i}"))
            async with background(outside.run()):
                await heard_all(database, outside)

    with recording(database) as record:
        record(*opening(), *clicks(20))
        asyncio.run(story())


# A JetStream that loses things, under load
async def load(record: Callable[..., list[int]], rounds: int) -> None:
    for i in range(rounds):
        await asyncio.to_thread(record, *clicks(2, f"usr_{i}"))


@pytest.mark.parametrize("how", ["killed", "wiped", "of an older copy"])
def test_nats_that_loses_things_under_load_makes_no_gap_and_no_double(
    database: str, restarting: Restarting, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that a worker had fetched when it ended comes again only after ACK_WAIT."""
    monkeypatch.setattr(module, "ACK_WAIT", 0.5)
    store, copy = tmp_path / "nats" / "jetstream", tmp_path / "copy"

    async def story() -> None:
        nats = restarting.start()
        outside = Outside(nats.url)

        async def again_and_again() -> None:
            """A worker keeps its position, so it may begin again whenever it likes."""
            while True:
                async with background(outside.run()) as (running,):
                    await asyncio.wait({running}, timeout=2)

        async with telling(database, nats.url), background(again_and_again()):
            await load(record, 5)
            await heard_all(database, outside)
            restarting.kill()
            shutil.copytree(store, copy)
            restarting.start()
            loading = asyncio.create_task(load(record, 20))
            await eventually(lambda: len(outside.handled) > 16, 30)
            restarting.kill(wipe=how != "killed")
            if how == "of an older copy":
                shutil.copytree(copy, store)
            restarting.start()
            await loading
            await heard_all(database, outside, 60)

    with recording(database) as record:
        record(*opening())
        asyncio.run(story())


@pytest.mark.parametrize("copied", ["stream", "stream and consumer"])
def test_message_in_flight_at_a_cut_comes_though_no_event_follows(
    database: str,
    restarting: Restarting,
    tmp_path: Path,
    copied: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """JetStream goes back to an older copy, alone or with what it knows of the worker, while a
    message waits for its acknowledgement, and nothing is recorded any more."""
    monkeypatch.setattr(module, "ACK_WAIT", 0.5)
    store, copy = tmp_path / "nats" / "jetstream", tmp_path / "copy"
    in_flight, cut = asyncio.Event(), asyncio.Event()

    async def story() -> None:
        nats = restarting.start()
        outside = Outside(nats.url)

        async def handle(delivery: Delivery) -> None:
            if delivery.position == last and not cut.is_set():
                in_flight.set()
                await cut.wait()
                return  # without an answer
            if delivery.position not in outside.handled:
                outside.handled.append(delivery.position)
            await delivery.ack()

        async with telling(database, nats.url), background(outside.run(handle)):
            await eventually(lambda: outside.handled == before)
            await asyncio.to_thread(restarting.kill)
            shutil.copytree(store, copy)
            await asyncio.to_thread(restarting.start)
            await asyncio.to_thread(record, *clicks(6, "ben"))
            await in_flight.wait()
            await asyncio.to_thread(restarting.kill)
            if copied == "stream":
                obs = next(store.glob("**/EVENTS/obs"))
                old = copy / obs.relative_to(store)
                shutil.rmtree(old)
                shutil.copytree(obs, old)
            shutil.rmtree(store)
            shutil.copytree(copy, store)
            await asyncio.to_thread(restarting.start)
            cut.set()
            await heard_all(database, outside, 60)

    with recording(database) as record:
        before = record(*opening(), *clicks(6))
        last = before[-1] + 6
        asyncio.run(story())


# A stream that no longer has what a worker has not handled
@pytest.mark.parametrize("subjects", ["events.>", "events.missions.>"])
def test_worker_that_stood_still_for_too_long_is_told_what_it_missed(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch, subjects: str
) -> None:
    monkeypatch.setattr(relay, "REFILLED", 5)
    missed: list[int] = []
    outside = Outside(nats, subjects=subjects)

    async def handle(delivery: Delivery) -> None:
        missed.append(delivery.missed)
        outside.handled.append(delivery.position)
        await delivery.ack()

    async def story() -> None:
        async with telling(database, nats):
            await asyncio.to_thread(record, *clicks(4))
            async with background(outside.run(handle)):
                await eventually(lambda: outside.handled[-1:] == [6])
            await asyncio.to_thread(record, *clicks(20))
        async with bus.jetstream(nats) as jetstream:
            await jetstream.delete_stream(bus.NAME)
        async with telling(database, nats), background(outside.run(handle)):
            await eventually(lambda: outside.handled[-1:] == [26])

    with recording(database) as record:
        record(*opening())
        asyncio.run(story())
    assert outside.handled[-5:] == [22, 23, 24, 25, 26]
    assert missed[-5:] == [21, 0, 0, 0, 0]


@pytest.mark.parametrize("restarted", ["nobody", "worker", "nats"])
def test_worker_of_some_subjects_is_not_told_that_it_missed_what_others_said(
    database: str, restarting: Restarting, monkeypatch: pytest.MonkeyPatch, restarted: str
) -> None:
    """Whose last event is gone from the stream, as are many others since that it does not hear."""
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(module, "NOTE_SECONDS", 0.0)
    missed: list[int] = []

    async def handle(delivery: Delivery) -> None:
        missed.append(delivery.missed)
        outside.handled.append(delivery.position)
        await delivery.ack()

    async def gone(nats: str, after: int) -> bool:
        """Events up to there are, and it was noted that no other came."""
        async with bus.jetstream(nats) as jetstream:
            state = (await jetstream.stream_info(bus.NAME)).state
            config = (await jetstream.consumer_info(bus.NAME, "crm")).config
        noted = (config.metadata or {}).get(module.NOTED)
        return state.first_seq > after and noted == str(state.last_seq)

    async def story(nats: str) -> None:
        await buffer.make(nats, max_bytes=buffer.SMALL)
        async with telling(database, nats):
            async with background(outside.run(handle)):
                await eventually(lambda: outside.handled == [3])
                for first in (0, 0, 0, 3, 40):
                    await asyncio.to_thread(record, *clicks(40, "ben"))
                    await eventually(lambda first=first: gone(nats, first))
                if restarted == "nats":
                    await asyncio.to_thread(restarting.kill)
                    await asyncio.to_thread(restarting.start)
                if restarted != "worker":
                    await asyncio.to_thread(record, *star)
                    await eventually(lambda: outside.handled[1:])
            if restarted == "worker":
                async with background(outside.run(handle)):
                    await asyncio.to_thread(record, *star)
                    await eventually(lambda: outside.handled[1:])

    nats = restarting.start()
    outside = Outside(nats.url, subjects="events.missions.*.ada.>")
    first, *star = clicks(2)
    with recording(database) as record:
        record(*opening(), first)
        asyncio.run(story(nats.url))
    assert outside.handled == [3, 204]
    assert missed == [0, 0]


def test_worker_that_goes_back_is_told_what_does_not_come_again(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JetStream hands out nothing again that was acknowledged, and has lost a part of it."""
    outside = Outside(nats)
    missed: list[int] = []

    async def handle(delivery: Delivery) -> None:
        missed.append(delivery.missed)
        await outside_handled(delivery)

    async def outside_handled(delivery: Delivery) -> None:
        outside.handled.append(delivery.position)
        await delivery.ack()

    async def story() -> None:
        await buffer.make(nats, max_bytes=buffer.SMALL)
        async with telling(database, nats):
            async with background(outside.run(outside_handled)):
                await eventually(lambda: outside.handled[-1:] == [202], 30)
            outside.handled[:] = [5]
            async with background(outside.run(handle)):
                await asyncio.to_thread(record, *clicks(1, "ben"))
                await eventually(lambda: outside.handled[-1:] == [203], 30)

    with recording(database) as record:
        record(*opening(), *clicks(200))
        asyncio.run(story())
    assert len(missed) == 1
    assert missed[0] > 5
