"""Rows of messages: what was written, the threads that each member has, how the two are shown to
each other, reports, and the live feed.

Each row is folded from the streams of one member, or of one event, so those that an answer needs
can be folded by themselves. What people wrote is in one table; the others name it by its id.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.attendees import AttendeeErased, AttendeeProfileChanged, AttendeeRegistered, Profile
from domain.blocks import MemberBlocked, MemberUnblocked
from domain.flags import FlagsErased, MessageFlagged
from domain.inbox import MessageArrived, ThreadRead
from domain.messages import MessagesErased, ThreadMessageSent
from domain.personal import ERASED
from projections.engine.feed import Announcement, feed
from projections.read_model import Change, ReadModel, Table


class Message(Struct, frozen=True):
    """The member is its author; `low` and `high` are the two in whose thread it is."""

    event_id: str
    member_id: str
    message_id: str
    low: str
    high: str
    position: int
    at: datetime
    text: str
    erased: bool = False

    @property
    def other_id(self) -> str:
        return self.high if self.member_id == self.low else self.low


class Thread(Struct, frozen=True):
    """A thread as one of the two has it, and its last message."""

    event_id: str
    member_id: str
    other_id: str
    position: int
    message_id: str
    author_id: str
    at: datetime
    unread: int = 0


class Shown(Struct, frozen=True):
    """A member as others are shown them. One who was erased is not listed."""

    event_id: str
    member_id: str
    name: str
    headline: str = ""
    company: str = ""
    avatar_url: str = ""
    listed: bool = False
    erased: bool = False


class Blocked(Struct, frozen=True):
    event_id: str
    member_id: str
    blocked_id: str
    blocked: bool


class Flagged(Struct, frozen=True):
    """The member is the reporter."""

    event_id: str
    member_id: str
    message_id: str
    position: int
    at: datetime
    author_id: str
    reason: str


MESSAGES = Table("thread_messages", Message, keys=3)
THREADS = Table("threads", Thread, keys=3)
PEOPLE = Table("thread_people", Shown, keys=2, overwrites=True)
BLOCKS = Table("thread_blocks", Blocked, keys=3, overwrites=True)
FLAGS = Table("flagged_messages", Flagged, keys=3)


def project(recorded: Recorded) -> Iterator[Change]:
    match recorded.event:
        case ThreadMessageSent(message_id=message, to_member_id=to, text=text):
            yield _sent(recorded, message, to, text)
            yield _in_thread(recorded, to, message, recorded.member[1], unread=0)
        case MessageArrived(from_member_id=author, message_id=message):
            yield _in_thread(recorded, author, message, author, unread=1)
        case ThreadRead(with_member_id=other, left=left):
            key = (*recorded.member, other)
            yield Change(THREADS, key, lambda old: old and replace(old, unread=left))
        case MessagesErased(message_ids=messages):
            for message in messages:
                yield _change(MESSAGES, (*recorded.member, message), _without_words)
        case MessageFlagged(reporter_id=who, message_id=message, author_id=author, reason=reason):
            key = recorded.scope_id, who, message
            flagged = Flagged(*key, recorded.position, recorded.at, author, reason)
            yield Change(FLAGS, key, lambda old: flagged)
        case FlagsErased(reporter_id=who, message_ids=messages):
            for message in messages:
                yield _change(FLAGS, (recorded.scope_id, who, message), _without_reason)
        case AttendeeRegistered(profile=profile) | AttendeeProfileChanged(profile=profile):
            yield _shown(recorded, _profiled(recorded, profile))
        case AttendeeErased():
            yield _shown(recorded, Shown(*recorded.member, ERASED, erased=True))
        case MemberBlocked(blocked_member_id=other):
            yield _blocked(Blocked(*recorded.member, other, blocked=True))
        case MemberUnblocked(blocked_member_id=other):
            yield _blocked(Blocked(*recorded.member, other, blocked=False))


def _sent(recorded: Recorded, message_id: str, to: str, text: str) -> Change:
    key = (*recorded.member, message_id)
    low, high = sorted((recorded.member[1], to))
    row = Message(*key, low, high, recorded.position, recorded.at, text)
    return Change(MESSAGES, key, lambda old: row)


def _in_thread(recorded: Recorded, other: str, message_id: str, author: str, unread: int) -> Change:
    key = (*recorded.member, other)
    last = Thread(*key, recorded.position, message_id, author, recorded.at)

    def new(old: Thread | None) -> Thread:
        return replace(last, unread=(old.unread if old else 0) + unread)

    return Change(THREADS, key, new)


def _change(table: Table, key: tuple[str, ...], change: Callable[..., Struct]) -> Change:
    return Change(table, key, lambda old: old and change(old))


def _without_words(old: Message) -> Message:
    return replace(old, text=ERASED, erased=True)


def _without_reason(old: Flagged) -> Flagged:
    return replace(old, reason="")


def _profiled(recorded: Recorded, profile: Profile) -> Shown:
    return Shown(
        *recorded.member,
        profile.name,
        profile.headline,
        profile.company,
        profile.avatar_url,
        profile.visibility == "listed",
    )


def _shown(recorded: Recorded, row: Shown) -> Change:
    return Change(PEOPLE, recorded.member, lambda old: row)


def _blocked(row: Blocked) -> Change:
    return Change(BLOCKS, BLOCKS.key_of(row), lambda old: row)


# The live feed. Its messages are kept as they were said, also on the bus: so they say that
# something was written, and not what, which is its author's to have erased.
class MessageReceived(Struct, frozen=True, tag="MESSAGE_RECEIVED"):
    message_id: str
    from_member_id: str = field(name="from")
    to_member_id: str = field(name="to")
    at: datetime


class MessagesRead(Struct, frozen=True, tag="MESSAGES_READ"):
    with_member_id: str = field(name="with")
    message_id: str
    unread: int


def announce(recorded: Recorded) -> Iterator[Announcement]:
    """The recipient hears of a message, and each screen of the author; all screens of a reader hear
    that they have read it."""
    match recorded.event:
        case ThreadMessageSent(message_id=message, to_member_id=to):
            yield _told(recorded, MessageReceived(message, recorded.member[1], to, recorded.at))
        case MessageArrived(from_member_id=author, message_id=message):
            yield _told(recorded, MessageReceived(message, author, recorded.member[1], recorded.at))
        case ThreadRead(with_member_id=other, message_id=message, left=left):
            yield _told(recorded, MessagesRead(other, message, left))


def _told(recorded: Recorded, message: Struct) -> Announcement:
    return Announcement(recorded.member[1], lambda: message)


THREADS_OF_MEMBERS = ReadModel("threads", (MESSAGES, THREADS, PEOPLE, BLOCKS, FLAGS), project)
LIVE_MESSAGES = feed("live_messages", ("messages", "inbox"), announce, ())
