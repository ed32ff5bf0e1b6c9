import asyncio
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.engine.lag import Lag
from tests.boards import clicks, opening, project, recording
from tests.product import ROOT
from tests.store import ask
from tests.waiting import eventually
from workers.operations import lag
from workers.servers.command_database import running_database
from workers.servers.embedded import running_postgres, start_postgres
from workers.settings import Settings

numbers = st.integers(0, 10**12)
times = st.floats(0, 1e9)
words = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=40)
lags = st.builds(
    Lag,
    words,
    st.sampled_from(["read_model", "relay", "worker"]),
    st.integers(0, 9),
    numbers,
    numbers,
    st.none() | words,
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    numbers,
    numbers,
    times,
    times,
    times,
)
WELL = Lag("board", "read_model", 1, 10, 10, None, 0, 0, 10, 0, 0.1, 1.0, 0.0)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", *arguments],
        cwd=ROOT,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@given(st.lists(lags, min_size=1, max_size=5))
def test_table_fits_80_columns_and_has_a_line_for_each(known: list[Lag]) -> None:
    said = list(lag.lines(known))
    rows = said[2 : 2 + len(known)]
    small = [row for row, one in zip(rows, sorted(known, key=_order), strict=True) if _usual(one)]
    assert all(len(row) <= 80 for row in small)
    assert sorted(row.rpartition("  ")[2] for row in rows) == sorted(one.word for one in known)


def _order(one: Lag) -> tuple[str, str]:
    return one.kind, one.name


def _usual(one: Lag) -> bool:
    most = 10**10
    return max(one.position, one.seen) < most and one.events_behind < 10**8 and one.behind_by < 1e5


def test_reader_that_needs_somebody_says_why() -> None:
    assert lag.why(WELL) is None
    assert lag.why(replace(WELL, problem="ValueError: no")) == "board: ValueError: no"
    assert lag.why(replace(WELL, silent_for=7.0)) == (
        "board: no sign of life for 7 s. Start a workers process."
    )
    still = replace(WELL, events_behind=1, still_for=9.0, behind_by=8.0)
    assert lag.why(still) == "board: it has applied nothing for 8 s."
    assert lag.why(replace(WELL, parked=1)) == (
        "board: see `python -m workers parked list --of board`."
    )
    assert lag.why(replace(WELL, waiting=1)) == f"board: {lag.NEWER}"


def test_command_says_how_all_fare_and_ends_with_1_where_somebody_is_needed(database: str) -> None:
    with recording(database) as record:
        record(*opening(), *clicks(1))
    asyncio.run(project(database))
    well = run("lag", DATABASE_URL=database)
    ask(database, "UPDATE views.positions SET problem = 'X: y' WHERE name = 'leaderboard'")
    ill = run("lag", DATABASE_URL=database)

    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.splitlines()[0] == "The log ends with 3."
    assert {line.split()[-1] for line in well.stdout.splitlines()[2:]} == {"live"}
    assert (ill.returncode, ill.stdout.splitlines()[-1]) == (1, "leaderboard: X: y")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_watch_redraws_in_place_on_a_terminal_alone(
    database: str, monkeypatch: pytest.MonkeyPatch, kind: Callable[[], io.StringIO]
) -> None:
    monkeypatch.setattr(lag, "INTERVAL", 0.0)
    asyncio.run(project(database))
    out = kind()

    async def story() -> None:
        watching = asyncio.create_task(lag.watch(lambda: database, out))
        await eventually(lambda: out.getvalue().count("The log ends") > 2)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(story())
    first, second, *_ = out.getvalue().split("The log ends with 0.")[1:]
    height = first.count("\n")
    assert ("\x1b" in out.getvalue()) == out.isatty()
    assert first.endswith(f"\x1b[{height}A\x1b[J" if out.isatty() else "\n\n")
    assert second.count("\n") == height


def test_watch_outlives_a_database_that_is_away() -> None:
    url = "postgresql://127.0.0.1:1/none"
    (line,) = asyncio.run(lag._table(lambda: url))
    assert line.startswith("The database does not answer: ")


# Where the database is
def test_watch_starts_nothing_and_follows_an_embedded_database_wherever_it_is(
    tmp_path: Path,
) -> None:
    def line() -> str:
        return next(asyncio.run(lag._table(lambda: running_database(at_home))))

    at_home = Settings(data_dir=tmp_path)
    said = [line()]
    for _ in range(2):
        server = start_postgres(tmp_path)
        try:
            migrated = run("migrate", DATABASE_URL=server.url)
            assert migrated.returncode == 0
            said.append(line())
        finally:
            server.stop()
        said.append(line())

    nobody = "Nobody has read the log here yet: start a workers process (python -m workers run)."
    nothing = (
        f"Nothing runs in {tmp_path} at the moment. To start it: `make run DATA_DIR={tmp_path}`."
    )
    assert said == [nothing, nobody, nothing, nobody, nothing]


def test_command_finds_the_embedded_database_as_it_runs_and_starts_it_where_it_does_not(
    tmp_path: Path,
) -> None:
    nothing = run("lag", DATA_DIR=str(tmp_path))
    server = start_postgres(tmp_path)
    try:
        found = running_postgres(tmp_path)
        migrated = run("migrate", DATABASE_URL=server.url)
        beside = run("lag", DATA_DIR=str(tmp_path))
    finally:
        server.stop()
    alone = run("lag", DATA_DIR=str(tmp_path))

    assert nothing.returncode == 1
    assert nothing.stderr.startswith(f"There is no database in {tmp_path} yet. Make one with ")
    assert (found, migrated.returncode) == (server.url, 0)
    nobody = "Nobody has read the log here yet: start a workers process (python -m workers run).\n"
    assert [beside.stdout, alone.stdout] == [nobody, nobody]
    assert running_postgres(tmp_path) is None
