"""An event's list of attendees, as it is imported: the salt that ids of people are made with, and
which imports have begun and not ended.

An import that was killed is gone on with by whoever sends the same file again, so it must be known
by its content while it is open. Once it has ended, the same file is a new import, which changes
what has been changed since."""

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import NotFound
from domain.personal import PERSONAL, Person

OPEN = 100  # imports that have begun and not ended, at most: the oldest is forgotten
# Whose key seals the salt: nobody's, as no id of a member has this character.
NOBODY = "~"


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class RosterOpened(Struct, frozen=True):
    """The salt is sealed, so whoever has a copy of the log can try no addresses on the ids."""

    salt: Annotated[str, PERSONAL]


class AttendeeImportBegun(Struct, frozen=True):
    """`digest` is keyed with the salt; `after` is the end of the log before."""

    import_id: str
    digest: str
    after: int


class AttendeeImportEnded(Struct, frozen=True):
    """Numbers of rows; of people where it says what was done."""

    import_id: str
    rows: int
    accepted: int
    added: int
    changed: int
    unchanged: int


class Roster(Struct, frozen=True):
    salt: str = ""
    imports: tuple[AttendeeImportBegun, ...] = ()

    def open(self, digest: str) -> AttendeeImportBegun | None:
        return next((one for one in self.imports if one.digest == digest), None)


class _OnRoster(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "roster"
    event_id: str
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, NOBODY)

    def given(self) -> dict[str, StreamName]:
        return {"conference": stream("conference", self.event_id)}


class OpenRoster(_OnRoster, frozen=True, kw_only=True):
    """The first salt stays: by another, everybody would be somebody else."""

    salt: str


class BeginAttendeeImport(_OnRoster, frozen=True, kw_only=True):
    """Goes on with the import of this digest where one is open."""

    import_id: str
    digest: str
    after: int


class EndAttendeeImport(_OnRoster, frozen=True, kw_only=True):
    ended: AttendeeImportEnded


OnRoster = OpenRoster | BeginAttendeeImport | EndAttendeeImport
OfRoster = RosterOpened | AttendeeImportBegun | AttendeeImportEnded


def roster(event_id: str) -> StreamName:
    return stream("roster", event_id, NOBODY)


def decide(command: OnRoster, state: Roster) -> tuple[OfRoster, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    match command:
        case OpenRoster(salt=salt) if not state.salt:
            return (RosterOpened(salt),)
        case BeginAttendeeImport(digest=digest) if not state.open(digest):
            return (AttendeeImportBegun(command.import_id, digest, command.after),)
        case EndAttendeeImport(ended=ended):
            is_open = any(one.import_id == ended.import_id for one in state.imports)
            return (ended,) if is_open else ()
    return ()


def evolve(state: Roster, event: OfRoster, at: datetime) -> Roster:
    match event:
        case RosterOpened(salt=salt):
            return replace(state, salt=salt)
        case AttendeeImportBegun():
            return replace(state, imports=(*state.imports, event)[-OPEN:])
        case AttendeeImportEnded(import_id=ended):
            left = tuple(one for one in state.imports if one.import_id != ended)
            return replace(state, imports=left)


def erase(state: Roster, person: Person) -> tuple[OfRoster, ...]:
    """Nothing here is anybody's."""
    return ()


ROSTER = Aggregate(
    name="roster",
    initial=Roster(),
    events=(RosterOpened, AttendeeImportBegun, AttendeeImportEnded),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
