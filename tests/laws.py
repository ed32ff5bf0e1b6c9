"""Looks for broken laws, at random, for a while:

    python -m tests.laws --seconds 60 [--plant lock|cursor|key] [--seed N]

A plant is a bug put there on purpose, to see that it is found.
"""

import argparse
import logging
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.laws import LAWS
from tests.harness.machine import Tally
from tests.harness.plants import NOTHING, PLANTS, Plant
from tests.harness.run import databases, run_machine_until
from workers.servers.embedded import start_nats, start_postgres

FOR_PURE_LAWS = 0.25  # of the time
EXAMPLES = 50  # of a law, before the next has its turn
HELD = """\
Held, after every example:
  points never double: the ledger, the boards, the leaderboard and the live feed agree;
  what was acknowledged is in the log, at the position that was told;
  a command that came again changed nothing, and got the same reply;
  the read models are the fold of the log, and the bus holds each event once, in order;
  every reader got every change of theirs once and in order."""


def main() -> int:
    given = _arguments()
    plant = PLANTS[given.plant] if given.plant else NOTHING
    logging.disable(logging.ERROR)
    started = time.monotonic()
    deadline = started + given.seconds
    tally, tried = Tally(), {"examples": 0}
    print(f"Looking for {given.seconds} s; {plant.says}. Again with --seed {given.seed}.")
    try:
        with _progress(deadline, tally, tried):
            if plant is NOTHING:
                _try_laws(started + FOR_PURE_LAWS * given.seconds, given.seed, tried)
            _try_machine(deadline, plant, tally, given.seed)
    except Exception as e:
        print("\n".join(_told(e)))
        print(f"\n{_counted(tally, tried)}\nA law is broken; {plant.says}.")
        return 1
    print(f"{_counted(tally, tried)}\n{HELD}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.laws", description=__doc__)
    parser.add_argument("--seconds", type=_seconds, default=60)
    parser.add_argument("--plant", choices=sorted(PLANTS))
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    return parser.parse_args()


def _seconds(text: str) -> int:
    if text.isdecimal() and int(text):
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is no number of seconds, 1 or more. With make it is BUDGET=60."
    )


def _try_laws(deadline: float, seed: int, tried: dict[str, int]) -> None:
    while True:
        for law in LAWS:
            if time.monotonic() > deadline:
                return
            tried["examples"] += law.try_out(EXAMPLES, seed, shrink=deadline - time.monotonic())
        seed += 1


def _try_machine(deadline: float, plant: Plant, tally: Tally, seed: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        postgres = start_postgres(Path(home) / "postgres")
        try:
            nats = start_nats(Path(home) / "nats")
            try:
                make = databases(postgres.url)
                run_machine_until(deadline, make, nats.url, plant, tally, seed)
            finally:
                nats.stop()
        finally:
            postgres.stop()


@contextmanager
def _progress(deadline: float, tally: Tally, tried: dict[str, int]) -> Iterator[None]:
    """A line that is written over, where somebody looks."""
    done = threading.Event()

    def tell() -> None:
        while not done.wait(0.5):
            left = max(0, round(deadline - time.monotonic()))
            line = f"{tried['examples']:,} pure examples, {tally.steps:,} steps; {left} s left"
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell)
    if sys.stderr.isatty():
        teller.start()
    try:
        yield
    finally:
        done.set()
        if teller.is_alive():
            teller.join()
            print("\r" + " " * 70 + "\r", end="", file=sys.stderr, flush=True)


def _told(error: BaseException) -> Iterator[str]:
    """Lines about an error, and the smallest example of it that was found."""
    if isinstance(error, ExceptionGroup):
        for one in error.exceptions:
            yield from _told(one)
    else:
        yield f"{type(error).__name__}: {error}"
    yield from getattr(error, "__notes__", ())


def _counted(tally: Tally, tried: dict[str, int]) -> str:
    pure = f"{len(LAWS)} pure laws were tried on {tried['examples']:,} examples.\n"
    return (pure if tried["examples"] else "") + (
        f"On real servers, {tally.examples:,} examples took {tally.steps:,} steps: "
        f"{tally.sent:,} commands were sent, {tally.acknowledged:,} acknowledged and "
        f"{tally.refused:,} refused by a rule, {tally.unknown:,} not answered; "
        f"{tally.crashes:,} crashes and broken lines; {tally.messages:,} messages heard."
    )


if __name__ == "__main__":
    sys.exit(main())
