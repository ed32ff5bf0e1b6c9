"""Batches of many commands whose streams are in nobody's memory."""

import asyncio
import threading
from typing import Any

from psycopg import Connection

from domain.store.recorder import Recorder, Rows
from tests.store import all_of, ask, opened, roll, take

MANY = 256  # commands; each looks at a roll besides its own
LONGER = 100  # events of some of these
PLANT = """
INSERT INTO events.log (originator_id, originator_version, topic, state)
SELECT %s || r, i, 'TicketTaken', convert_to(
    '{"at":"2026-11-01T12:00:00Z","actor":"ada","tenant":"evt_1","data":'
    || '{"number":' || i || ',"by":"holder ' || i || '"}}', 'UTF8'
)
FROM generate_series(0, %s::int) AS r,
generate_series(1, CASE WHEN r %% 100 = 7 THEN %s ELSE 2 END) AS i
"""


class Noting(Recorder):
    """Notes which thread reads how many streams."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.reads: list[tuple[str, int]] = []

    def load_after(self, connection: Connection[Any], versions: Any, most: int) -> Rows:
        self.reads.append((threading.current_thread().name, len(versions)))
        return super().load_after(connection, versions, most)


def test_what_short_streams_of_a_batch_leave_is_for_those_that_are_longer(database: str) -> None:
    ask(database, PLANT, roll("r"), 2 * MANY, LONGER)

    async def story(history: Any) -> list[Any]:
        return await all_of(
            *(take(history, "ada", roll=f"r{i}", beside=f"r{MANY + i}") for i in range(MANY))
        )

    with opened(database, recorder=Noting) as history:
        outcomes = asyncio.run(story(history))
        recorder: Any = history._recorder
    assert sum(outcome.after.taken for outcome in outcomes) == MANY * 3 + 3 * (LONGER - 2)
    assert max(streams for _, streams in recorder.reads) > MANY
    assert {thread for thread, _ in recorder.reads} == {"history"}
