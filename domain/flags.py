"""Messages that their recipients have reported to the organizers of an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Protocol

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import NotFound, Refused
from domain.persistent_map import with_entry
from domain.personal import MEMBER, PERSONAL, Person

MOST = 200  # reports of one member at one event


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class MessageFlagged(Struct, frozen=True):
    """The reason is the reporter's, whose key seals it."""

    reporter_id: Annotated[str, MEMBER]
    message_id: str
    author_id: str
    reason: Annotated[str, PERSONAL]


class FlagsErased(Struct, frozen=True):
    """A reporter was forgotten: their reasons are gone, that they reported stays."""

    reporter_id: str
    message_ids: tuple[str, ...]


class Flags(Struct, frozen=True):
    """By reporter, the messages that they have reported; and of these, those whose reason is
    kept."""

    reported: Mapping[str, frozenset[str]] = {}
    with_reason: Mapping[str, frozenset[str]] = {}


class Arrived(Protocol):
    """The part that rules look at of the reporter's inbox."""

    @property
    def arrived(self) -> Mapping[str, str]:
        """By message, who wrote it."""
        ...


class FlagMessage(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "flags"
    event_id: str
    member_id: str
    message_id: str
    reason: str
    conference: Announced = GIVEN
    inbox: Arrived = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id,)

    def given(self) -> dict[str, StreamName]:
        return {
            "conference": stream("conference", self.event_id),
            "inbox": stream("inbox", self.event_id, self.member_id),
        }


def decide(command: FlagMessage, state: Flags) -> tuple[MessageFlagged, ...]:
    """A message is reported once, by whom it was sent to, also after they have blocked its
    author."""
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    author = command.inbox.arrived.get(command.message_id)
    if author is None:
        raise NotFound(f"There is no message {command.message_id} here.")
    reported = state.reported.get(command.member_id, frozenset())
    if command.message_id in reported:
        return ()
    if len(reported) >= MOST:
        raise Refused(f"{MOST} messages are reported already: speak to the organizers.")
    return (MessageFlagged(command.member_id, command.message_id, author, command.reason),)


def evolve(state: Flags, event: MessageFlagged | FlagsErased, at: datetime) -> Flags:
    who = event.reporter_id
    kept = state.with_reason.get(who, frozenset())
    match event:
        case MessageFlagged(message_id=message):
            reported = state.reported.get(who, frozenset()) | {message}
            return Flags(
                with_entry(state.reported, who, reported),
                with_entry(state.with_reason, who, kept | {message}),
            )
        case FlagsErased(message_ids=messages):
            return replace(
                state, with_reason=with_entry(state.with_reason, who, kept - {*messages})
            )


def erase(state: Flags, person: Person) -> tuple[FlagsErased, ...]:
    kept = state.with_reason.get(person)
    return (FlagsErased(person, tuple(sorted(kept))),) if kept else ()


FLAGS = Aggregate(
    name="flags",
    initial=Flags(),
    events=(MessageFlagged, FlagsErased),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
