"""Makes messages of a feed again that stand on another stream, once that stream is replayed.

While a catalogue is parked, say, what members hear of their points goes on, with the totals of the
catalogue before. Other rows are right once the events that waited are applied; such a message was
made for good. So a replay folds the scope from the log, as a rebuild does, and writes the messages
since then anew. Open screens have heard the old ones: where the last that a member heard of
something says another thing now, they are told that.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from domain.aggregate import Recorded
from domain.store.envelope import Newer, NewerEventError
from projections.engine import event_log, tables
from projections.engine.event_log import SQL, Connection
from projections.engine.feed import Feed, Message, statement
from projections.engine.parking import Parking
from projections.read_model import Change, ReadModel, RowOf, folded
from sql import statements

log = logging.getLogger(__name__)

EXPIRED = statements("feeds")["expired"]
TOLD = 20_000  # messages of a scope that open screens are told so, at most
MOST = (
    200_000  # events of a scope that are folded: seconds, in which the projector does nothing else
)


async def tell_again(
    connection: Connection,
    model: ReadModel,
    replayed: Sequence[Recorded],
    until: int,
    parking: Parking,
    schema: str,
) -> list[Message]:
    """In the transaction that has applied the replayed events, up to the read model's position.
    Gives the messages by which somebody hears now what they were last told otherwise, or not at
    all; without those of the replayed events. Raises NewerEventError where only a newer version can
    tell."""
    corrected: list[Message] = []
    if not isinstance(model, Feed):
        return corrected  # only messages stand on other streams' rows
    for scope_id in sorted({recorded.scope_id for recorded in replayed}):
        of_scope = [recorded for recorded in replayed if recorded.scope_id == scope_id]
        first = of_scope[0].position
        later = await _scope(connection, model, scope_id, first, until, parking)
        if not _stands_on(model, later, of_scope):
            continue
        whole = await _scope(connection, model, scope_id, 0, until, parking)
        if len(whole) > MOST:
            what = "%s told %s since %s what %s had not said yet: rebuild it, with --accept"
            log.error(what, model.name, scope_id, first, of_scope[0].stream)
            continue
        rows = await asyncio.to_thread(folded, model, whole)
        expired = await connection.execute(EXPIRED, {"reader": model.name})
        after = max(first - 1, *(position for (position,) in await expired.fetchall()), 0)
        messages = [m for m in rows[model.messages].values() if m.position > after]
        found = await _told_otherwise(connection, model, messages, schema)
        positions = {recorded.position for recorded in of_scope}
        corrected += [message for message in found if message.position not in positions]
        about = {"scope_id": scope_id, "after": after, "until": until}
        await connection.execute(statement("untell", model, schema), about)
        await tables.write(connection, tables.insert_statement(model.messages, schema), messages)
    return corrected


async def _told_otherwise(
    connection: Connection, feed: Feed, messages: Sequence[Message], schema: str
) -> list[Message]:
    """Gives the last message of a scope to each member about each thing, where the feed says
    another there so far, or none. In the order of the log; the last where they are too many."""
    newest = await asyncio.to_thread(_newest, feed, messages)
    if len(newest) > TOLD:
        what = "%s tells open screens of %s of %s messages: the others show after a reload"
        log.warning(what, feed.name, TOLD, len(newest))
    about = {"messages": msgspec.json.encode(newest[-TOLD:]).decode()}
    rows = await (await connection.execute(statement("otherwise", feed, schema), about)).fetchall()
    otherwise = set(rows)
    return [m for m in newest[-TOLD:] if (m.member_id, m.position) in otherwise]


def _newest(feed: Feed, messages: Iterable[Message]) -> list[Message]:
    found: dict[tuple[str, Any], Message] = {}
    for message in sorted(messages, key=attrgetter("position")):
        found[message.member_id, feed.subject(message)] = message
    return sorted(found.values(), key=attrgetter("position"))


def _stands_on(feed: Feed, later: Sequence[Recorded], replayed: Sequence[Recorded]) -> bool:
    """Whether any other event was told with a row that the replayed ones write; or one of these,
    now, with a row that another has written since."""
    positions = {recorded.position for recorded in replayed}
    others = [recorded for recorded in later if recorded.position not in positions]
    written, read = _rows_of(feed, replayed)
    written_since, read_since = _rows_of(feed, others)
    return not (written.isdisjoint(read_since) and read.isdisjoint(written_since))


def _rows_of(feed: Feed, events: Sequence[Recorded]) -> tuple[set[RowOf], set[RowOf]]:
    """The rows that these events write, and those that they are told with."""
    changes = [change for recorded in events for change in feed.project(recorded)]
    written = {(change.table, change.key) for change in changes if isinstance(change, Change)}
    return written, {row for change in changes for row in change.reads}


async def _scope(
    connection: Connection, feed: Feed, scope_id: str, after: int, until: int, parking: Parking
) -> list[Recorded]:
    """Without what waits, whether it can be read or not. What a newer version has recorded does
    wait, unless that applied it before."""
    about = {"aggregates": sorted(feed.aggregates), "scope_id": scope_id}
    between = {"after": after, "until": until, "most": MOST + 1}
    cursor = await connection.execute(SQL["scope"], about | between)
    rows = [row for row in await cursor.fetchall() if parking.applies(feed.name, row[1], row[0])]
    found = await event_log.recorded(connection, rows, event_log.decoded_or_newer)
    for recorded in found:
        if isinstance(recorded.event, Newer):
            raise NewerEventError(recorded.position, recorded.event.topic)
    return found
