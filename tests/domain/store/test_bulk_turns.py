"""Pieces of bulks take turns with what others write in the same process."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from psycopg import Connection

from domain.store.recorder import Recorder
from domain.store.writer import BulkOutcome, History, IdempotencyKey
from tests.domain.store.test_bulk import all_as_one, facts, tickets
from tests.store import all_of, opened, take
from tests.waiting import eventually


class Pauses(Recorder):
    """Stops once at the commit of a bulk's first piece, until it is told to go on."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.reached, self.goes_on = threading.Event(), threading.Event()

    def commit(self, connection: Connection[Any], events: Sequence[StoredEvent], *more: Any) -> Any:
        if any(event.topic == "BulkStarted" for event in events) and not self.reached.is_set():
            self.reached.set()
            assert self.goes_on.wait(15)
        return super().commit(connection, events, *more)


def bulks(history: History, many: int) -> list["asyncio.Task[BulkOutcome]"]:
    """Each of one piece, which is written to a roll of its own."""
    keys = [IdempotencyKey("ada", f"file {i}", b"its digest") for i in range(many)]
    return [
        asyncio.create_task(all_as_one(history, tickets(3, f"r{i}"), key=key))
        for i, key in enumerate(keys)
    ]


def test_others_write_between_the_pieces_that_came_at_once(database: str) -> None:
    """Also where no other process writes."""

    async def story(history: History) -> list[Any]:
        recorder: Any = history._recorder
        waiting = bulks(history, 6)
        await asyncio.to_thread(recorder.reached.wait, 15)
        ada = asyncio.create_task(take(history, "ada"))
        await eventually(lambda: len(history._queue) > 0)
        recorder.goes_on.set()
        return await all_of(*waiting, ada)

    with opened(database, recorder=Pauses) as history:
        *outcomes, ada = asyncio.run(story(history))
    assert sorted(outcome.position for outcome in outcomes)[0] < ada.position
    assert sorted(outcome.position for outcome in outcomes)[1] > ada.position


def test_piece_whose_caller_has_gone_meanwhile_is_not_recorded(database: str) -> None:
    async def story(history: History) -> list[Any]:
        recorder: Any = history._recorder
        waiting = bulks(history, 3)
        await asyncio.to_thread(recorder.reached.wait, 15)
        for gone in waiting[1:]:
            gone.cancel()
        await asyncio.wait(waiting[1:])
        recorder.goes_on.set()
        return await all_of(*waiting, take(history, "late"))

    with opened(database, recorder=Pauses) as history:
        outcome, *_ = asyncio.run(story(history))
    assert (outcome.recorded, len(facts(database))) == (3, 4)


def test_closing_writes_all_pieces_that_are_queued(database: str) -> None:
    async def story(history: History) -> list[Any]:
        recorder: Any = history._recorder
        waiting = bulks(history, 6)
        await asyncio.to_thread(recorder.reached.wait, 15)
        closing = asyncio.create_task(asyncio.to_thread(history.close))
        await eventually(lambda: history._closed)
        recorder.goes_on.set()
        await closing
        return await all_of(*waiting)

    with opened(database, recorder=Pauses) as history:
        outcomes = asyncio.run(story(history))
    assert [outcome.recorded for outcome in outcomes] == [3] * 6
