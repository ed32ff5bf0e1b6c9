"""Questions about sessions are asked of rows in Postgres."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from projections.engine import tables
from projections.engine.election import connect
from projections.engine.reading import answered
from projections.question import Ask


class StoredRows:
    """Postgres, with rows of read models as a projector would have written them."""

    def __init__(self, database: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(connect(database, "reader"))

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    def write(self, rows: Any) -> None:
        self._loop.run_until_complete(self._write(rows))

    async def _write(self, rows: Any) -> None:
        for table, of_table in rows.items():
            await tables.write(self._connection, tables.write_statement(table), of_table.values())

    def ask(self, question: Any, ask: Ask) -> Any:
        return self._loop.run_until_complete(answered(self._connection, question, ask))


@pytest.fixture(scope="module")
def shown(new_database: Callable[[], str]) -> Iterator[StoredRows]:
    shown = StoredRows(new_database())
    yield shown
    shown.close()
