"""Who is at a conference, as they describe themselves."""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct

from domain.aggregate import Aggregate, Command, Stream, Unknown, stream
from domain.errors import NotFound


class Profile(Struct, frozen=True):
    name: str
    headline: str = ""
    company: str = ""
    role: str = ""
    avatar_url: str = ""
    interests: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    focus_areas: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    seeks: tuple[str, ...] = ()
    visibility: Literal["listed", "hidden"] = "listed"
    on_leaderboard: bool = True


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class AttendeeRegistered(Struct, frozen=True):
    profile: Profile


class AttendeeProfileChanged(Struct, frozen=True):
    profile: Profile


class Attendee(Struct, frozen=True):
    profile: Profile | None = None

    @property
    def listed(self) -> bool:
        return self.profile is not None and self.profile.visibility == "listed"


class SaveProfile(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "attendee"
    event_id: str
    member_id: str
    profile: Profile
    conference: Unknown = Unknown()

    def key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, Stream]:
        return {"conference": stream("conference", self.event_id)}


def decide(
    command: SaveProfile, state: Attendee
) -> tuple[AttendeeRegistered | AttendeeProfileChanged, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    if state.profile is None:
        return (AttendeeRegistered(command.profile),)
    if state.profile == command.profile:
        return ()
    return (AttendeeProfileChanged(command.profile),)


def evolve(
    state: Attendee, event: AttendeeRegistered | AttendeeProfileChanged, at: datetime
) -> Attendee:
    return Attendee(event.profile)


ATTENDEE = Aggregate(
    name="attendee",
    initial=Attendee(),
    events=(AttendeeRegistered, AttendeeProfileChanged),
    decide=decide,
    evolve=evolve,
)
