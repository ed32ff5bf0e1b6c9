"""The bench runs, and says what it saw. Numbers of a run this short mean little."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.__main__ import MODULES, conclude, measure
from tests.bench.figure import Figure
from tests.bench.ground import Ground
from tests.bench.report import Line, table
from tests.bench.sessions import SCHEDULE

positive = st.floats(0.001, 1e6)


@given(ours=positive, reach=positive, at_most=st.booleans())
def test_number_is_met_exactly_where_its_share_is_whole(
    ours: float, reach: float, at_most: bool
) -> None:
    figure = Figure("f", "what", "ms", (ours,), reach, at_most=at_most)
    assert figure.met == (figure.share >= 1)
    assert (figure.verdict == "met") == figure.met


def test_ratio_is_the_median_of_rounds_not_of_sides() -> None:
    figure = Figure("f", "what", "/s", (100, 10, 40), reach=3, baseline=(10, 10, 20))
    assert figure.number == 2
    assert figure.verdict == "missed by 33%"


def test_every_figure_is_measured_and_reported(
    postgres: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    figures = measure(Ground(postgres, tmp_path, said.append), list(MODULES), quick=True)
    conclude(figures, tmp_path)

    names = ["commands", "patch", "board", "feed p50", "feed p99", "projection", "streams"]
    names += [
        "reconnect",
        "reconnect boards",
        "sessions sql",
        "sessions http",
        "sessions large",
        "sessions refresh",
    ]
    if SCHEDULE.is_file():
        names += ["import http", "reimport http", "import cli", "reimport cli"]
    names += [f"attendees {name}" for name in ("ranked", "directory", "profile", "join", "memory")]
    names += ["rebuild", "rebuild swap", "relay", "dear", "strangers", "stall", "cold"]
    names += ["takeover", "takeover max"]
    names += [f"recovery {name}" for name in ("postgres", "nats", "workers", "api")]
    lines = msgspec.json.decode((tmp_path / "bench.json").read_bytes(), type=list[Line])
    assert [figure.name for figure in figures] == names
    assert [line.figure for line in lines] == figures
    assert all(figure.number > 0 for figure in figures)
    assert capsys.readouterr().out.split("\n")[1 : len(names) + 2] == list(table(figures))
    assert (tmp_path / "bench.svg").read_text().startswith("<?xml")
