"""The secret link by which a calendar program, which cannot sign in, reads a member's agenda."""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import NotFound
from domain.personal import Person


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class CalendarLinkOpened(Struct, frozen=True):
    """The log is read by many: it has only a digest of the secret."""

    digest: str


class CalendarLinkRevoked(Struct, frozen=True):
    pass


class CalendarLink(Struct, frozen=True):
    digest: str | None = None


class _OnLink(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "calendar_link"
    event_id: str
    member_id: str
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return {"conference": stream("conference", self.event_id)}


class OpenCalendarLink(_OnLink, frozen=True, kw_only=True):
    """Opens one where none is: by one that is open somebody's calendar reads, so it stays."""

    digest: str


class RevokeCalendarLink(_OnLink, frozen=True, kw_only=True):
    pass


OnLink = OpenCalendarLink | RevokeCalendarLink


def decide(
    command: OnLink, state: CalendarLink
) -> tuple[CalendarLinkOpened | CalendarLinkRevoked, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    match command:
        case OpenCalendarLink(digest=digest) if state.digest is None:
            return (CalendarLinkOpened(digest),)
        case RevokeCalendarLink() if state.digest is not None:
            return (CalendarLinkRevoked(),)
    return ()


def evolve(
    state: CalendarLink, event: CalendarLinkOpened | CalendarLinkRevoked, at: datetime
) -> CalendarLink:
    match event:
        case CalendarLinkOpened(digest=digest):
            return CalendarLink(digest)
        case CalendarLinkRevoked():
            return CalendarLink()


def erase(state: CalendarLink, person: Person) -> tuple[CalendarLinkRevoked, ...]:
    """Whoever has the link would go on to see what somebody has starred who is forgotten."""
    return (CalendarLinkRevoked(),) if state.digest is not None else ()


CALENDAR_LINK = Aggregate(
    name="calendar_link",
    initial=CalendarLink(),
    events=(CalendarLinkOpened, CalendarLinkRevoked),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
