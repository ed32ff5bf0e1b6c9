"""The proxy of the machine: faults at a COMMIT, and how the store handles them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domain.attendees import AttendeeRegistered, Profile, SaveProfile
from domain.conferences import AnnounceConference, ConferenceAnnounced
from domain.store.writer import IdempotencyKey, Outcome
from tests.harness.world import World
from workers.servers.embedded import start_nats

KEY = IdempotencyKey("m1", "a key", b"a fingerprint")


@pytest.fixture(scope="module")
def world(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    server = start_nats(tmp_path_factory.mktemp("nats"))
    world = World(new_database(), server.url)
    yield world
    world.close()
    server.stop()


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("key", [None, KEY])
def test_command_on_a_line_that_breaks_is_recorded_once(
    world: World, fault: Any, key: IdempotencyKey | None
) -> None:
    event_id, wire = world.new_event(), world.apis[0].wire
    command = AnnounceConference(event_id=event_id, name="A conference", timezone="UTC")
    key = key and IdempotencyKey(event_id, key.key, key.fingerprint)
    struck = wire.struck
    answer = world.run(world.send_on_bad_line(fault, 0, command, key))
    assert wire.struck == struck + 1
    log = world.run(world.log(event_id))
    assert [r.event for r in log] == [ConferenceAnnounced("A conference", "UTC")]
    assert isinstance(answer, Outcome)
    assert (answer.position, answer.events) == (log[0].position, (log[0].event,))


def test_second_writer_waits_for_a_slow_one(world: World) -> None:
    event_id = world.new_event()
    announced = AnnounceConference(event_id=event_id, name="A conference", timezone="UTC")
    world.run(world.send(0, announced, None))
    first, second = (
        SaveProfile(event_id=event_id, member_id=name, profile=Profile(name)) for name in "ab"
    )
    slow, quick = world.run(world.send_slowly((first, None), (second, None)))
    assert isinstance(slow, Outcome)
    assert isinstance(quick, Outcome)
    assert slow.events == (AttendeeRegistered(Profile("a")),)
    assert slow.position < quick.position
    world.run(world.settle())
    world.run(world.check(event_id, 0, []))
