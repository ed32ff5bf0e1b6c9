"""Read models built anew, where streams are parked."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.missions import MissionReset, ResetMission, StartMission
from projections.engine.rebuild import Different
from projections.missions.rows import MISSION_BOARD
from projections.read_model import Change, ReadModel
from tests.boards import clicks, end_of, opening, project, recording
from tests.projections.engine.test_rebuild import Heard, content, rebuilt
from tests.store import ask


def of_nobody_else(recorded: Recorded) -> Iterator[Change]:
    """It does not expect Ben."""
    if recorded.stream.endswith(":ben") and isinstance(recorded.event, MissionReset):
        raise LookupError("who is Ben?")
    yield from MISSION_BOARD.project(recorded)


def parked(database: str) -> list[tuple[Any, ...]]:
    return ask(database, "SELECT reader, stream, position FROM views.parked")


def test_stream_that_cannot_be_applied_is_parked_in_the_rebuilt_one_too(database: str) -> None:
    broken = replace(MISSION_BOARD, project=of_nobody_else)
    with recording(database) as record:
        record(*opening(), *ben_resets(), *clicks(3, "ada"))
        asyncio.run(project(database, [broken]))
        before, held_back = content(database), parked(database)
        done = rebuilt(database, broken)
        assert (done.position, done.different) == (end_of(database), [])
        assert (content(database), parked(database)) == (before, held_back)
    assert [stream for _, stream, _ in held_back] == ["missions:evt_1:ben"]


@pytest.mark.parametrize("version", [1, 2])
def test_what_was_dropped_is_left_out_of_the_rebuilt_one_too(database: str, version: int) -> None:
    broken = replace(MISSION_BOARD, project=of_nobody_else)
    with recording(database) as record:
        record(*opening(), *ben_resets())
        asyncio.run(project(database, [broken]))
        dropped(database, broken)
        record(*clicks(1, "ben"))
        asyncio.run(project(database, [broken]))
        before, left_out = content(database), out_of(database)
        for _ in range(2):
            done = rebuilt(database, replace(broken, version=version))
            assert (done.position, done.different) == (end_of(database), [])
            assert (content(database), out_of(database)) == (before, left_out)
    assert (parked(database), [row[:2] for row in left_out]) == ([], [("missions:evt_1:ben", 4)])


def test_what_was_dropped_and_can_be_applied_now_is_left_out_no_longer(database: str) -> None:
    broken = replace(MISSION_BOARD, project=of_nobody_else)
    with recording(database) as record:
        record(*opening(), *ben_resets())
    asyncio.run(project(database, [broken]))
    dropped(database, broken)
    rebuilt(database, replace(MISSION_BOARD, version=2))
    assert (parked(database), out_of(database)) == ([], [])
    assert ask(database, "SELECT status FROM views.member_missions") == [("not_started",)]


def dropped(database: str, model: ReadModel) -> None:
    ask(database, "UPDATE views.parked SET asked = 'drop'")
    asyncio.run(project(database, [model]))


def out_of(database: str) -> list[tuple[Any, ...]]:
    return ask(database, "SELECT stream, position, until, dropped_at FROM views.dropped")


def test_stream_that_can_be_applied_now_is_parked_no_longer(database: str) -> None:
    broken = replace(MISSION_BOARD, project=of_nobody_else)
    with recording(database) as record:
        record(*opening(), *ben_resets(), *clicks(3, "ada"))
        asyncio.run(project(database, [broken]))
        heard = Heard()
        with pytest.raises(Different):
            rebuilt(database, MISSION_BOARD, observer=heard)
        assert len(parked(database)) == 1
        rebuilt(database, MISSION_BOARD, accept=True)
        record(*clicks(1, "ben"))
        asyncio.run(project(database, [MISSION_BOARD]))
    assert heard.sentences == [
        "1 stream is parked in mission_board. What can be applied now will be in the new tables."
    ]
    assert parked(database) == []
    rows = ask(database, "SELECT member_id, status FROM views.member_missions ORDER BY 1")
    assert rows == [("ada", "completed"), ("ben", "completed")]


def ben_resets() -> list[Any]:
    about: Any = {"event_id": "evt_1", "member_id": "ben", "mission_id": "goals"}
    return [StartMission(**about), ResetMission(**about)]
