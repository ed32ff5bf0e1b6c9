"""Commands find out what they need of their stream's state before others wait for them."""

import asyncio
from typing import Any

from msgspec.structs import replace
from psycopg import Connection

from domain.store.recorder import Recorder
from tests.store import AUTHOR, Roll, Take, numbers, opened, take


class Costly(Take, frozen=True, kw_only=True):
    """Notes each time that it is prepared for another state: how many were taken, and whether
    others waited meanwhile."""

    notes: list[tuple[int, bool]]
    recorder: Any
    found: Roll | None = None

    def prepared(self, state: Roll) -> "Costly":
        if self.found is state:
            return self
        self.notes.append((state.taken, self.recorder.locked))
        return replace(self, found=state)


class Lockable(Recorder):
    """Says whether it has the lock, and does something before it gets it the first time."""

    locked = False
    before: Any = None

    def begin(self, *given: Any) -> Any:
        if self.before:
            self.before, before = None, self.before
            asyncio.run(before)
        begun = super().begin(*given)
        self.locked = True
        return begun

    def commit(self, connection: Connection[Any], *given: Any) -> list[int]:
        self.locked = False
        return super().commit(connection, *given)


def costly(history: Any, notes: list[tuple[int, bool]], by: str) -> Any:
    return history.execute(Costly(by=by, notes=notes, recorder=history._recorder), by=AUTHOR)


def test_command_is_prepared_once_before_the_lock_is_taken(database: str) -> None:
    notes: list[tuple[int, bool]] = []

    async def story(history: Any) -> None:
        for i in range(3):
            assert (await costly(history, notes, f"usr_{i}")).after.taken == i + 1

    with opened(database, recorder=Lockable) as history:
        asyncio.run(story(history))
    assert notes == [(0, False), (1, False), (2, False)]


def test_command_is_prepared_again_where_its_stream_has_moved_on_meanwhile(database: str) -> None:
    notes: list[tuple[int, bool]] = []
    with opened(database, recorder=Lockable) as ours, opened(database) as theirs:
        asyncio.run(take(ours, "ada"))
        recorder: Any = ours._recorder
        recorder.locked, recorder.before = False, take(theirs, "ben")
        outcome = asyncio.run(costly(ours, notes, "cleo"))
    assert outcome.after.taken == 3
    assert numbers(database) == [1, 2, 3]
    assert notes == [(1, False), (2, True)]
