"""Live feeds: the messages that members get about events, a read model for each capability.

A capability announces: to whom, what, and the rows that this is a function of. Here that becomes
rows of `views.<name>`, one for each member and event, so what was said can be said again, to the
byte. Since each capability has tables, position and lead of its own, a new kind of message renews
that capability's feed and nobody else's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
from msgspec import Raw, Struct, field
from psycopg import sql

from domain.aggregate import Recorded
from projections.read_model import Change, FanOut, ReadModel, RowKey, RowOf, Table
from sql import VIEWS, statements

SQL = statements("engine")

RETENTION = timedelta(days=30)  # for which a feed can be resumed


class Message(Struct, frozen=True):
    """A row of a feed. `type` and `data` are what the SSE message says, `position` is its id."""

    scope_id: str = field(name="event_id")
    member_id: str
    position: int
    type: str
    data: Raw


class Announcement(Struct, frozen=True):
    """A message to members of the event's own scope. `to` is one member's id, or a function that
    gives the ids of many. `message` gives its content, or None for no message. Both are pure
    functions of the rows in `reads`, in that order; a row that is not there is None."""

    to: str | Callable[..., Iterable[str]]
    message: Callable[..., Struct | None]
    reads: tuple[RowOf, ...] = ()


class Feed(ReadModel, frozen=True):
    """`aggregates`: the names of those whose events it announces; the rest it passes over. No two
    feeds share one, so an event is on one feed at most.

    `retention`: rows of events older than this are deleted by upkeep, up to a position that is
    kept in `views.expired` (the last event of at least that age). A rebuild makes and compares
    only what comes after that position, so it never differs for what has expired meanwhile.

    `about`: the field of its messages that names what each is about, so that the last message to a
    member about it says how that is; none where the last of all does."""

    aggregates: frozenset[str] = frozenset()
    retention: timedelta = RETENTION
    about: str | None = None

    @property
    def messages(self) -> Table:
        return self.tables[0]

    def subject(self, message: Message) -> object:
        return msgspec.json.decode(message.data)[self.about] if self.about else None


Announce = Callable[[Recorded], Iterable[Change | FanOut | Announcement]]


def feed(
    name: str,
    aggregates: Iterable[str],
    announce: Announce,
    tables: tuple[Table, ...],
    version: int = 1,
    about: str | None = None,
) -> Feed:
    """`announce` gives announcements, and changes of `tables`: what these are functions of."""
    messages = Table(name, Message, keys=3, overwrites=True)
    announced = frozenset(aggregates)

    def project(recorded: Recorded) -> Iterable[Change | FanOut]:
        if recorded.stream.partition(":")[0] not in announced:
            return ()
        return [
            _put(messages, recorded, one) if isinstance(one, Announcement) else one
            for one in announce(recorded)
        ]

    return Feed(name, (messages, *tables), project, version, announced, about=about)


def _put(messages: Table, recorded: Recorded, said: Announcement) -> Change | FanOut:
    scope_id, position, to = recorded.scope_id, recorded.position, said.to

    def row(member_id: str, message: Struct) -> Message:
        return Message(scope_id, member_id, position, *_encoded(message))

    if isinstance(to, str):

        def one(old: None, *rows: Any) -> Message | None:
            message = said.message(*rows)
            return None if message is None else row(to, message)

        return Change(messages, (scope_id, to, position), one, said.reads)

    def many(*rows: Any) -> Iterator[tuple[RowKey, Message]]:
        message = said.message(*rows)
        if message is not None:
            type_, data = _encoded(message)
            for member_id in to(*rows):
                key = scope_id, member_id, position
                yield key, Message(*key, type_, data)

    def size(*rows: Any) -> int:
        return sum(1 for _ in to(*rows))

    return FanOut(messages, many, said.reads, size, position)


def _encoded(message: Struct) -> tuple[str, Raw]:
    return str(message.__struct_config__.tag), Raw(msgspec.json.encode(message))


# Statements, worded like those of tables.py
def since_statement(feeds: Sequence[Feed]) -> bytes:
    """Takes `names` of the feeds, `asks` (JSON: objects of `n`, `scope_id`, `member_id`, `after`, a
    position for each feed in their order, and `belated`, a number) and `most`, messages for each
    ask; gives rows of n, how far each feed has come (a list of positions), the last such number, a
    feed's place, position, type, data, and number if it has one. One row, with nulls from the place
    on, for an ask to whom nothing was said."""
    each = [
        sql.SQL(SQL["since_of_one"]).format(
            place=sql.Literal(place), table=_table(feed), name=sql.Literal(feed.name)
        )
        for place, feed in enumerate(feeds)
    ]
    return sql.SQL(SQL["since"]).format(feeds=sql.SQL(" UNION ALL ").join(each)).as_bytes(None)


@cache
def statement(name: str, feed: Feed, schema: str = VIEWS) -> bytes:
    """`said_at`, `told`, `belated`, `otherwise`, `untell`, `aged` or `expire` of
    `sql/engine.sql`."""
    return sql.SQL(SQL[name]).format(table=_table(feed, schema)).as_bytes(None)


def _table(feed: Feed, schema: str = VIEWS) -> sql.Identifier:
    return sql.Identifier(schema, feed.messages.name)
