"""Read models built anew, where streams are parked."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from domain.aggregate import Recorded
from domain.errors import Refused
from domain.missions import MissionReset, ResetMission, StartMission
from projections.missions import MISSION_BOARD
from projections.read_model import Change
from projections.rebuild import Different
from tests.boards import clicks, end_of, opening, project, recording
from tests.projections.test_rebuild import Heard, content, rebuilt
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


def test_stream_that_was_dropped_is_parked_again_only_where_that_is_accepted(
    database: str,
) -> None:
    broken = replace(MISSION_BOARD, project=of_nobody_else)
    with recording(database) as record:
        record(*opening(), *ben_resets())
        asyncio.run(project(database, [broken]))
        held_back = parked(database)
        ask(database, "UPDATE views.parked SET asked = 'drop'")
        asyncio.run(project(database, [broken]))
    with pytest.raises(Refused, match="has to park 1 more of its streams, which were dropped"):
        rebuilt(database, broken)
    assert parked(database) == []
    rebuilt(database, broken, accept=True)
    assert parked(database) == held_back


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
