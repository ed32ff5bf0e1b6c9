"""A worker that dies, ends, or loses its lease in the middle of a piece."""

import asyncio
import re

import pytest

from domain.work import Result
from tests.waiting import eventually
from tests.workers.work.desk import (
    Desk,
    letters,
    send_letter,
    story,
    subjects,
    summaries,
)
from workers.work.kind import Kind, NotBegunError, Piece, Tools

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
