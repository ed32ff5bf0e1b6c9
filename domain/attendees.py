"""The people at a conference, as they describe themselves."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import NotFound
from domain.personal import ERASED, PERSONAL, Person, personal


class Profile(Struct, frozen=True):
    """One that was erased is hidden: nowhere shown, to nobody."""

    name: Annotated[str, personal(ERASED)]
    headline: Annotated[str, PERSONAL] = ""
    company: Annotated[str, PERSONAL] = ""
    role: Annotated[str, PERSONAL] = ""
    avatar_url: Annotated[str, PERSONAL] = ""
    interests: Annotated[tuple[str, ...], PERSONAL] = ()
    industries: Annotated[tuple[str, ...], PERSONAL] = ()
    focus_areas: Annotated[tuple[str, ...], PERSONAL] = ()
    goals: Annotated[tuple[str, ...], PERSONAL] = ()
    offers: Annotated[tuple[str, ...], PERSONAL] = ()
    seeks: Annotated[tuple[str, ...], PERSONAL] = ()
    visibility: Annotated[Literal["listed", "hidden"], personal("hidden")] = "listed"
    on_leaderboard: bool = True


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class AttendeeRegistered(Struct, frozen=True):
    profile: Profile


class AttendeeProfileChanged(Struct, frozen=True):
    profile: Profile


class AttendeeErased(Struct, frozen=True):
    """An attendee is forgotten, also in the events before. Should they register again, it is for
    the first time."""


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
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
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
    state: Attendee,
    event: AttendeeRegistered | AttendeeProfileChanged | AttendeeErased,
    at: datetime,
) -> Attendee:
    return Attendee() if isinstance(event, AttendeeErased) else Attendee(event.profile)


def erase(state: Attendee, person: Person) -> tuple[AttendeeErased, ...]:
    return (AttendeeErased(),) if state.profile else ()


ATTENDEE = Aggregate(
    name="attendee",
    initial=Attendee(),
    events=(AttendeeRegistered, AttendeeProfileChanged, AttendeeErased),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
