"""Forgetting somebody of whom much is recorded, beside those who go on writing."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from domain.capabilities import AGGREGATES
from domain.conferences import AnnounceConference
from domain.errors import Unavailable
from domain.store import erasure as module
from domain.store.erasure import Erasure
from domain.store.recorder import Recorder, open_recorder
from tests.domain.store.erasing import MAPPER, NOW, OPENING, SQL, erase, execute, save, store
from tests.store import ask

LONG = 30_000
WAIT = 0.1  # seconds for which an erasure may keep others waiting
PLANT = """
INSERT INTO events.log (originator_id, originator_version, topic, state)
SELECT 'attendee:evt_1:ada', i, 'AttendeeProfileChanged', convert_to(
    '{"at":"2026-11-01T12:00:00Z","actor":"ada","tenant":"evt_1","data":{"profile":{"name":"Ada '
    || i || '"}}}', 'UTF8'
)
FROM generate_series(%s::int, %s::int) AS i
"""


class Timed(Recorder):
    """Notes how long it has the lock, and how many events it reads meanwhile."""

    since: float | None = None
    held: float
    read: int

    def begin(self, *given: Any) -> Any:
        begun = super().begin(*given)
        self.since, self.read = time.monotonic(), len(begun[0])
        return begun

    def load(self, *given: Any) -> Any:
        return self._counted(super().load(*given))

    def load_after(self, *given: Any) -> Any:
        return self._counted(super().load_after(*given))

    def _counted(self, rows: Any) -> Any:
        self.read = self.read + len(rows) if self.since else 0
        return rows

    def commit(self, *given: Any) -> list[int]:
        positions = super().commit(*given)
        self.held, self.since = time.monotonic() - (self.since or 0), None
        return positions


def beside(url: str, before_the_lock: Callable[[], None]) -> Erasure:
    """An erasure before whose lock, each time, something else happens."""

    class Beside(Erasure):
        def _read(self, *given: Any) -> None:
            super()._read(*given)
            before_the_lock()

    return Beside(open_recorder(url, SQL), AGGREGATES, MAPPER)


def closed(erasure: Erasure) -> None:
    erasure._recorder.datastore.close()


def test_others_wait_no_longer_for_a_long_stream(database: str) -> None:
    ask(database, PLANT, 1, LONG)
    plain = open_recorder(database, SQL)
    recorder = Timed(plain.datastore, plain.sql)
    held = []
    with store(database) as (history, _):
        asyncio.run(execute(history, OPENING))
        for i in range(3):
            asyncio.run(execute(history, save(f"Ada {i}")))
            assert len(Erasure(recorder, AGGREGATES, MAPPER).erase("ada", NOW).positions) == 1
            assert recorder.read == 1
            held.append(recorder.held)
    plain.datastore.close()
    assert min(held) < WAIT


def test_what_is_written_before_the_lock_is_taken_is_erased_too(database: str) -> None:
    with store(database) as (history, erasure):
        asyncio.run(execute(history, OPENING, save("Ada"), save("Ben", "ben")))
        elsewhere = (save("Ada", event_id="evt_2"), save("Ada B.", event_id="evt_2"))
        opening = AnnounceConference(event_id="evt_2", name="Another", timezone="UTC")
        more = (save("Ada L."), opening, *elsewhere)
        slow = beside(database, lambda: asyncio.run(execute(history, *more)))
        assert len(slow.erase("ada", NOW).positions) == 2
        closed(slow)
        assert (erasure.held("ada").events, erasure.held("ben").events) == (0, 1)
        assert asyncio.run(execute(history, save("Ada again")))[0].before.profile is None


@pytest.mark.parametrize("bound", ["TAIL", "SHORT"])
def test_lock_is_given_back_where_much_was_written_until_that_is_read(
    database: str, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """Once: then it is read, or the stream in which it is."""
    monkeypatch.setattr(module, bound, 4)
    opening = AnnounceConference(event_id="evt_2", name="Another", timezone="UTC")
    writes = [[opening, *(save(f"Ada {i}", event_id="evt_2") for i in range(5))]]
    with store(database) as (history, erasure):
        asyncio.run(execute(history, OPENING, save("Ada")))
        times = []

        def write() -> None:
            times.append(len(writes))
            if writes:
                asyncio.run(execute(history, *writes.pop()))

        slow = beside(database, write)
        assert len(slow.erase("ada", NOW).positions) == 2
        closed(slow)
        assert times == [1, 0]
        assert erasure.held("ada").events == 0


def test_erasure_that_cannot_follow_says_so_and_does_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAIL", 2)
    with store(database) as (history, erasure):
        asyncio.run(execute(history, OPENING, save("Ada")))
        slow = beside(
            database,
            lambda: asyncio.run(execute(history, *(save(f"Ben {i}", "ben") for i in (1, 2, 3)))),
        )
        with pytest.raises(Unavailable):
            slow.erase("ada", NOW)
        with psycopg.connect(database) as connection:
            locks = (  # those of others on the server are not ours
                "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database "
                "WHERE locktype = 'advisory' AND datname = current_database()"
            )
            assert connection.execute(locks).fetchone() == (0,)
        closed(slow)
        assert erasure.held("ada").events == 1
        assert len(asyncio.run(erase(erasure)).positions) == 1
