"""A worker that dies, ends, or loses its lease in the middle of a piece."""

import asyncio
import re
from collections.abc import Collection
from typing import Any

import pytest

from domain.aggregate import Command
from domain.errors import Unavailable
from domain.work import Result
from tests.waiting import eventually
from tests.workers.work.desk import (
    Desk,
    letters,
    send_letter,
    story,
    subjects,
    summaries,
    summarize,
)
from workers.work import runner as module
from workers.work.kind import Kind, NotBegunError, Piece, Tools
from workers.work.leases import Name
from workers.work.runner import run_work

IT = "evt_1:it"


# Deaths
def test_piece_of_a_worker_that_died_is_taken_over(database: str) -> None:
    async def endless(piece: Piece, tools: Tools) -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    async def takeover(desk: Desk) -> None:
        await desk.note("it")
        one = await desk.runner(summaries(endless))
        two = await desk.runner(summaries())
        await one.step()
        await desk.kill(one)
        assert await two.step() == []
        await desk.stall(one)
        await desk.settle(two)
        assert await desk.results() == [(IT, 1)]

    story(database, takeover)


def test_piece_at_which_workers_die_every_time_is_parked(database: str) -> None:
    async def deadly(piece: Piece, tools: Tools) -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    async def deaths(desk: Desk) -> None:
        await desk.note("it")
        for _ in range(3):
            runner = await desk.runner(summaries(deadly))
            assert subjects(await runner.step()) == [IT]
            await desk.kill(runner)
            await desk.stall(runner)
        await desk.settle(await desk.runner(summaries(deadly)))
        (lease,) = await desk.leases()
        assert lease.parked
        assert lease.problem == "NeverFinishedError: in 3 attempts"

    story(database, deaths)


def test_worker_that_is_told_to_end_gives_its_pieces_back(database: str) -> None:
    async def endless(piece: Piece, tools: Tools) -> Result:
        await asyncio.Event().wait()
        raise AssertionError

    async def given_back(desk: Desk) -> None:
        await desk.note("it")
        one = await desk.runner(summaries(endless))
        await one.step()
        await one.stop()
        (lease,) = await desk.leases()
        assert (lease.worker, lease.attempts) == (None, 0)
        await desk.settle(await desk.runner(summaries()))
        assert await desk.results() == [(IT, 1)]

    story(database, given_back)


def test_worker_that_lost_its_lease_breaks_its_work_off(database: str) -> None:
    broken_off = asyncio.Event()

    async def endless(piece: Piece, tools: Tools) -> Result:
        try:
            await asyncio.Event().wait()
        finally:
            broken_off.set()
        raise AssertionError

    async def lost(desk: Desk) -> None:
        await desk.note("it")
        one = await desk.runner(summaries(endless), stalled=0.3)
        await one.step()
        await desk.ask("UPDATE work.leases SET worker = 'another'")
        await eventually(broken_off.is_set)
        assert [lease.worker for lease in await desk.leases()] == ["another"]

    story(database, lost)


# At most once
async def send_to_nobody(piece: Piece, tools: Tools) -> Result:
    raise NotBegunError("no route to the server")


@pytest.mark.parametrize("dies", [True, False])
def test_what_may_have_been_done_is_not_done_again_unless_somebody_says_so(
    database: str, dies: bool
) -> None:
    sent: list[int] = []

    async def half(piece: Piece, tools: Tools) -> Result:
        sent.append(piece.wanted)
        if len(sent) == 1:
            if dies:
                await asyncio.Event().wait()
            raise ConnectionError("the line broke")
        return await send_letter(piece, tools)

    async def unsure(desk: Desk) -> None:
        await desk.note("it")
        one = await desk.runner(letters(half))
        await one.step()
        await eventually(lambda: sent)
        if dies:
            await desk.kill(one)
            await desk.stall(one)
        two = await desk.runner(letters(half))
        await desk.settle(two)
        (lease,) = await desk.leases("letter")
        assert sent == [1]
        assert (lease.parked, lease.begun) == (True, 1)
        assert re.match(
            "It may have been done. (UnsureError|ConnectionError): ", lease.problem or ""
        )

    story(database, unsure)


def test_what_has_surely_not_been_done_is_tried_again(database: str) -> None:
    attempts: list[int] = []

    async def unlucky(piece: Piece, tools: Tools) -> Result:
        attempts.append(piece.attempts)
        return await (send_to_nobody if len(attempts) < 3 else send_letter)(piece, tools)

    async def again(desk: Desk) -> None:
        await desk.note("it")
        await desk.settle(await desk.runner(letters(unlucky)))
        assert attempts == [1, 2, 3]
        assert await desk.results("LetterSent") == [(IT, 1)]

    story(database, again)


def test_frozen_worker_that_wakes_up_acts_no_more_where_another_has_begun(database: str) -> None:
    sent: list[str] = []
    frozen, woken = asyncio.Event(), asyncio.Event()

    def letter_by(who: str) -> Kind:
        async def send(piece: Piece, tools: Tools) -> Result:
            sent.append(who)
            return await send_letter(piece, tools)

        return letters(send)

    async def woke(desk: Desk) -> None:
        await desk.note("it")
        one, two = await desk.runner(letter_by("one")), await desk.runner(letter_by("two"))
        begin = one._leases.begin

        async def slow(piece: Piece) -> bool:
            frozen.set()
            await woken.wait()
            return await begin(piece)

        one._leases.begin = slow  # type: ignore[method-assign]
        await one.step()
        await frozen.wait()
        await desk.stall(one)
        await desk.settle(two)
        woken.set()
        await desk.settle(one, two)
        assert sent == ["two"]
        assert await desk.results("LetterSent") == [(IT, 1)]

    story(database, woke)


@pytest.fixture
def _one_may_be_parked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.work.leases.MOST_PARKED", 1)


@pytest.mark.usefixtures("_one_may_be_parked")
def test_piece_that_was_parked_and_is_done_after_all_is_parked_no_more(database: str) -> None:
    """A worker freezes after it has begun, another parks the piece as unsure, and the first one
    wakes up and hands its result in."""
    frozen, woken = asyncio.Event(), asyncio.Event()

    async def slow(piece: Piece, tools: Tools) -> Result:
        frozen.set()
        await woken.wait()
        return await send_letter(piece, tools)

    async def parked_meanwhile(desk: Desk) -> None:
        await desk.note("it")
        one, two = await desk.runner(letters(slow)), await desk.runner(letters())
        await one.step()
        await frozen.wait()
        await desk.stall(one)
        await desk.settle(two)
        assert [lease.parked for lease in await desk.leases("letter")] == [True]
        woken.set()
        await desk.settle(one, two)
        assert await desk.results("LetterSent") == [(IT, 1)]
        await desk.note("other", "it")
        await desk.settle(two)
        assert ("letter", IT) not in await desk.due()
        assert len(await desk.results("LetterSent")) == 3
        assert [lease.attempts for lease in await desk.leases("letter")] == [0, 0]

    story(database, parked_meanwhile)


# The store
LINES = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'rapport work'"
)

PIDS = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'rapport work'"
)


def test_paid_result_outlives_the_connections_of_its_worker(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.02)
    sent: list[int] = []
    waiting, back = asyncio.Event(), asyncio.Event()

    async def send(piece: Piece, tools: Tools) -> Result:
        sent.append(piece.wanted)
        return await send_letter(piece, tools)

    async def restarted(desk: Desk) -> None:
        execute = desk.history.execute

        async def away(command: Command, **more: Any) -> Any:
            if not back.is_set():
                waiting.set()
                raise Unavailable("away")
            return await execute(command, **more)

        await desk.note("it")
        monkeypatch.setattr(desk.history, "execute", away)
        task = asyncio.create_task(run_work(database, [letters(send)], desk.history))
        try:
            await asyncio.wait_for(waiting.wait(), 20)
            before = set(await desk.ask(PIDS))
            await desk.ask(LINES)
            await eventually(lambda: _others(desk, before))
            back.set()
            await eventually(lambda: desk.results("LetterSent"), 20)
            assert sent == [1]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _others(desk: Desk, before: set[Any]) -> bool:
        """Whether it is connected again."""
        now = set(await desk.ask(PIDS))
        return len(now) >= len(before) and not now & before

    story(database, restarted)


def test_paid_result_is_handed_in_also_where_its_lease_was_lost(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.02)
    waiting, back = asyncio.Event(), asyncio.Event()

    async def lost(desk: Desk) -> None:
        execute = desk.history.execute

        async def away(command: Command, **more: Any) -> Any:
            if not back.is_set():
                waiting.set()
                raise Unavailable("away")
            return await execute(command, **more)

        await desk.note("it")
        monkeypatch.setattr(desk.history, "execute", away)
        runner = await desk.runner(letters())
        await runner.step()
        await waiting.wait()
        await desk.ask("UPDATE work.leases SET worker = 'another'")
        await runner._keep_leases()
        back.set()
        await desk.idle(runner)
        assert await desk.results("LetterSent") == [(IT, 1)]

    story(database, lost)


# Heartbeats
def test_heartbeat_breaks_off_no_attempt_that_was_begun_meanwhile(database: str) -> None:
    """The piece is settled and taken again while its heartbeat is under way."""
    attempts: list[int] = []
    first, second = asyncio.Event(), asyncio.Event()

    async def held(piece: Piece, tools: Tools) -> Result:
        attempts.append(piece.wanted)
        await (first if len(attempts) == 1 else second).wait()
        return await summarize(piece, tools)

    async def meanwhile(desk: Desk) -> None:
        await desk.note("it")
        runner = await desk.runner(summaries(held))
        beat = runner._leases.beat

        async def late(pieces: Collection[Piece]) -> set[Name]:
            await beat(pieces)
            first.set()
            await desk.idle(runner)
            await desk.note("it")
            await runner.step()
            return set()  # as if it had come after the settling

        await runner.step()
        await eventually(lambda: attempts)
        runner._leases.beat = late  # type: ignore[method-assign]
        await runner._keep_leases()
        second.set()
        await desk.idle(runner)
        assert await desk.results() == [(IT, 1), (IT, 3)]
        assert attempts == [1, 3]

    story(database, meanwhile)
