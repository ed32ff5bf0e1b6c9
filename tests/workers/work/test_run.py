"""Work and reactions in the workers process, which starts nothing for them where there are none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.capabilities import AGGREGATES
from projections.read_models import CAPABILITIES
from tests.boards import clicks, opening, recording
from tests.store import ask
from tests.waiting import eventually
from tests.workers.work.desk import EVENT, letters, summaries, working
from tests.workers.work.echo import NAME, clicked, echo, echoed
from workers import run as module
from workers.proof.notes import DUE, NOTES, TakeNote
from workers.work.reaction import Reaction

CONNECTIONS = """
    SELECT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name IN ('rapport work', 'rapport writer')
"""
LEADING = (
    "SELECT count(*) FROM views.positions WHERE name IN ('relay', 'sessions', 'mission_board')"
)


def story(database: str, nats: str, of: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        running = asyncio.create_task(module.run(database, nats))
        try:
            await of()
        finally:
            while not running.done():  # the client of NATS may keep a cancellation to itself
                running.cancel()
                await asyncio.wait({running}, timeout=1)

    asyncio.run(main())


def test_nothing_is_opened_for_work_and_reactions_where_there_are_none(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KINDS", ())
    monkeypatch.setattr(module, "REACTIONS", ())

    def leading() -> bool:
        return ask(database, LEADING) == [(3,)]

    async def none() -> None:
        await eventually(lambda: asyncio.to_thread(leading), 30)
        assert await asyncio.to_thread(ask, database, CONNECTIONS) == []
        kinds = "SELECT DISTINCT kind FROM views.positions ORDER BY 1"
        found = await asyncio.to_thread(ask, database, kinds)
        assert found == [("read_model",), ("relay",)]

    story(database, nats, none)


def test_both_are_started_where_there_are_some(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CAPABILITIES, "work", (DUE,))
    monkeypatch.setattr(module, "AGGREGATES", (*AGGREGATES, NOTES))
    monkeypatch.setattr(module, "KINDS", (summaries(), letters()))
    monkeypatch.setattr(module, "REACTIONS", (Reaction(NAME, echo),))

    def reacted() -> bool:
        return echoed(database) == clicked(database)

    async def some() -> None:
        async with working(database) as desk:
            await desk.execute(TakeNote(event_id=EVENT, about="it"))
            await eventually(lambda: desk.results(), 30)
            await eventually(lambda: desk.results("LetterSent"), 30)
        await eventually(lambda: asyncio.to_thread(reacted), 30)

    with recording(database) as record:
        record(*opening(), *clicks(2))
        story(database, nats, some)


@pytest.mark.parametrize("taken", ["due", "relay", "projector missions", "summary"])
def test_names_that_are_taken_are_refused_before_anything_runs(
    taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CAPABILITIES, "work", (DUE,))
    monkeypatch.setattr(module, "KINDS", (summaries(), letters()))
    monkeypatch.setattr(module, "REACTIONS", (Reaction(NAME, echo),))
    module.require_distinct(module.names())
    monkeypatch.setattr(module, "REACTIONS", (Reaction(taken, echo),))
    with pytest.raises(module.SameNameError, match=taken):
        asyncio.run(module.run("postgresql://nowhere", "nats://nowhere"))


def test_history_that_cannot_be_opened_ends_nothing_else(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REACTIONS", (Reaction(NAME, echo),))
    open_recorder = module.open_recorder
    fails = iter([RuntimeError("not now")])

    def at_first_not(*given: Any) -> Any:
        for problem in fails:
            raise problem
        return open_recorder(*given)

    monkeypatch.setattr(module, "open_recorder", at_first_not)

    def reacted() -> bool:
        return echoed(database) == clicked(database)

    async def goes_on() -> None:
        await eventually(lambda: asyncio.to_thread(reacted), 30)

    with recording(database) as record:
        record(*opening(), *clicks(2))
        story(database, nats, goes_on)
