"""Messages that members write to each other, in the stream of their author: so the author's key
seals them. The recipient's inbox says that they arrived. See inbox.py."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, ClassVar, Protocol

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, On, StreamName, stream
from domain.errors import Refused, TooMany
from domain.inbox import MessageArrived
from domain.persistent_map import with_entry
from domain.personal import ERASED, Person, personal
from domain.visibility import Seen, TowardsMember, given

HOUR = timedelta(hours=1)
AN_HOUR = 60  # messages of one author at one event
UNANSWERED = 20  # of these to people who have never written to the author
MOST = 5_000  # messages of one author at one event
TWICE = timedelta(minutes=1)  # within which the same words to the same person are one message


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class ThreadMessageSent(Struct, frozen=True):
    message_id: str
    to_member_id: str
    text: Annotated[str, personal(ERASED)]


class MessagesErased(Struct, frozen=True):
    """The author of these was forgotten. Who got them keeps the thread, without the words."""

    to_member_id: str
    message_ids: tuple[str, ...]


class Sent(Struct, frozen=True):
    message_id: str
    to_member_id: str
    words: bytes
    at: datetime


class Messages(Struct, frozen=True):
    """By message, whom it was sent to, without those that were erased; and the last ones, with a
    digest of their words."""

    sent: Mapping[str, str] = {}
    last: tuple[Sent, ...] = ()

    def same(self, command: "SendMessage") -> Sent | None:
        """The message that this command has sent, or says once more."""
        for sent in reversed(self.last):
            if sent.message_id == command.message_id or (
                not command.is_meant
                and sent.to_member_id == command.target_member_id
                and command.at - sent.at < TWICE
                and sent.words == digest(command.text)
            ):
                return sent
        return None


class Heard(Protocol):
    """The part that rules look at of the author's inbox."""

    def has_heard_from(self, member_id: str) -> bool: ...


class SendMessage(TowardsMember, frozen=True, kw_only=True):
    """`is_meant`: the author says by a key which of their messages are one, so the same words once
    more are another."""

    aggregate: ClassVar[str] = "messages"
    message_id: str
    text: str
    at: datetime
    is_meant: bool = False
    author: Seen = GIVEN
    inbox: Heard = GIVEN

    def given(self) -> dict[str, StreamName]:
        return {
            **given(self.event_id, self.member_id, self.target_member_id),
            "author": stream("attendee", self.event_id, self.member_id),
            "inbox": stream("inbox", self.event_id, self.member_id),
        }


def decide(command: SendMessage, state: Messages) -> tuple[On | ThreadMessageSent, ...]:
    """Raises TooMany with the seconds after which the next message may be sent."""
    command.check_seen()
    if command.message_id in state.sent or state.same(command):
        return ()
    if not command.author.listed:
        raise Refused(
            "Only who is listed among the attendees can write to them, or nobody could answer: "
            "save a profile that is listed first."
        )
    if len(state.sent) >= MOST:
        raise Refused(f"These are {MOST:,} messages already, and no more can be sent here.")
    _check_pace(command, state)
    to = command.target_member_id
    arrived = MessageArrived(command.member_id, command.message_id)
    # One's own comes last: a repeated command stands on it, and so is told the same position.
    return (
        On(stream("inbox", command.event_id, to), arrived),
        ThreadMessageSent(command.message_id, to, command.text),
    )


def _check_pace(command: SendMessage, state: Messages) -> None:
    sent = [one for one in state.last if command.at - one.at < HOUR]
    _check(command, sent, AN_HOUR, "")
    if not command.inbox.has_heard_from(command.target_member_id):
        unanswered = [one for one in sent if not command.inbox.has_heard_from(one.to_member_id)]
        _check(command, unanswered, UNANSWERED, " to people who have not answered yet")


def _check(command: SendMessage, sent: list[Sent], most: int, to_whom: str) -> None:
    if len(sent) >= most:
        wait = sent[-most].at + HOUR - command.at
        raise TooMany(
            f"{most} messages an hour{to_whom} are the most: wait a while.", wait.total_seconds()
        )


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()[:16]


def evolve(state: Messages, event: ThreadMessageSent | MessagesErased, at: datetime) -> Messages:
    match event:
        case ThreadMessageSent(message_id=message, to_member_id=to, text=text):
            last = (*state.last, Sent(message, to, digest(text), at))[-AN_HOUR:]
            return Messages(with_entry(state.sent, message, to), last)
        case MessagesErased(message_ids=messages):
            gone = set(messages)
            left = {message: to for message, to in state.sent.items() if message not in gone}
            return Messages(left, tuple(one for one in state.last if one.message_id not in gone))


def erase(state: Messages, person: Person) -> tuple[MessagesErased, ...]:
    return tuple(_erased(state))


def _erased(state: Messages) -> Iterator[MessagesErased]:
    by_recipient: dict[str, list[str]] = {}
    for message, to in state.sent.items():
        by_recipient.setdefault(to, []).append(message)
    for to, messages in by_recipient.items():
        yield MessagesErased(to, tuple(messages))


MESSAGES = Aggregate(
    name="messages",
    initial=Messages(),
    events=(ThreadMessageSent, MessagesErased),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
