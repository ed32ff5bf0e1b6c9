"""One worker: what it does with a piece, and what becomes of one that fails."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from domain.aggregate import Command
from domain.errors import Refused, Unavailable
from domain.work import Result
from tests.store import ask
from tests.waiting import eventually
from tests.workers.work.desk import (
    Desk,
    letters,
    send_letter,
    story,
    summaries,
    summarize,
)
from workers.proof import notes
from workers.work import runner as module
from workers.work.kind import Piece, Tools
from workers.work.runner import Runner, run_work

IT = "evt_1:it"


async def failing(piece: Piece, tools: Tools) -> Result:
    raise LookupError("no such model")


def test_what_is_due_is_done_and_then_not_due(database: str) -> None:
    async def done(desk: Desk) -> None:
        await desk.note("it", "that", "it")
        await desk.settle(await desk.runner(summaries(), letters()))
        assert await desk.due() == []
        assert await desk.results() == [(IT, 3), ("evt_1:that", 2)]
        assert await desk.results("LetterSent") == [(IT, 3), ("evt_1:that", 2)]
        assert [lease.worker for lease in await desk.leases()] == [None, None]

    story(database, done)


def test_several_are_in_work_at_once_and_no_more_than_the_kind_allows(database: str) -> None:
    began: list[str] = []
    go_on = asyncio.Event()

    async def held(piece: Piece, tools: Tools) -> Result:
        began.append(piece.subject)
        await go_on.wait()
        return await summarize(piece, tools)

    async def at_once(desk: Desk) -> None:
        await desk.note("a", "b", "c")
        runner = await desk.runner(summaries(held, concurrency=2))
        assert len(await runner.step()) == 2
        await eventually(lambda: len(began) == 2)
        assert await runner.step() == []
        go_on.set()
        await desk.settle(runner)
        assert sorted(began) == ["evt_1:a", "evt_1:b", "evt_1:c"]

    story(database, at_once)


def test_what_was_asked_for_during_the_work_makes_it_due_again(database: str) -> None:
    async def interrupted(piece: Piece, tools: Tools) -> Result:
        result = await summarize(piece, tools)
        if piece.wanted == 1:
            await the_desk[0].note("it")
        return result

    the_desk: list[Desk] = []

    async def again(desk: Desk) -> None:
        the_desk.append(desk)
        await desk.note("it")
        await desk.settle(await desk.runner(summaries(interrupted)))
        assert await desk.results() == [(IT, 1), (IT, 2)]

    story(database, again)


# What fails
def test_failed_attempt_is_made_again_after_its_backoff(database: str) -> None:
    async def fails_twice(piece: Piece, tools: Tools) -> Result:
        if piece.attempts < 3:
            raise LookupError(f"attempt {piece.attempts}")
        return await summarize(piece, tools)

    async def backoff(desk: Desk) -> None:
        await desk.note("it")
        runner = await desk.runner(summaries(fails_twice, backoff=(0.0, 60.0)))
        await desk.settle(runner)
        (lease,) = await desk.leases()
        assert (lease.attempts, lease.problem, lease.parked) == (2, "LookupError: attempt 2", False)
        ((wait,),) = await desk.ask(
            "SELECT extract(epoch FROM retry_at - beat_at)::float8 FROM work.leases"
        )
        assert 59 < wait < 61
        await desk.ask("UPDATE work.leases SET retry_at = now()")
        await desk.settle(runner)
        assert await desk.results() == [(IT, 1)]
        (lease,) = await desk.leases()
        assert (lease.attempts, lease.problem, lease.settled) == (0, None, 1)

    story(database, backoff)


def test_piece_that_fails_at_every_attempt_is_parked_and_others_go_on(database: str) -> None:
    async def choosy(piece: Piece, tools: Tools) -> Result:
        return await (failing if piece.subject == IT else summarize)(piece, tools)

    async def parked(desk: Desk) -> None:
        await desk.note("it", "that")
        await desk.settle(await desk.runner(summaries(choosy)))
        lease, _ = await desk.leases()
        assert (lease.parked, lease.attempts) == (True, 3)
        assert lease.problem == "LookupError: no such model"
        assert await desk.due() == [("letter", IT), ("letter", "evt_1:that"), ("summary", IT)]
        assert await desk.results() == [("evt_1:that", 2)]

    story(database, parked)


def test_attempt_has_a_deadline(database: str) -> None:
    async def endless(piece: Piece, tools: Tools) -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    async def deadline(desk: Desk) -> None:
        await desk.note("it")
        await desk.settle(await desk.runner(summaries(endless, deadline=0.05, backoff=())))
        (lease,) = await desk.leases()
        assert lease.problem == "TimeoutError: not done within 0.05 s"

    story(database, deadline)


def test_result_that_is_based_on_less_than_what_was_wanted_is_none(database: str) -> None:
    """Else it would stay due, and be done again for ever."""

    async def stale(piece: Piece, tools: Tools) -> Result:
        return replace(await summarize(piece, tools), based_on=piece.wanted - 1)

    async def refused(desk: Desk) -> None:
        await desk.note("it", "it")
        await desk.settle(await desk.runner(summaries(stale, backoff=())))
        (lease,) = await desk.leases()
        assert lease.problem == "ValueError: it is based on 1, and wanted at 2"
        assert await desk.results() == []

    story(database, refused)


def test_older_result_than_the_one_recorded_changes_nothing(database: str) -> None:
    async def older(desk: Desk) -> None:
        await desk.note("it", "it", "it")
        for based_on, taken in ((3, 3), (2, 2), (3, 1), (4, 3)):
            kept = notes.KeepSummary(event_id="evt_1", about="it", based_on=based_on, notes=taken)
            await desk.execute(kept)
        assert await desk.results() == [(IT, 3), (IT, 4)]

    story(database, older)


def test_result_that_a_rule_refuses_is_an_answer(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusing(command: Command, **more: Any) -> Any:
        raise Refused("It was withdrawn.")

    async def answered(desk: Desk) -> None:
        await desk.note("it")
        monkeypatch.setattr(desk.history, "execute", refusing)
        await desk.settle(await desk.runner(summaries()))
        (lease,) = await desk.leases()
        assert (lease.problem, lease.settled, lease.worker) == (None, 1, None)

    story(database, answered)


def test_store_that_is_away_is_waited_for_with_the_result(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    away = iter(range(3))
    worked: list[int] = []

    async def counted(piece: Piece, tools: Tools) -> Result:
        worked.append(piece.wanted)
        return await send_letter(piece, tools)

    async def waited(desk: Desk) -> None:
        execute = desk.history.execute

        async def sometimes(command: Command, **more: Any) -> Any:
            for _ in away:
                raise Unavailable("away")
            return await execute(command, **more)

        await desk.note("it")
        monkeypatch.setattr(desk.history, "execute", sometimes)
        await desk.settle(await desk.runner(letters(counted)))
        assert worked == [1]
        assert await desk.results("LetterSent") == [(IT, 1)]

    story(database, waited)


def test_result_that_the_store_does_not_take_in_time_is_lost_and_made_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "PAUSE", 0.0)
    monkeypatch.setattr(module, "LATER", 0.0)
    away = iter(range(8))

    async def lost(desk: Desk) -> None:
        execute = desk.history.execute

        async def rarely(command: Command, **more: Any) -> Any:
            for _ in away:
                raise Unavailable("away")
            return await execute(command, **more)

        await desk.note("it")
        monkeypatch.setattr(desk.history, "execute", rarely)
        runner = await desk.runner(summaries(backoff=()))
        await desk.settle(runner)
        assert await desk.results() == [(IT, 1)]  # and it was not parked meanwhile

    story(database, lost)


# Heartbeats and notifications
def test_worker_is_rung_when_something_is_due_and_polls_in_case_it_is_not(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 600.0)

    async def rung(desk: Desk) -> None:
        task = asyncio.create_task(run_work(database, [summaries()], desk.history))
        try:
            await eventually(lambda: asyncio.to_thread(listens))
            await desk.note("it")
            await eventually(lambda: desk.results())
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def listens() -> bool:
        return bool(
            ask(
                database,
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                " AND query LIKE 'LISTEN%'",
            )
        )

    story(database, rung)


def test_worker_whose_connections_end_starts_again(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.engine.election.PAUSE", 0.05)

    async def again(desk: Desk) -> None:
        task = asyncio.create_task(run_work(database, [summaries()], desk.history))
        try:
            await desk.note("it")
            await eventually(lambda: desk.results())
            await desk.ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'rapport work'"
            )
            await desk.note("it")
            await eventually(lambda: _two(desk))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _two(desk: Desk) -> bool:
        return len(await desk.results()) == 2

    story(database, again)


def test_kind_is_shown_in_lag_with_why_it_does_not_go_on(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.work.leases.MOST_PARKED", 1)

    async def shown(desk: Desk) -> None:
        runner: Runner = await desk.runner(summaries(failing, backoff=()))
        await desk.settle(runner)
        await runner._report()
        ((kind, position, problem),) = await desk.ask(
            "SELECT kind, position, problem FROM views.positions WHERE name = 'summary'"
        )
        assert (kind, position, problem) == ("work", 0, None)
        await desk.note("it")
        await desk.settle(runner)
        await desk.note("that")
        await runner._report()
        ((position, problem),) = await desk.ask(
            "SELECT position, problem FROM views.positions WHERE name = 'summary'"
        )
        assert position == 1
        assert problem == (
            "1 pieces are parked, so this is no one piece's fault: LookupError: no such model"
        )

    story(database, shown)
