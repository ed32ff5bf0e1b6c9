"""When a test runs, and beside which others, where several pytest processes share a run.

What reads a clock runs alone, once everything else has ended; so does what is marked `alone`. What
is left runs in groups, each in one process: the tests of a module share what its fixtures start.
`slow` is what `make test-fast` leaves out.
"""

import ast
import fcntl
import os
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.product import ROOT

ALONE = "alone"
TELLS = {ALONE, "monotonic", "perf_counter", "process_time", "thread_time"}

# Browsers, processes that are killed, commands that are started, benches and state machines.
SLOW = (
    *("/browser/", "/bench/", "/flows/", "/contacts/", "/demo/", "/operations/", "/proof/"),
    *("/servers/", "/test_alerts", "/test_command.", "/test_consumer", "/test_machine"),
    *("/engine/test_rebuild.", "/harness/test_plans", "/harness/test_questions"),
    *("/test_runner_deaths", "/test_schema", "/workers/test_tokens", "/api/test_ending"),
    # processes and connections that end, or that others wait for
    *("/engine/test_election", "/store/test_bulk", "/work/test_computing", "/test_log_writer"),
    *("/bus/test_relay", "/reads/test_hung", "/reads/test_lost", "/live/test_feed_losses"),
    *(
        "/workers/test_telemetry",
        "/test_private_parts",
        "/reads/test_reading",
        "/reads/test_renewal",
    ),
    *("/engine/test_side_by_side", "/live/test_late_feeds"),
    # whole logs folded, time after time, and all the real schedules there are
    *("/engine/test_retelling", "/missions/test_time_travel", "/live/test_belated", "/test_sizes"),
    *("/engine/test_spilling", "/engine/test_comparison"),
    *("/schedules/", "/formats/test_frab", "/api/test_schedule.", "/test_origin"),
)
# What happens to somebody in a test that says so in its name.
DEATHS = {"killed", "dies", "dead", "lost", "away", "dropped", "ends"}
SLOW_FIXTURES = {"browser", "restarting"}
# Folders with the longest modules, which start first: one of them at the end would run on while the
# other processes have nothing left to do.
FIRST = ("browser", "bench", "flows", "workers", "harness")


def group(nodeid: str) -> str:
    """Tests of a group run in one process."""
    path, _, name = nodeid.partition("::")
    return ALONE if name.partition("[")[0] in alone_in(ROOT / path) else path


@cache
def alone_in(module: Path) -> frozenset[str]:
    """The tests in it that ask for the time, or are marked."""
    text = module.read_text(encoding="utf-8")
    if not any(word in text for word in TELLS):
        return frozenset()  # most of them, and parsing them all takes each process a second
    tree = ast.parse(text)
    tests = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")]
    return frozenset(test.name for test in tests if TELLS & {*_attributes(test)})


def _attributes(tree: ast.AST) -> Iterator[str]:
    return (node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def is_slow(item: Any) -> bool:
    path, _, name = item.nodeid.partition("::")
    return (
        any(part in path for part in SLOW)
        or not DEATHS.isdisjoint(name.partition("[")[0].split("_"))
        or not SLOW_FIXTURES.isdisjoint(item.fixturenames)
    )


def arrange(items: "list[pytest.Item]") -> None:
    """Marks each item, and puts them into the order in which their groups are handed out."""
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if is_slow(item):
            item.add_marker("slow")
        groups.setdefault(group(item.nodeid), []).append(item)
    items[:] = chain(*(groups[name] for name in sorted(groups, key=_rank)))


def _rank(group: str) -> int:
    if group == ALONE:
        return len(FIRST) + 1
    folder = Path(group).parts[1]
    return FIRST.index(folder) if folder in FIRST else len(FIRST)


class Scheduling(LoadScopeScheduling):
    """Hands out whole groups, in the order of the items."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


class Turn:
    """Each process of a run has one, of the same file, until it ends."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def wait_for_others(self) -> None:
        """Until they have ended."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def end(self) -> None:
        os.close(self._descriptor)
