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
    is new in the log. With `window`, a live feed looks up what was missed before it listens. `work`
    replaces statements of `sql/work.sql`; with `keeps_older`, results are recorded whatever they
    are based on."""

    says: str
    history: Mapping[str, str] = {}
    recorder: type[Recorder] = Recorder
    page: str | None = None
    window: float = 0.0  # seconds
    work: Mapping[str, str] = {}
    keeps_older: bool = False

    def open_recorder(self, database_url: str) -> Recorder:
        plain = open_recorder(database_url, statements("history") | dict(self.history))
        return self.recorder(plain.datastore, plain.sql)


def _heedless() -> dict[str, str]:
    """Leases on what others are at: they seem to have stalled at once."""
    work = statements("work")
    stalled = "make_interval(secs => %(stalled)s)"
    heedless = {name: work[name].replace(stalled, f"0 * {stalled}") for name in ("ready", "take")}
    assert all(heedless[name] != work[name] for name in heedless)  # noqa: S101 - a plant is a bug
    return heedless


def _unmarked() -> dict[str, str]:
    """And what may be done only once is begun whoever has begun it."""
    work, heedless = statements("work"), _heedless()
    others = " AND worker = %(worker)s AND number = %(number)s\nAND begun < %(wanted)s"
    begin = work["begin"].replace(others, "")
    take = heedless["take"].replace("attempts, begun, number", "attempts, 0::bigint, number")
    assert begin != work["begin"]  # noqa: S101
    assert take != heedless["take"]  # noqa: S101
    return heedless | {"begin": begin, "take": take}


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
    "lease": Plant("workers do not look whether a lease is another's", work=_unmarked()),
    "based_on": Plant(
        "results are recorded whatever they are based on", work=_heedless(), keeps_older=True
    ),
    "window": Plant("a live feed that resumes listens only after it has looked", window=0.15),
}
