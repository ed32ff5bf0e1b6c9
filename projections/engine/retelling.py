"""Makes messages of a feed again that stand on another stream, once that stream is replayed.

While a catalogue is parked, say, what members hear of their points goes on, with the totals of the
catalogue before. Other rows are right once the events that waited are applied; such a message was
made for good. So a replay folds the scope from the log, as a rebuild does, and writes the messages
since then anew.
"""

import asyncio
import logging
from collections.abc import Sequence

from domain.aggregate import Recorded
from domain.store.envelope import Newer, NewerEventError
from projections.engine import event_log, tables
from projections.engine.event_log import SQL, Connection
from projections.engine.feed import Feed, statement
from projections.engine.parking import Parking
from projections.read_model import Change, ReadModel, RowOf, folded
from sql import statements

log = logging.getLogger(__name__)

EXPIRED = statements("feeds")["expired"]
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
) -> None:
    """In the transaction that has applied the replayed events, up to the read model's position.
    Raises NewerEventError where only a newer version can tell."""
    if not isinstance(model, Feed):
        return  # only messages stand on other streams' rows
    for scope_id in sorted({recorded.scope_id for recorded in replayed}):
        of_scope = [recorded for recorded in replayed if recorded.scope_id == scope_id]
        first = of_scope[0].position
        later = await _scope(connection, model, scope_id, first, until)
        if not _stands_on(model, _applied(model, parking, later), of_scope):
            continue
        whole = await _scope(connection, model, scope_id, 0, until)
        if len(whole) > MOST:
            what = "%s told %s since %s what %s had not said yet: rebuild it, with --accept"
            log.error(what, model.name, scope_id, first, of_scope[0].stream)
            continue
        rows = await asyncio.to_thread(folded, model, _applied(model, parking, whole))
        expired = await connection.execute(EXPIRED, {"reader": model.name})
        after = max(first - 1, *(position for (position,) in await expired.fetchall()), 0)
        about = {"scope_id": scope_id, "after": after, "until": until}
        await connection.execute(statement("untell", model, schema), about)
        messages = [m for m in rows[model.messages].values() if m.position > after]
        await tables.write(connection, tables.insert_statement(model.messages, schema), messages)


def _applied(feed: Feed, parking: Parking, log: Sequence[Recorded]) -> Sequence[Recorded]:
    """Without what waits. What a newer version has recorded does, unless that applied it before."""
    found = parking.applicable(feed.name, log)
    for recorded in found:
        if isinstance(recorded.event, Newer):
            raise NewerEventError(recorded.position, recorded.event.topic)
    return found


def _stands_on(feed: Feed, later: Sequence[Recorded], replayed: Sequence[Recorded]) -> bool:
    """Whether any other event was told with a row that the replayed ones write, or writes a row
    that these are told with: they would have been told before it."""
    positions = {recorded.position for recorded in replayed}
    written, read = _rows(feed, replayed)
    for recorded in later:
        if recorded.position not in positions:
            writes, reads = _rows(feed, [recorded])
            if not (written.isdisjoint(reads) and read.isdisjoint(writes)):
                return True
    return False


def _rows(feed: Feed, log: Sequence[Recorded]) -> tuple[set[RowOf], set[RowOf]]:
    """Those that are written, and those that are only read."""
    changes = [change for recorded in log for change in feed.project(recorded)]
    written = {(change.table, change.key) for change in changes if isinstance(change, Change)}
    return written, {row for change in changes for row in change.reads}


async def _scope(
    connection: Connection, feed: Feed, scope_id: str, after: int, until: int
) -> list[Recorded]:
    about = {"aggregates": sorted(feed.aggregates), "scope_id": scope_id}
    between = {"after": after, "until": until, "most": MOST + 1}
    cursor = await connection.execute(SQL["scope"], about | between)
    return await event_log.recorded(connection, await cursor.fetchall(), event_log.decoded_or_newer)
