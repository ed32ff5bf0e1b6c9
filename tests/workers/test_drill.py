"""A backup made under load is served elsewhere, and says so; one that lacks something is found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store import ask
from workers.drill import acknowledged, drill
from workers.drill_load import Acknowledged
from workers.settings import Settings

BOARD = "missions:evt_1:ada"
TOLD = [
    Acknowledged(7, (BOARD, "MissionStarted")),
    Acknowledged(8, (BOARD, "MissionCompleted")),
    Acknowledged(9, (BOARD, "MissionStarted")),
]
LOG = {one.position: one.change for one in TOLD}


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().out


def test_backup_under_load_is_served_elsewhere(
    database: str, nats: str, tmp_path: Path, said: Callable[[], str]
) -> None:
    config = Settings(database_url=database, nats_url=nats)
    assert drill(tmp_path / "drill", config, seconds=0.3)
    lines = said().splitlines()
    assert lines[-1] == "The drill holds."
    assert sum("NOT" in line for line in lines) == 0
    names = "SELECT count(DISTINCT split_part(originator_id, ':', 2)) FROM events.log"
    assert ask(database, names) == [(1,)]


def test_what_came_after_the_dump_began_may_be_there_or_not(said: Callable[[], str]) -> None:
    for end in (8, 9):
        there = {position: change for position, change in LOG.items() if position <= end}
        assert acknowledged(TOLD, there, begun=8, end=end)
    assert "NOT" not in said()


@pytest.mark.parametrize(
    ("log", "end"),
    [
        ({7: LOG[7]}, 7),
        ({7: LOG[7], 9: LOG[9]}, 9),
        ({**LOG, 8: ("missions:evt_1:ben", "MissionCompleted")}, 9),
        ({**LOG, 8: (BOARD, "MissionStarted")}, 9),
    ],
    ids=["cut off before it", "a hole in it", "of another stream", "another event"],
)
def test_backup_that_lacks_what_was_acknowledged_is_found(
    log: dict[int, tuple[str, str]], end: int, said: Callable[[], str]
) -> None:
    assert not acknowledged(TOLD, log, begun=8, end=end)
    assert said() == "Acknowledged commands that are NOT in the backup: 1.\n"
