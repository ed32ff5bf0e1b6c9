"""A backup made under load is served elsewhere, and says so; one that lacks something is found."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Unavailable
from tests.product import ROOT
from tests.store import ask
from workers.__main__ import main
from workers.http_client import LostError
from workers.operations import drill as module
from workers.operations.drill import acknowledged, drill
from workers.operations.drill_load import Acknowledged
from workers.servers.processes import until, why_it_ended
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
    config = Settings(database_url=database, nats_url=nats, master_key=os.environ["MASTER_KEY"])
    assert drill(tmp_path / "drill", config, seconds=0.3)
    lines = said().splitlines()
    assert lines[-1] == "The drill holds."
    assert sum("NOT" in line for line in lines) == 0
    assert any("is of no use without the same MASTER_KEY" in line for line in lines)
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_drill_that_is_ended_leaves_nothing_behind(
    number: signal.Signals, database: str, nats: str, tmp_path: Path
) -> None:
    addresses = {"DATABASE_URL": database, "NATS_URL": nats, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "workers", "drill", "--seconds", "600"],
        cwd=ROOT,
        env={**os.environ, **addresses},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    changes = "SELECT count(*) > 100 FROM events.log"
    try:
        assert until(lambda: any(tmp_path.glob("*/here/programs.log")), 60)
        assert until(lambda: ask(database, changes) == [(True,)], 60)
    finally:
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    assert said.splitlines()[-1] == "Stopped. What the drill made for itself is removed."
    assert "Traceback" not in said
    assert process.returncode == 130
    assert list(tmp_path.glob("rapport-drill-*")) == []


SAID = "now [1] FATAL:  no space left on device\nnow [1] STATEMENT: CREATE DATABASE one;\n"


def test_drill_that_cannot_go_on_leaves_the_log_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its programs find no place to write."""

    def refuse(folder: Path) -> None:
        (folder / "postgres.log").write_text(SAID)
        (folder / "password").write_text("a secret")
        raise Unavailable(f"It did not start. Its log is {folder / 'postgres.log'}.")

    for name in ("DATABASE_URL", "NATS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(module, "start_postgres", refuse)
    assert main(["drill"]) == 1
    said = capsys.readouterr()
    (folder,) = tmp_path.iterdir()
    log = folder / "here" / "postgres.log"
    assert said.out == f"What was written down meanwhile is in {folder}.\n"
    assert said.err == f"It did not start. Its log is {log}.\n"
    assert [path for path in folder.rglob("*") if path.is_file()] == [log]
    assert why_it_ended(log) == "no space left on device."


def test_load_that_is_not_taken_is_said_in_a_sentence() -> None:
    said = "^The product did not take the load: PUT was answered 503. The drill needs room"
    with pytest.raises(Unavailable, match=said), module._load_errors_explained():
        raise ExceptionGroup("tasks", [ExceptionGroup("more", [LostError("PUT was answered 503")])])
