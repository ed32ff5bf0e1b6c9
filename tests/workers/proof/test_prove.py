"""`python -m workers prove`, from outside: it holds, it finds what is planted, and it leaves
nothing behind. Servers are those of the tests where they can be: new ones take time."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.capabilities import AGGREGATES, RENAMED
from domain.conferences import AnnounceConference
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from sql import statements
from tests.product import ROOT
from workers.proof.plants import PLANTS
from workers.servers.processes import until

ON_LINUX = pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
# Some show only where a line breaks, or a reader comes, at one moment.
SECONDS = {"lock": "1", "cursor": "1", "key": "3", "window": "2", "lease": "2", "based_on": "3"}
LIMIT = 120.0  # seconds; alone on a machine it takes a tenth of that

# The check that a plant must fail, whatever else it fails.
FOUND_BY = {
    "lock": "events read by the tail, lost",
    "cursor": "rows of read models, lost",
    "key": "commands sent again under their key, doubled",
    "window": "changes on live feeds, lost",
    "lease": "letters, doubled",
    "based_on": "summaries, doubled",
}


class Proving:
    """The command as a process; what it makes for itself is below `home`."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home = home
        addresses = {"DATABASE_URL": "", "NATS_URL": "", "TMPDIR": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers", "prove", *arguments],
            cwd=ROOT,
            env={**os.environ, **addresses, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def said(self) -> str:
        """All of it, once it has ended."""
        return self.process.communicate(timeout=LIMIT)[0]

    def left(self) -> list[int]:
        """Processes of it that still run."""
        found = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())
        return [pid for pid in found if str(self.home).encode() in _told(pid)]


def _told(pid: int) -> bytes:
    """The command line and environment of a process; empty for one that is gone, or not ours."""
    try:
        folder = Path(f"/proc/{pid}")
        return (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="module")
def staging(new_database: Callable[[], str]) -> str:
    """Each proof is beside what those before it have left there."""
    return new_database()


@pytest.fixture
def proving(tmp_path: Path) -> Iterator[Callable[..., Proving]]:
    started: list[Proving] = []

    def start(*arguments: str, **environment: str) -> Proving:
        started.append(Proving(tmp_path, *arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        one.process.terminate()
        one.process.communicate(timeout=LIMIT)


@pytest.mark.parametrize("plant", PLANTS)
def test_plant_is_found(plant: str, proving: Callable[..., Proving], staging: str) -> None:
    run = proving(
        "--seconds", SECONDS[plant], "--seed", "1", "--plant", plant, DATABASE_URL=staging
    )
    said = run.said()
    assert run.process.returncode == 1, said
    assert f"\n{FOUND_BY[plant]}" in said
    assert "\nIt does not hold.\n" in said


def test_product_holds(proving: Callable[..., Proving], staging: str) -> None:
    run = proving("--seconds", "4", "--seed", "5", DATABASE_URL=staging)
    said = run.said()
    assert run.process.returncode == 0, said
    assert said.endswith("nothing was lost, nothing was doubled, everything recovered.\n")
    assert list(run.home.iterdir()) == []


def test_database_with_events_of_others_is_left_alone(
    proving: Callable[..., Proving], database: str
) -> None:
    with closing(History(open_recorder(database, statements("history")), AGGREGATES, RENAMED)) as h:
        announced = AnnounceConference(event_id="evt_1", name="A conference", timezone="UTC")
        asyncio.run(h.execute(announced, by=Author("admin", "evt_1")))
    run = proving("--seconds", "2", DATABASE_URL=database)
    assert "--yes" in run.said()
    assert run.process.returncode == 1


@ON_LINUX
def test_ctrl_c_ends_all_that_it_started(proving: Callable[..., Proving]) -> None:
    run = proving("--seconds", "60")
    assert until(lambda: any(run.home.glob("*/heard.jsonl")), LIMIT)
    run.process.send_signal(signal.SIGINT)
    said = run.said()
    assert run.process.returncode == 130, said
    assert run.left() == []
    assert list(run.home.iterdir()) == []
