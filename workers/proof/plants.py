"""Plants: bugs that a proof must find. A plant replaces a statement, the way to read the log, a
transaction, or the order of two steps. Only processes that are started with it have the bug: the
product knows nothing of plants."""

from collections.abc import Mapping, Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from msgspec import Struct
from psycopg import Connection

from domain.store.recorder import KeyRow, Recorder, open_recorder
from sql import statements


class KeysApart(Recorder):
    """Stores replies in a transaction after that of the events: a crash between them loses
    replies."""

    def commit(
        self,
        connection: Connection[Any],
        events: Sequence[StoredEvent],
        keys: Sequence[KeyRow],
        stands_on: Mapping[str, int] | None = None,
    ) -> list[int]:
        positions = super().commit(connection, events, (), stands_on)
        if keys:
            connection.execute(self.sql["begin"])
            super().commit(connection, (), keys)
        return positions


class Plant(Struct, frozen=True):
    """`history` replaces statements of `sql/history.sql`; `page` is how a projector asks for what
    is new in the log. With `window`, a live feed looks up what was missed before it listens."""

    says: str
    history: Mapping[str, str] = {}
    recorder: type[Recorder] = Recorder
    page: str | None = None
    window: float = 0.0  # seconds

    def open_recorder(self, database_url: str) -> Recorder:
        plain = open_recorder(database_url, statements("history") | dict(self.history))
        return self.recorder(plain.datastore, plain.sql)


NOTHING = Plant("nothing is planted")
PLANTS = {
    "lock": Plant("writers do not take turns", {"lock": "SELECT 1"}),
    "cursor": Plant(
        "the projector's cursor skips an event",
        page=statements("log")["page"].replace("> %(after)s", "> %(after)s + 1"),
    ),
    "key": Plant(
        "Idempotency-Keys are not written in the transaction of their events", recorder=KeysApart
    ),
    "window": Plant("a live feed that resumes listens only after it has looked", window=0.15),
}
