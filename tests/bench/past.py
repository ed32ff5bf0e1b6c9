"""A log as members make it: they start, complete and reset missions, and look at each other."""

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from msgspec.structs import replace

from domain.aggregate import Command, On, Recorded, stream_of
from domain.attendees import Profile, SaveProfile
from domain.capabilities import AGGREGATES, RENAMED
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.missions import CompleteMission, ResetMission, StartMission
from domain.reports import RecordTelemetry
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
        own = stream_of(command)
        given = {field: _now(streams, of)[1] for field, of in command.given().items()}
        decide = BY_NAME[command.aggregate].decide
        for decided in decide(replace(command, **given), _now(streams, own)[1]):
            name, event = (
                (decided.stream, decided.event) if isinstance(decided, On) else (own, decided)
            )
            version, state = _now(streams, name)
            streams[name] = version + 1, BY_NAME[name.partition(":")[0]].evolve(state, event, at)
            yield Recorded(0, name, version + 1, event, at, own, EVENT)


def _now(streams: Mapping[str, tuple[int, Any]], name: str) -> tuple[int, Any]:
    """A stream's version and state."""
    return streams.get(name, (0, BY_NAME[name.partition(":")[0]].initial))


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
