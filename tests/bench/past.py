"""A log as members make it: they start, complete and reset missions, and look at each other."""

import itertools
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from msgspec.structs import replace

from domain.aggregate import Command, Recorded, stream
from domain.attendees import Profile, SaveProfile
from domain.capabilities import AGGREGATES, RENAMED
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.missions import CompleteMission, RecordTelemetry, ResetMission, StartMission
from domain.store.envelope import EnvelopeMapper

EVENT = "evt_1"
BEGIN = datetime(2026, 1, 1, 9, tzinfo=UTC)
BY_NAME = {aggregate.name: aggregate for aggregate in AGGREGATES}
COPY = "COPY events.log (originator_id, originator_version, topic, state) FROM STDIN"


def fill(database_url: str, members: int, missions: int, events: int, first: int = 0) -> None:
    """`first`: so many of them are there already."""
    write(database_url, itertools.islice(past(_commands(members, missions)), first, events))


def write(database_url: str, log: Iterable[Recorded]) -> None:
    """Writes events by COPY, which is faster than recording them."""
    mapper = EnvelopeMapper(AGGREGATES, RENAMED)
    with psycopg.connect(database_url) as connection, connection.cursor().copy(COPY) as copy:
        for recorded in log:
            e = mapper.to_stored_event(recorded)
            copy.write_row((e.originator_id, e.originator_version, e.topic, e.state))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE events.log")


def past(commands: Iterable[Command]) -> Iterator[Recorded]:
    """The events that follow from these commands, one command a second."""
    streams: dict[str, tuple[int, Any]] = {}
    for second, command in enumerate(commands):
        at = BEGIN + timedelta(seconds=second)
        name = stream(command.aggregate, *command.stream_key())
        aggregate = BY_NAME[command.aggregate]
        version, state = streams.get(name, (0, aggregate.initial))
        given = {
            field: streams.get(of, (0, BY_NAME[of.partition(":")[0]].initial))[1]
            for field, of in command.given().items()
        }
        for event in aggregate.decide(replace(command, **given), state):
            version, state = version + 1, aggregate.evolve(state, event, at)
            yield Recorded(0, name, version, event, at, name, EVENT)
        streams[name] = (version, state)


def _commands(members: int, missions: int) -> Iterator[Command]:
    """Four in five are about missions, the rest about other members."""
    chance = random.Random(2026)  # noqa: S311 - the same past each time, and no secret
    names = [f"usr_{i}" for i in range(members)]
    boards = [f"mission_{i}" for i in range(missions - 1)] + ["meet_attendees"]
    catalogue = tuple(Mission(name, name, "", 10, "") for name in boards)
    yield AnnounceConference(event_id=EVENT, name=EVENT, timezone="UTC")
    yield PublishCatalogue(event_id=EVENT, missions=catalogue)
    for name in names:
        yield SaveProfile(event_id=EVENT, member_id=name, profile=Profile(name))
    for second in itertools.count():
        about = {"event_id": EVENT, "member_id": chance.choice(names)}
        if chance.random() < 0.2:
            other = chance.choice([n for n in names[:50] if n != about["member_id"]])
            at = BEGIN + timedelta(seconds=second)
            yield RecordTelemetry(
                **about, action="view_profile", target_member_id=other, ts=at, dwell_ms=1_000
            )
        else:
            command = chance.choice((StartMission, CompleteMission, CompleteMission, ResetMission))
            yield command(**about, mission_id=chance.choice(boards))
