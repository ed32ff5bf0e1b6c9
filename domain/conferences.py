"""The event people go to: its name, its zone, its days. (Called a conference in the code, where
an event is something that happened.)"""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from domain.aggregate import Aggregate, Command
from domain.errors import Invalid


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class ConferenceAnnounced(Struct, frozen=True):
    name: str
    timezone: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class ConferenceChanged(ConferenceAnnounced, frozen=True):
    pass


class Conference(Struct, frozen=True):
    announced: ConferenceAnnounced | None = None

    @property
    def exists(self) -> bool:
        return self.announced is not None


class AnnounceConference(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "conference"
    event_id: str
    name: str
    timezone: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id,)


def decide(command: AnnounceConference, state: Conference) -> tuple[ConferenceAnnounced, ...]:
    facts = (command.name, command.timezone, command.starts_at, command.ends_at)
    if command.starts_at and command.ends_at and command.ends_at < command.starts_at:
        raise Invalid("", ("$.ends_at", "is before starts_at"))
    if state.announced is None:
        return (ConferenceAnnounced(*facts),)
    if state.announced == ConferenceAnnounced(*facts):
        return ()
    return (ConferenceChanged(*facts),)


def evolve(state: Conference, event: ConferenceAnnounced, at: datetime) -> Conference:
    return Conference(
        ConferenceAnnounced(event.name, event.timezone, event.starts_at, event.ends_at)
    )


CONFERENCE = Aggregate(
    name="conference",
    initial=Conference(),
    events=(ConferenceAnnounced, ConferenceChanged),
    decide=decide,
    evolve=evolve,
)
