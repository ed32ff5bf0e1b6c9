"""The proxy of the machine: faults at a COMMIT, and how the store handles them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domain.attendees import AttendeeRegistered, Profile, SaveProfile
from domain.catalogues import PublishCatalogue
from domain.conferences import AnnounceConference, ConferenceAnnounced
from domain.meeting import MEET_ATTENDEES
from domain.missions import MissionCompleted
from domain.reports import AttendeeMessaged, AttendeeViewed, RecordTelemetry
from domain.store.writer import IdempotencyKey, Outcome
from tests.harness.capability import START
from tests.harness.missions import open_catalogue
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


# A decision that writes to two streams
def open_event(world: World) -> str:
    """One with four attendees who may be met."""
    event_id, catalogue = world.new_event(), open_catalogue(MEET_ATTENDEES)
    commands = [
        AnnounceConference(event_id=event_id, name="A conference", timezone="UTC"),
        PublishCatalogue(event_id=event_id, missions=catalogue),
        *(SaveProfile(event_id=event_id, member_id=m, profile=Profile(m)) for m in "abcd"),
    ]
    for command in commands:
        assert isinstance(world.run(world.send(0, command, None)), Outcome)
    return event_id


def report(event_id: str, action: Any, target: str, dwell_ms: int = 0) -> RecordTelemetry:
    return RecordTelemetry(
        event_id=event_id,
        member_id="a",
        action=action,
        target_member_id=target,
        ts=START,
        dwell_ms=dwell_ms,
    )


def recorded(world: World, event_id: str) -> list[tuple[str, type]]:
    log = world.run(world.log(event_id))
    found = [(r.stream.partition(":")[0], type(r.event)) for r in log]
    return [one for one in found if one[0] in ("reports", "missions")]


@pytest.mark.parametrize("fault", ["before", "after"])
def test_report_that_completes_the_mission_does_so_once_on_a_line_that_breaks(
    world: World, fault: Any
) -> None:
    event_id = open_event(world)
    message = report(event_id, "message_sent", "b")
    struck = world.apis[0].wire.struck
    first = world.run(world.send_on_bad_line(fault, 0, message, None))
    assert world.apis[0].wire.struck == struck + 1
    again = [world.run(world.send(api, message, None)) for api in (0, 1)]
    assert recorded(world, event_id) == [
        ("reports", AttendeeMessaged),
        ("missions", MissionCompleted),
    ]
    assert [answer.position for answer in again] == [first.position] * 2  # type: ignore[union-attr]
    world.run(world.settle())
    world.run(world.check(event_id, 0, []))


def test_reports_to_two_processes_at_once_complete_the_mission_once(world: World) -> None:
    event_id = open_event(world)
    views = [report(event_id, "view_profile", target, 4_000) for target in "bcd"]
    sent = [(api, view, None) for view in views for api in (0, 1, 0)]
    answers = world.run(world.send_all(sent))
    assert all(isinstance(answer, Outcome) for answer in answers)
    assert sorted(recorded(world, event_id), key=str) == [
        ("missions", MissionCompleted),
        *[("reports", AttendeeViewed)] * 3,
    ]
    world.run(world.settle())
    world.run(world.check(event_id, 0, []))
