"""Work as an operator sees it: `parked` and `lag`."""

import asyncio
from collections.abc import Callable

import pytest

from domain.work import Result
from projections.engine import lag
from projections.engine.election import connect
from projections.engine.lag import Lag
from tests.workers.work.desk import Desk, letters, send_letter, story, summaries, summarize
from workers.operations.lag import why
from workers.operations.parked import main
from workers.proof import notes
from workers.work import leases
from workers.work.kind import Budget, Piece, Tools

IT, THAT = "evt_1:it", "evt_1:that"
Said = Callable[[], list[str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.splitlines()


@pytest.fixture(autouse=True)
def _here(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)


async def operator(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


async def failing(piece: Piece, tools: Tools) -> Result:
    raise LookupError("no such model")


async def read(database: str) -> dict[str, Lag]:
    async with await connect(database, "test") as connection:
        return {one.name: one for one in await lag.read(connection)}


def test_parked_piece_is_listed_with_its_reason_and_replayed(database: str, said: Said) -> None:
    is_broken = True

    async def choosy(piece: Piece, tools: Tools) -> Result:
        return await (failing if is_broken else summarize)(piece, tools)

    async def replayed(desk: Desk) -> None:
        nonlocal is_broken
        await desk.note("it")
        runner = await desk.runner(summaries(choosy))
        await desk.settle(runner)
        await runner._report()
        assert await operator("list") == 0
        assert said() == [
            f"{IT} in summary, for 0 s",
            "    wanted at position 1. LookupError: no such model",
        ]
        assert await operator("list", "--of", "summary") == 0
        assert len(said()) == 2
        is_broken = False
        assert await operator("replay", IT) == 0
        assert said() == [f"summary of {IT} is due again."]
        await desk.settle(runner)
        assert await desk.results() == [(IT, 1)]
        assert await operator("list") == 0
        assert said() == ["Nothing is parked."]

    story(database, replayed)


def test_piece_that_is_dropped_is_left_out_until_it_is_asked_for_again(
    database: str, said: Said
) -> None:
    is_broken = True

    async def choosy(piece: Piece, tools: Tools) -> Result:
        return await (failing if is_broken else summarize)(piece, tools)

    async def dropped(desk: Desk) -> None:
        nonlocal is_broken
        await desk.note("it")
        runner = await desk.runner(summaries(choosy, backoff=()))
        await desk.settle(runner)
        assert await operator("drop", IT, "--yes") == 0
        assert said()[-1] == f"summary of {IT} is left out until another event asks for it."
        is_broken = False
        await desk.settle(runner)
        assert await desk.results() == []
        await desk.note("it")
        await desk.settle(runner)
        assert await desk.results() == [(IT, 2)]

    story(database, dropped)


def test_what_may_have_been_done_is_done_again_when_an_operator_says_so(
    database: str, said: Said
) -> None:
    sent: list[int] = []

    async def half(piece: Piece, tools: Tools) -> Result:
        sent.append(piece.wanted)
        if len(sent) == 1:
            raise ConnectionError("the line broke")
        return await send_letter(piece, tools)

    async def again(desk: Desk) -> None:
        await desk.note("it")
        runner = await desk.runner(letters(half))
        await desk.settle(runner)
        assert await operator("replay", "--all") == 0
        await desk.settle(runner)
        assert sent == [1, 1]
        assert await desk.results("LetterSent") == [(IT, 1)]

    story(database, again)


def test_piece_that_is_done_after_all_is_not_shown_as_parked(database: str, said: Said) -> None:
    """A frozen worker may hand its result in when another has given up."""

    async def late(desk: Desk) -> None:
        await desk.note("it")
        await desk.settle(await desk.runner(summaries(failing, backoff=())))
        async with await connect(database, "test") as connection:
            await desk.execute(await notes.summary(connection, IT))
        await desk.project()
        assert await operator("list") == 0
        assert said() == ["Nothing is parked."]

    story(database, late)


def test_lag_tells_of_each_kind_how_far_it_is_and_what_is_parked(database: str) -> None:
    async def shown(desk: Desk) -> None:
        await desk.note("it")
        kinds = (summaries(), letters(failing))
        runner = await desk.runner(*kinds)
        await desk.settle(runner)
        await runner._report()
        known = await read(database)
        summary, letter = known["summary"], known["letter"]
        assert (summary.kind, summary.word, summary.parked, why(summary)) == (
            "work",
            "live",
            0,
            None,
        )
        assert summary.position == known["due"].position
        assert (letter.word, letter.parked) == ("parked", 1)
        assert why(letter) == "letter: see `python -m workers parked list --of letter`."

    story(database, shown)


def test_lag_tells_why_a_kind_does_not_go_on(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MOST_PARKED", 1)

    async def shown(desk: Desk) -> None:
        await desk.note("it")
        kinds = (summaries(budget=Budget(3, each=2)), letters(failing))
        runner = await desk.runner(*kinds)
        await desk.settle(runner)
        await desk.note("that")
        await desk.settle(runner)
        await runner._report()
        known = await read(database)
        assert [known[name].word for name in ("summary", "letter")] == ["stuck", "stuck"]
        assert why(known["summary"]) == "summary: 2 of its budget of 3 are spent today"
        assert why(known["letter"]) == (
            "letter: 1 pieces are parked, so this is no one piece's fault: It may have been done. "
            "LookupError: no such model"
        )
        assert await desk.due() == [
            ("letter", IT),
            ("letter", THAT),
            ("summary", THAT),
        ]

    story(database, shown)


def test_kind_that_works_on_something_for_long_is_not_taken_for_stuck(database: str) -> None:
    go_on = asyncio.Event()

    async def slow(piece: Piece, tools: Tools) -> Result:
        await go_on.wait()
        return await summarize(piece, tools)

    async def shown(desk: Desk) -> None:
        await desk.note("it")
        runner = await desk.runner(summaries(slow))
        await runner.step()
        await desk.ask("UPDATE views.positions SET moved_at = now() - interval '1 hour'")
        await runner._report()
        known = (await read(database))["summary"]
        assert known.position == 0
        assert known.word in ("live", "catching up")
        go_on.set()
        await desk.settle(runner)

    story(database, shown)


def test_kind_that_waits_for_its_next_attempt_is_not_taken_for_stuck(database: str) -> None:
    async def shown(desk: Desk) -> None:
        await desk.note("it")
        runner = await desk.runner(summaries(failing, backoff=(600.0,)))
        await desk.settle(runner)
        await desk.ask("UPDATE views.positions SET moved_at = now() - interval '1 hour'")
        await runner._report()
        known = (await read(database))["summary"]
        assert (known.position, known.problem) == (0, None)
        assert known.still_for < lag.STILL

    story(database, shown)


def test_one_process_reports_for_all(database: str) -> None:
    async def shown(desk: Desk) -> None:
        one, two = await desk.runner(summaries()), await desk.runner(summaries())
        await one._report()
        reported = "SELECT beat_at FROM views.positions WHERE name = 'summary'"
        before = await desk.ask(reported)
        await two._report(60.0)
        assert await desk.ask(reported) == before
        await two._report(0.0)
        assert await desk.ask(reported) != before

    story(database, shown)
