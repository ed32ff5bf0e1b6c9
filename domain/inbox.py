"""The messages that have arrived for each member, and how far they have read them."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import NotFound
from domain.persistent_map import with_entry


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class MessageArrived(Struct, frozen=True):
    """Recorded together with the author's ThreadMessageSent, which has the text."""

    from_member_id: str
    message_id: str


class ThreadRead(Struct, frozen=True):
    """Everything up to this message is read; so many that arrived after it are `left`."""

    with_member_id: str
    message_id: str
    left: int


class Inbox(Struct, frozen=True):
    """By message, who wrote it; and by author, in order, those that are not read yet: none, where
    all of theirs are."""

    arrived: Mapping[str, str] = {}
    unread: Mapping[str, tuple[str, ...]] = {}

    def has_heard_from(self, member_id: str) -> bool:
        return member_id in self.unread


class ReadThread(Command, frozen=True, kw_only=True):
    """`until` is the last message that was seen; None: all that has arrived. What was read or never
    arrived changes nothing, so no answer tells who is there."""

    aggregate: ClassVar[str] = "inbox"
    event_id: str
    member_id: str
    with_member_id: str
    until: str | None = None
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return {"conference": stream("conference", self.event_id)}


def decide(command: ReadThread, state: Inbox) -> tuple[ThreadRead, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    unread = state.unread.get(command.with_member_id, ())
    until = command.until or (unread[-1] if unread else "")
    if until not in unread:
        return ()
    left = len(unread) - unread.index(until) - 1
    return (ThreadRead(command.with_member_id, until, left),)


def evolve(state: Inbox, event: MessageArrived | ThreadRead, at: datetime) -> Inbox:
    match event:
        case MessageArrived(from_member_id=author, message_id=message):
            unread = (*state.unread.get(author, ()), message)
            return Inbox(
                with_entry(state.arrived, message, author), with_entry(state.unread, author, unread)
            )
        case ThreadRead(with_member_id=author, left=left):
            unread = state.unread.get(author, ())
            kept = unread[max(0, len(unread) - left) :]
            return replace(state, unread=with_entry(state.unread, author, kept))


INBOX = Aggregate(
    name="inbox",
    initial=Inbox(),
    events=(MessageArrived, ThreadRead),
    decide=decide,
    evolve=evolve,
)
