"""A model of the store in a dozen lines: a list, and the same pure functions."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Command, On, Recorded, StreamName, stream_of
from domain.attendees import Profile, SaveProfile
from domain.conferences import AnnounceConference
from domain.errors import Problem
from tests.harness.capabilities import capability, commands
from tests.harness.capability import START
from tests.harness.missions import publications
from tests.harness.values import EVENT, MEMBERS

LATE = timedelta(seconds=7)


class Play:
    def __init__(self) -> None:
        self.log: list[Recorded] = []
        self._states: dict[StreamName, tuple[int, Any]] = {}

    def send(self, command: Command) -> None:
        """Executes a command; a refused one leaves nothing."""
        with suppress(Problem):
            for name, event in placed(command, self._decide(command)):
                self.record(name, event)

    def would_record(self, command: Command) -> bool:
        with suppress(Problem):
            return bool(self._decide(command))
        return False

    def _decide(self, command: Command) -> tuple[Struct, ...]:
        own = stream_of(command)
        given = {field: self.state(name) for field, name in command.given().items()}
        decide = capability(own).aggregate.decide
        return decide(replace(command, **given), self.state(own))

    def record(self, name: StreamName, event: Struct) -> None:
        """Positions have gaps, as those in Postgres have. Every third event comes from a host
        whose clock is late."""
        late = LATE if len(self.log) % 3 == 2 else timedelta()
        at = START + timedelta(seconds=len(self.log)) - late
        version, state = self._version(name) + 1, self.state(name)
        self.log.append(
            Recorded(3 * len(self.log) + 1, name, version, event, at.astimezone(UTC), "m1", EVENT)
        )
        self._states[name] = version, capability(name).aggregate.evolve(state, event, at)

    def state(self, name: StreamName) -> Any:
        initial = capability(name).aggregate.initial
        return self._states.get(name, (0, initial))[1]

    def _version(self, name: StreamName) -> int:
        return self._states.get(name, (0, None))[0]


def placed(command: Command, events: Iterable[Struct]) -> Iterator[tuple[StreamName, Struct]]:
    """The events that were decided, each with its stream."""
    for event in events:
        yield (event.stream, event.event) if isinstance(event, On) else (stream_of(command), event)


def opening(event_id: str) -> SearchStrategy[list[Command]]:
    """An event with a catalogue, and attendees who are listed."""
    conference = AnnounceConference(event_id=event_id, name="A conference", timezone="UTC")
    profiles = [
        SaveProfile(event_id=event_id, member_id=member, profile=Profile(name=member))
        for member in MEMBERS
    ]
    return publications(event_id).map(lambda catalogue: [conference, *profiles, catalogue])


def many_commands(most: int) -> SearchStrategy[list[Command]]:
    """Lists of many commands: by itself Hypothesis draws about five, which reach little."""
    some = commands(EVENT)
    return st.lists(some, max_size=3) | st.lists(some, min_size=most // 2, max_size=most)


def stories(most: int = 25) -> SearchStrategy[list[Command]]:
    told = many_commands(most)
    return st.builds(lambda first, rest: first + rest, opening(EVENT), told)


def played(story: Iterable[Command]) -> Play:
    play = Play()
    for command in story:
        play.send(command)
    return play


def resumed(log: Iterable[Recorded]) -> Play:
    play = Play()
    for recorded in log:
        play.record(recorded.stream, recorded.event)
    return play


@st.composite
def any_logs(draw: Any) -> list[Recorded]:
    """Any events in any order, also such as never follow."""
    play = Play()
    for command in draw(many_commands(20)):
        name = stream_of(command)
        play.record(name, draw(capability(name).events))
    return play.log
