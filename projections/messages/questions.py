"""Questions about messages: a member's threads, one thread, how others are shown there, and what
was reported.

Which threads a member has is in their own streams; who the others are, and what they wrote, is in
theirs. So a page of threads is asked first, and then who and what is on it.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Generic, TypeVar

from msgspec import Struct

from domain.aggregate import StreamName, stream
from domain.visibility import sees
from projections.messages.rows import (
    BLOCKS,
    FLAGS,
    MESSAGES,
    PEOPLE,
    THREADS,
    THREADS_OF_MEMBERS,
    Flagged,
    Message,
    Shown,
    Thread,
)
from projections.question import Ask, Found, MemberAsk, Own, chosen

LATEST = 10**18  # before this position is everything
Row = TypeVar("Row", Message, Thread, Flagged)

COUNTED = 100  # threads with something unread that are looked at, the latest ones
EXCERPT = 140  # characters


class Page(Struct, Generic[Row], frozen=True):
    """Some rows, the latest first, and the position before which there are more."""

    rows: Sequence[Row]
    before: int | None


def page(rows: Iterable[Row], before: int, limit: int) -> Page[Row]:
    found = sorted(rows, key=attrgetter("position"), reverse=True)
    earlier = [row for row in found if row.position < before]
    shown = earlier[:limit]
    return Page(shown, shown[-1].position if len(earlier) > limit else None)


# Threads
class ThreadsAsk(MemberAsk, frozen=True):
    limit: int
    before: int = LATEST
    counted: int = COUNTED


class OwnThreads(Struct, frozen=True):
    """A page of threads, and the latest of those with something unread."""

    page: Page[Thread]
    unread: Sequence[Thread]


def _threads(ask: ThreadsAsk, found: Found) -> OwnThreads:
    rows = sorted(found[THREADS], key=attrgetter("position"), reverse=True)
    unread = [row for row in rows if row.unread][: ask.counted]
    return OwnThreads(page(rows, ask.before, ask.limit), unread)


def own_streams(ask: MemberAsk) -> tuple[StreamName, ...]:
    return stream("messages", *_key(ask)), stream("inbox", *_key(ask))


def _key(ask: MemberAsk) -> tuple[str, str]:
    return ask.event_id, ask.member_id


OWN_THREADS = Own(
    "threads",
    THREADS_OF_MEMBERS,
    ThreadsAsk,
    streams=own_streams,
    rows=(chosen(THREADS, "messages", "threads"),),
    answer=_threads,
    bound=2 * COUNTED + 1,
    together=16,
)


# The others
class OthersAsk(MemberAsk, frozen=True):
    """`others` are ids, with commas between."""

    others: str

    @property
    def ids(self) -> list[str]:
        return [id_ for id_ in self.others.split(",") if id_]


class Other(Struct, frozen=True):
    """One of the two as the asker may see them now. `shown`: whether they see each other; where
    not, nothing is to be told of them, unless they were `erased` and have left messages."""

    member_id: str
    name: str = ""
    headline: str = ""
    company: str = ""
    avatar_url: str = ""
    erased: bool = False
    shown: bool = False


def _others(ask: OthersAsk, found: Found) -> dict[str, Other]:
    people = {row.member_id: row for row in found[PEOPLE]}
    blocks = {(row.member_id, row.blocked_id) for row in found[BLOCKS] if row.blocked}
    me = people.get(ask.member_id)
    return {id_: _other(id_, me, people.get(id_), _apart(ask, id_, blocks)) for id_ in ask.ids}


def _apart(ask: OthersAsk, other: str, blocks: set[tuple[str, str]]) -> bool:
    return (ask.member_id, other) in blocks or (other, ask.member_id) in blocks


def _other(id_: str, me: Shown | None, them: Shown | None, blocked: bool) -> Other:
    """A thread is between two of whom each sees the other."""
    if id_ == (me.member_id if me else "") or them is None:
        return Other(id_)
    if them.erased:
        return Other(id_, them.name, erased=not blocked)
    if not sees(them.listed, blocked) or not (me and sees(me.listed, blocked)):
        return Other(id_)
    return Other(id_, them.name, them.headline, them.company, them.avatar_url, shown=True)


def others_streams(ask: OthersAsk) -> tuple[StreamName, ...]:
    people = (ask.member_id, *ask.ids)
    each = (
        (stream("attendee", ask.event_id, id_), stream("blocks", ask.event_id, id_))
        for id_ in people
    )
    return tuple(dict.fromkeys(name for names in each for name in names))


OTHERS = Own(
    "thread_people",
    THREADS_OF_MEMBERS,
    OthersAsk,
    streams=others_streams,
    rows=(chosen(PEOPLE, "messages", "people"), chosen(BLOCKS, "messages", "blocks")),
    answer=_others,
    bound=3 * 2 * COUNTED + 1,
    together=16,
)


# Texts
class TextsAsk(Ask, frozen=True):
    """`authors` and `messages` are ids in the same order, with commas between."""

    authors: str
    messages: str

    @property
    def keys(self) -> set[tuple[str, str]]:
        return {*zip(self.authors.split(","), self.messages.split(","), strict=True)}


def _texts(ask: TextsAsk, found: Found) -> dict[str, Message]:
    wanted = ask.keys
    return {m.message_id: m for m in found[MESSAGES] if (m.member_id, m.message_id) in wanted}


def texts_streams(ask: TextsAsk) -> tuple[StreamName, ...]:
    authors = dict.fromkeys(author for author, _ in sorted(ask.keys) if author)
    return tuple(stream("messages", ask.event_id, author) for author in authors)


TEXTS = Own(
    "thread_texts",
    THREADS_OF_MEMBERS,
    TextsAsk,
    streams=texts_streams,
    rows=(chosen(MESSAGES, "messages", "texts"),),
    answer=_texts,
    bound=2 * COUNTED,
    together=16,
)


def excerpt(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1].rstrip() + "…"


# One thread
class ThreadAsk(OthersAsk, frozen=True):
    """With one other."""

    limit: int
    before: int = LATEST


class OneThread(Struct, frozen=True):
    """`has_messages`: of whatever page."""

    other: Other
    page: Page[Message]
    unread: int
    has_messages: bool


def _thread(ask: ThreadAsk, found: Found) -> OneThread:
    of_both = [row for row in found[MESSAGES] if {row.low, row.high} == {ask.member_id, ask.others}]
    own = next((row for row in found[THREADS] if _is_own(ask, row)), None)
    other = _others(ask, found)[ask.others]
    shown = page(of_both, ask.before, ask.limit)
    return OneThread(other, shown, own.unread if own else 0, own is not None)


def _is_own(ask: ThreadAsk, row: Thread) -> bool:
    return (row.member_id, row.other_id) == (ask.member_id, ask.others)


def thread_streams(ask: ThreadAsk) -> tuple[StreamName, ...]:
    theirs = stream("messages", ask.event_id, ask.others)
    return tuple(dict.fromkeys((*own_streams(ask), theirs, *others_streams(ask))))


THREAD = Own(
    "thread",
    THREADS_OF_MEMBERS,
    ThreadAsk,
    streams=thread_streams,
    rows=(
        chosen(MESSAGES, "messages", "thread"),
        chosen(THREADS, "messages", "unread"),
        chosen(PEOPLE, "messages", "people"),
        chosen(BLOCKS, "messages", "blocks"),
    ),
    answer=_thread,
    bound=110,
    together=16,
)


# Reports
class FlaggedAsk(Ask, frozen=True):
    limit: int
    before: int = LATEST


FLAGGED = Own(
    "flagged_messages",
    THREADS_OF_MEMBERS,
    FlaggedAsk,
    streams=lambda ask: (stream("flags", ask.event_id),),
    rows=(chosen(FLAGS, "messages", "flagged"),),
    answer=lambda ask, found: page(found[FLAGS], ask.before, ask.limit),
    bound=101,
)
