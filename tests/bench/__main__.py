"""`python -m tests.bench [figure ...]`: measures each figure beside its baseline.

A number that is missed is a finding, not an error: it is said, and the exit code is 0.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from tests.bench import (
    attendees,
    board,
    cold,
    commands,
    dear,
    feed,
    patch,
    projection,
    rebuild,
    reconnect,
    recovery,
    relay,
    report,
    sessions,
    stall,
    strangers,
    streams,
    takeover,
)
from tests.bench.figure import Figure
from tests.bench.ground import Ground, ground
from workers.settings import read

MODULES: dict[str, ModuleType] = {
    "commands": commands,
    "patch": patch,
    "board": board,
    "feed": feed,
    "projection": projection,
    "streams": streams,
    "reconnect": reconnect,
    "sessions": sessions,
    "attendees": attendees,
    "rebuild": rebuild,
    "relay": relay,
    "dear": dear,
    "strangers": strangers,
    "stall": stall,
    "cold": cold,
    "takeover": takeover,
    "recovery": recovery,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="figure", help=f"some of {', '.join(MODULES)}")
    parser.add_argument("--quick", action="store_true", help="does it run? Its numbers mean little")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(MODULES):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}")
    folder = read().data_dir / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    with ground(folder, say) as its_own:
        figures = measure(its_own, given.names or list(MODULES), quick=given.quick)
    conclude(figures, folder)
    return 0


def measure(its_own: Ground, names: Sequence[str], *, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    for i, name in enumerate(names, 1):
        module = MODULES[name]
        started = time.monotonic()
        its_own.say(f"{name} ({i} of {len(names)})")
        figures += module.measure(its_own, module.QUICK if quick else module.Size())
        its_own.say(f"  took {time.monotonic() - started:.0f} s")
    return figures


def conclude(figures: Sequence[Figure], folder: Path) -> None:
    report.write(figures, folder)
    say("")
    for line in report.table(figures):
        say(line)
    missed = [figure.name for figure in figures if not figure.met]
    say("")
    say(f"Not reached: {', '.join(missed)}." if missed else "Every number is reached.")
    say(f"Written to {folder}: bench.md, bench.json, bench.svg.")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
