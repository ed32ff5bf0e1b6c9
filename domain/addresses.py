"""E-mail addresses of attendees, sealed with a key of theirs and never shown to members; and what
one row of an imported list says of a person, which is recorded as one decision."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from domain import attendees
from domain.aggregate import GIVEN, Aggregate, Announced, Command, On, StreamName, stream
from domain.attendees import Attendee, Profile, SaveProfile
from domain.errors import NotFound, Refused
from domain.personal import PERSONAL, Person

NAMELESS = "has no name, and is not known yet: give the name too"
FORGOTTEN = (
    "was erased here, as people may ask for: leave the row out. Who comes again is registered by "
    "hand, and from then on by imports too"
)


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class AddressSaved(Struct, frozen=True):
    email: Annotated[str, PERSONAL]


class AddressErased(Struct, frozen=True):
    pass


class Address(Struct, frozen=True):
    email: str | None = None
    erased: bool = False


class Said(Struct, frozen=True):
    """A row's say on a person's profile. None: nothing, so what is known stays."""

    name: str | None = None
    headline: str | None = None
    company: str | None = None
    role: str | None = None
    avatar_url: str | None = None
    interests: tuple[str, ...] | None = None
    industries: tuple[str, ...] | None = None
    focus_areas: tuple[str, ...] | None = None
    goals: tuple[str, ...] | None = None
    offers: tuple[str, ...] | None = None
    seeks: tuple[str, ...] | None = None
    visibility: Any = None  # as in Profile
    on_leaderboard: bool | None = None

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class ImportAttendee(Command, frozen=True, kw_only=True):
    """The profile is changed only in what the row says, as of the moment of the decision: what the
    person changes of it meanwhile stays."""

    aggregate: ClassVar[str] = "addresses"
    event_id: str
    member_id: str
    email: str | None = None
    said: Said = Said()
    attendee: Attendee = GIVEN
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return {
            "attendee": stream("attendee", self.event_id, self.member_id),
            "conference": stream("conference", self.event_id),
        }


def decide(command: ImportAttendee, state: Address) -> tuple[AddressSaved | On, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    known, said = command.attendee.profile, command.said.values()
    if known is None and state.erased:
        raise Refused(FORGOTTEN)
    if known is None and not said.get("name"):
        raise Refused(NAMELESS)
    save = SaveProfile(
        event_id=command.event_id,
        member_id=command.member_id,
        profile=replace(known, **said) if known else Profile(**said),
        conference=command.conference,
    )
    theirs = command.given()["attendee"]
    changes = tuple(On(theirs, event) for event in attendees.decide(save, command.attendee))
    if command.email is None or command.email == state.email:
        return changes
    return (AddressSaved(command.email), *changes)


def evolve(state: Address, event: AddressSaved | AddressErased, at: datetime) -> Address:
    match event:
        case AddressSaved(email=email):
            return Address(email, state.erased)
        case AddressErased():
            return Address(erased=True)


def erase(state: Address, person: Person) -> tuple[AddressErased, ...]:
    return (AddressErased(),) if state.email is not None else ()


ADDRESSES = Aggregate(
    name="addresses",
    initial=Address(),
    events=(AddressSaved, AddressErased),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
