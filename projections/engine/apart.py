"""Folds of many events, as functions that a process of its own can run: the event loop of who asks
has nothing to do with it meanwhile, and shares no interpreter with it. Questions go by their names.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from domain.store import master_key
from domain.store.envelope import NewerEventError, UnreadableEventError
from domain.store.master_key import MasterKeys
from projections.engine.election import connect
from projections.engine.event_log import SQL, Connection
from projections.engine.reading import folded_answer, past_answer
from projections.question import Ask
from projections.questions import PASTS, QUESTIONS

NICE = 10  # below those whose answers are quick
_QUESTIONS: dict[str, Any] = {question.name: question for question in QUESTIONS}
_PASTS = {past.question.name: past for past in PASTS}


class Folded(Struct, frozen=True):
    position: int
    content: Any


class Unreadable(Struct, frozen=True):
    """Where the log holds what cannot be read: the exception itself cannot be sent."""

    position: int
    why: str
    newer: str = ""  # the name of an event of a newer version


class Store(Struct, frozen=True):
    """The store that is folded from: where it is, and what opens keys of persons there."""

    database_url: str
    keys: MasterKeys | None


def own(
    store: Store, name: str, ask: Ask, until: int, moment: datetime | None
) -> Folded | Unreadable:
    """The same as `folded_answer` of the question of this name."""
    question = _QUESTIONS[name]
    return _run(store, lambda c: folded_answer(c, question, ask, until, moment))


def past(
    store: Store, name: str, ask: Ask, until: int, moment: datetime | None
) -> Folded | Unreadable:
    """The same as `past_answer` of the wide question of this name."""
    return _run(store, lambda c: past_answer(c, _PASTS[name], ask, until, moment))


def _run(
    store: Store, fold: Callable[[Connection], Awaitable[tuple[int, Any]]]
) -> Folded | Unreadable:
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    if store.keys:
        master_key.use(store.keys)
    try:
        return Folded(*asyncio.run(_asked(store.database_url, fold)))
    except NewerEventError as e:
        return Unreadable(e.position, str(e), e.topic)
    except UnreadableEventError as e:
        return Unreadable(e.position, str(e).partition(" cannot be read: ")[2])


async def _asked(
    database_url: str, fold: Callable[[Connection], Awaitable[tuple[int, Any]]]
) -> tuple[int, Any]:
    """On a connection of its own, whose statements end in time, and soon after this process."""
    async with await connect(database_url, "fold") as connection:
        for name in ("no_jit", "at_most_30_seconds", "ends_with_its_client"):
            await connection.execute(SQL[name])
        return await fold(connection)
