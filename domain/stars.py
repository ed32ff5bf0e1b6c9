"""The sessions that each member has starred: their personal agenda."""

from datetime import datetime
from typing import ClassVar, Protocol

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import NotFound, Refused

MOST = 1_000  # stars of a member at one event


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class SessionStarred(Struct, frozen=True):
    item_id: str


class SessionUnstarred(Struct, frozen=True):
    item_id: str


class Stars(Struct, frozen=True):
    items: frozenset[str] = frozenset()


class Session(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def status(self) -> str: ...


class Programme(Protocol):
    """The part that rules look at of the agenda of an event."""

    def item(self, item_id: str) -> Session:
        """Raises NotFound."""
        ...


class _OnStar(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "stars"
    event_id: str
    member_id: str
    item_id: str
    conference: Announced = GIVEN
    agenda: Programme = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return {
            "conference": stream("conference", self.event_id),
            "agenda": stream("agenda", self.event_id),
        }


class StarSession(_OnStar, frozen=True, kw_only=True):
    pass


class UnstarSession(_OnStar, frozen=True, kw_only=True):
    pass


OnStar = StarSession | UnstarSession


def decide(command: OnStar, state: Stars) -> tuple[SessionStarred | SessionUnstarred, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    item = command.agenda.item(command.item_id)
    starred = item.id in state.items
    match command:
        case StarSession() if not starred:
            if item.status == "cancelled":
                raise Refused(f"{item.id} is cancelled.")
            if len(state.items) >= MOST:
                raise Refused(
                    f"These are {MOST:,} stars already, and no more are kept: remove one."
                )
            return (SessionStarred(item.id),)
        case UnstarSession() if starred:
            return (SessionUnstarred(item.id),)
    return ()


def evolve(state: Stars, event: SessionStarred | SessionUnstarred, at: datetime) -> Stars:
    match event:
        case SessionStarred(item_id=item_id):
            return Stars(state.items | {item_id})
        case SessionUnstarred(item_id=item_id):
            return Stars(state.items - {item_id})


STARS = Aggregate(
    name="stars",
    initial=Stars(),
    events=(SessionStarred, SessionUnstarred),
    decide=decide,
    evolve=evolve,
)
