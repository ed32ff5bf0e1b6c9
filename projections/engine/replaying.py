"""Applies what waited of streams that were parked, in the transaction in which they wait no more,
and notes what a feed says of it, and what it says otherwise since."""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Any

from domain.aggregate import Recorded
from projections.engine import folding
from projections.engine.event_log import Connection
from projections.engine.feed import Feed, Message, statement
from projections.engine.parking import SQL
from projections.read_model import Change, FanOut, ReadModel
from sql import VIEWS, statements

CORRECT = statements("feeds")["correct"]


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


async def _add(
    connection: Connection, model: ReadModel, recorded: Recorded, schema: str, piece: int
) -> None:
    try:
        await folding.fold(connection, list(model.project(recorded)), schema, piece)
    except Exception as e:
        e.add_note(f"at position {recorded.position}")
        raise


async def say_belated(
    connection: Connection,
    model: ReadModel,
    page: Sequence[Recorded],
    corrected: Sequence[Message],
    schema: str,
) -> None:
    """Whoever hears a feed has passed these positions: its readers look there once more."""
    if not isinstance(model, Feed) or schema != VIEWS:
        return
    about: dict[str, Any] = {"reader": model.name, "positions": [one.position for one in page]}
    for what in (SQL["in_turn"], SQL["forget_belated"], statement("belated", model)):
        await connection.execute(what, about)
    if corrected:
        told = {
            "scopes": [message.scope_id for message in corrected],
            "members": [message.member_id for message in corrected],
            "positions": [message.position for message in corrected],
        }
        await connection.execute(CORRECT, about | told)
