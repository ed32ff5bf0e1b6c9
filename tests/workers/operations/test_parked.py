import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.errors import Invalid, NotFound
from projections.engine import projector as projecting
from projections.engine.election import run_elected
from projections.engine.projector import Projector
from projections.missions.rows import MISSION_BOARD
from projections.read_model import Change
from projections.read_models import READ_MODELS
from tests.boards import clicks, opening, project, recording
from tests.store import ask
from workers.operations import parked
from workers.operations.parked import main

ADA, BEN = "missions:evt_1:ada", "missions:evt_1:ben"


def unlucky(recorded: Recorded) -> Iterator[Change]:
    """It cannot do with what members do."""
    if recorded.stream in (ADA, BEN):
        raise LookupError("a\nbug")
    yield from MISSION_BOARD.project(recorded)


UNLUCKY = [replace(m, project=unlucky) if m is MISSION_BOARD else m for m in READ_MODELS]


@pytest.fixture
def poisoned(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its boards wait for what Ada and Ben did."""
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setattr(projecting, "BEAT", 0.01)
    with recording(database) as record:
        record(*opening(), *clicks(2), *clicks(1, "ben"))
    asyncio.run(project(database, UNLUCKY))
    return database


@asynccontextmanager
async def leading(database: str, models: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(run_elected(Projector(models), database))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run(database: str, models: Any, *arguments: str) -> int:
    """Beside a projector."""

    async def story() -> int:
        async with leading(database, models):
            return await asyncio.to_thread(main, arguments)

    return asyncio.run(story())


Said = Callable[[], list[str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return lambda: capsys.readouterr().out.splitlines()


def waiting(database: str) -> list[tuple[Any, ...]]:
    return ask(database, "SELECT stream FROM views.parked ORDER BY 1")


def test_list_says_what_waits_where_and_why(poisoned: str, said: Said) -> None:
    assert main(["list"]) == 0
    assert said() == [
        f"{ADA} in mission_board, for 0 s",
        "    2 events from position 3 on. LookupError: a bug",
        f"{BEN} in mission_board, for 0 s",
        "    1 event from position 5 on. LookupError: a bug",
    ]
    assert main(["list", "--of", "leaderboard"]) == 0
    assert said() == ["Nothing is parked."]


def test_key_that_several_hold_back_for_the_same_reason_is_listed_once(
    poisoned: str, said: Said
) -> None:
    ask(
        poisoned,
        """INSERT INTO views.parked (reader, stream, position, problem, asked)
        SELECT 'leaderboard', stream, position, problem, 'replay' FROM views.parked
        WHERE stream = %s""",
        ADA,
    )
    assert main(["list"]) == 0
    ada, why, ben, _ = said()
    assert sorted(ada.removeprefix(f"{ADA} in ").split(", ")) == [
        "for 0 s",
        "leaderboard (replay is asked for)",
        "mission_board",
    ]
    assert why == "    2 events from position 3 on. LookupError: a bug"
    assert ben == f"{BEN} in mission_board, for 0 s"


def test_show_gives_the_events_in_their_order(poisoned: str, said: Said) -> None:
    ask(poisoned, "INSERT INTO events.log VALUES (%s, 3, 'Odd', '\\xff00')", ADA)
    assert main(["show", ADA]) == 0
    completed, reset, odd = said()[2:]
    assert completed.startswith("3 MissionCompleted by ada at ")
    assert ': {"mission_id": "goals", "points": 10, "cause": "member", ' in completed
    assert reset.startswith("4 MissionReopened by ada at ")
    assert odd == "6 Odd: b'\\xff\\x00'"


def test_replay_applies_what_waits_beside_a_projector(poisoned: str, said: Said) -> None:
    assert run(poisoned, READ_MODELS, "replay", ADA) == 0
    one, left = said(), waiting(poisoned)
    assert run(poisoned, READ_MODELS, "replay", "--all") == 0
    assert one == [f"mission_board goes on with {ADA}: 2 events replayed."]
    assert left == [(BEN,)]
    assert said() == [f"mission_board goes on with {BEN}: 1 event replayed."]
    assert waiting(poisoned) == []
    boards = ask(poisoned, "SELECT member_id, status FROM views.member_missions ORDER BY 1")
    assert boards == [("ada", "not_started"), ("ben", "completed")]


def test_replay_that_fails_says_at_which_event_and_why(poisoned: str, said: Said) -> None:
    assert run(poisoned, UNLUCKY, "replay", ADA) == 1
    assert said() == [f"{ADA} stays parked in mission_board: at position 3: LookupError: a bug"]
    assert len(waiting(poisoned)) == 2


def test_replay_without_anybody_to_do_it_is_done_by_who_comes(poisoned: str, said: Said) -> None:
    ask(poisoned, "UPDATE views.positions SET beat_at = now() - interval '1 minute'")
    assert main(["replay", ADA]) == 1
    assert said()[0].startswith("Nobody keeps mission_board now, or it is busy. The replay of ")
    asyncio.run(project(poisoned))
    assert waiting(poisoned) == [(BEN,)]


def test_drop_asks_first(poisoned: str, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(prompt: str) -> str:
        raise EOFError

    asked: list[str] = []
    assert main(["drop", ADA], answer=lambda prompt: asked.append(prompt) or "no") == 1
    assert said()[-1] == "Nothing was dropped."
    with pytest.raises(Invalid, match="Add --yes"):
        main(["drop", ADA], answer=nobody)
    assert len(waiting(poisoned)) == 2
    assert asked == ["These events are then left out there. Type drop to go on: "]
    said()
    assert run(poisoned, READ_MODELS, "drop", ADA, "--yes") == 0
    assert said() == [
        f"mission_board goes on with {ADA}: 2 events left out until a rebuild can apply them."
    ]
    assert waiting(poisoned) == [(BEN,)]
    main(["list"])
    *_, heading, what = said()
    assert heading.startswith(f"{ADA} in mission_board was dropped from position ")
    assert what.startswith("    2 events, left out until a rebuild can apply them. ")


def test_what_is_not_parked_is_not_found(poisoned: str) -> None:
    for arguments in (["show", "x"], ["replay", "x"], ["drop", "x"]):
        with pytest.raises(NotFound, match=r"^x is not parked\. `python -m workers parked"):
            main(arguments)
    with pytest.raises(NotFound, match=rf"^{ADA} is not parked in leaderboard\."):
        main(["drop", ADA, "--of", "leaderboard"])
    everyone = ", ".join(sorted(model.name for model in READ_MODELS))
    for arguments in (["list", "--of", "x"], ["show", ADA, "--of", "x"]):
        with pytest.raises(NotFound, match=rf"is called x\. There are {everyone}\.$"):
            main(arguments)
    for arguments in (["replay"], ["replay", ADA, "--all"]):
        with pytest.raises(Invalid):
            main(arguments)


def test_ages_are_read_at_a_glance() -> None:
    assert [parked._ago(s) for s in (0, 59, 60, 7_300, 200_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "2 h",
        "2 d",
    ]
