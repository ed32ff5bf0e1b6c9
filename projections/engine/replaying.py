"""Applies what waited of streams that were parked, in the transaction in which they wait no more."""

import asyncio
from collections.abc import Sequence
from itertools import chain

from domain.aggregate import Recorded
from projections.engine import folding
from projections.engine.event_log import Connection
from projections.engine.feed import Feed, statement
from projections.engine.parking import SQL
from projections.read_model import Change, FanOut, ReadModel
from sql import VIEWS


async def apply(
    connection: Connection, model: ReadModel, page: Sequence[Recorded], schema: str, piece: int
) -> None:
    """Where these are events of one stream, an exception says which of them cannot be applied;
    those of many are applied together, between pieces of which others of this process run."""
    if len({recorded.stream for recorded in page}) > 1:
        changes: list[Change | FanOut] = []
        for start in range(0, len(page), piece):
            if start:
                await asyncio.sleep(0)
            changes += chain.from_iterable(map(model.project, page[start : start + piece]))
        await folding.fold(connection, changes, schema, piece)
    else:
        for recorded in page:
            await _add(connection, model, recorded, schema, piece)
    if isinstance(model, Feed) and schema == VIEWS:
        await _say_belated(connection, model, page)


async def _add(
    connection: Connection, model: ReadModel, recorded: Recorded, schema: str, piece: int
) -> None:
    try:
        await folding.fold(connection, list(model.project(recorded)), schema, piece)
    except Exception as e:
        e.add_note(f"at position {recorded.position}")
        raise


async def _say_belated(connection: Connection, feed: Feed, page: Sequence[Recorded]) -> None:
    """Whoever hears the feed has passed these positions: its readers look there once more."""
    about = {"reader": feed.name, "positions": [recorded.position for recorded in page]}
    for what in (SQL["in_turn"], SQL["forget_belated"], statement("belated", feed)):
        await connection.execute(what, about)
