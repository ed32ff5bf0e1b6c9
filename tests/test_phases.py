"""Each test belongs to a phase of the run, and what measures time is left alone in it."""

import threading
from itertools import groupby
from pathlib import Path

import pytest

from tests import phases
from tests.phases import Turn
from tests.product import ROOT

TESTS = ROOT / "tests"


def test_tests_of_a_module_stay_together_and_those_that_measure_time_come_last(
    request: pytest.FixtureRequest,
) -> None:
    groups = [name for name, _ in groupby(request.session.items, lambda i: phases.group(i.nodeid))]
    assert len(groups) == len({*groups})
    assert phases.ALONE not in groups[:-1]


def test_what_is_slow_is_marked_and_nothing_else(request: pytest.FixtureRequest) -> None:
    marked = [bool(item.get_closest_marker("slow")) for item in request.session.items]
    assert marked == [phases.is_slow(item) for item in request.session.items]
    assert not request.node.get_closest_marker("slow")


def test_places_of_what_is_slow_are_there() -> None:
    modules = [str(path) for path in TESTS.rglob("test_*.py")]
    assert [place for place in phases.SLOW if not any(place in path for path in modules)] == []
    assert {path.name for path in TESTS.iterdir()} >= {*phases.FIRST}


def test_what_asks_for_the_time_or_is_marked_is_alone(tmp_path: Path) -> None:
    module = tmp_path / "test_it.py"
    module.write_text(
        "def helper(): time.monotonic()\n"
        "def test_plain(): helper()\n"
        "def test_timed():\n    def inner(): return time.perf_counter()\n"
        "@pytest.mark.alone\ndef test_marked(): pass\n"
    )
    assert phases.alone_in(module) == {"test_timed", "test_marked"}
    assert phases.group(f"{module}::test_timed") == phases.ALONE
    assert phases.group(f"{module}::test_plain[1]") == str(module)


def test_one_waits_until_the_others_have_ended(tmp_path: Path) -> None:
    one, *others = (Turn(tmp_path / "turn") for _ in range(3))
    waiting = threading.Thread(target=one.wait_for_others)
    waiting.start()
    for other in others:
        waiting.join(0.05)
        assert waiting.is_alive()
        other.end()
    waiting.join(10)
    assert not waiting.is_alive()
    one.end()
