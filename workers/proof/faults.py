"""The faults of a proof, one at a time in an order that a seed repeats, and how long recovery
takes."""

import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import median

import psycopg
from msgspec import Struct

from sql import statements
from workers.proof.ledger import Mark
from workers.proof.stack import API, NATS, POSTGRES, SECOND, WORKERS, Stack
from workers.proof.switched_on import STALLED

SQL = statements("proof")
PATIENCE = 30.0  # seconds in which the product must recover
CALM = 0.3, 0.9  # seconds between faults
MORE = 2.0  # seconds of messages that are then lost
FIRST = 2.0  # seconds before the first fault


class Fault(Struct, frozen=True):
    """`of` is the service that must be our own for it. The time of `prepare` does not count."""

    says: str
    of: str
    strike: Callable[[Stack], None]
    prepare: Callable[[Stack], None] = lambda stack: None


def _end_backends(stack: Stack) -> None:
    with psycopg.connect(stack.spec.database_url, autocommit=True) as connection:
        connection.execute(SQL["end_backends"])


def _lose_stream(stack: Stack) -> None:
    stack.kill(NATS)
    stack.stream.wipe()


def _keep_copy(stack: Stack) -> None:
    """Copies the files of JetStream, then lets more be published."""
    stack.kill(NATS)
    stack.stream.copy()
    stack.wait(stack.runs, PATIENCE)
    enough = time.monotonic() + MORE
    stack.wait(lambda: time.monotonic() > enough, MORE)


def _go_back_to_copy(stack: Stack) -> None:
    stack.kill(NATS)
    stack.stream.restore()


def _wait_for_work(stack: Stack) -> None:
    """Until somebody is in the middle of it."""
    with psycopg.connect(stack.spec.database_url, autocommit=True) as connection:
        stack.wait(lambda: connection.execute(SQL["at_work"]).fetchone() == (True,), PATIENCE)


def _freeze(stack: Stack) -> None:
    """Until others do what it is at; then it wakes up in the middle of that."""
    with stack.frozen(SECOND):
        enough = time.monotonic() + 2 * STALLED
        stack.wait(lambda: time.monotonic() > enough, PATIENCE)


FAULTS = (
    Fault("kill -9 of the api", API, lambda stack: stack.kill(API)),
    Fault("kill -9 of the workers", WORKERS, lambda stack: stack.kill(WORKERS)),
    Fault("kill -9 of nats-server", NATS, lambda stack: stack.kill(NATS)),
    Fault("all that JetStream holds is lost", NATS, _lose_stream),
    Fault("JetStream loses its last messages", NATS, _go_back_to_copy, _keep_copy),
    Fault("kill -9 of the postmaster", POSTGRES, lambda stack: stack.kill(POSTGRES)),
    Fault("every connection to Postgres ends", WORKERS, _end_backends),
    Fault("kill -9 of workers at work", WORKERS, lambda s: s.kill(WORKERS), _wait_for_work),
    Fault("kill -9 of a second worker at work", SECOND, lambda s: s.kill(SECOND), _wait_for_work),
    Fault("a worker stands still past its leases", SECOND, _freeze, _wait_for_work),
)


class Recovery(Struct, frozen=True):
    """Seconds from a fault until a change that was sent after it was acknowledged, shown by the
    read model, and heard on a live feed."""

    fault: str
    acked: float
    shown: float
    heard: float


def order(faults: Sequence[Fault], random: Random) -> Iterator[Fault]:
    """All faults in random order, for ever: each kind once before any comes again."""
    while True:
        yield from random.sample(faults, len(faults))


def recovery(fault: str, struck: float, down: float, marks: Sequence[Mark]) -> Recovery | None:
    """The recovery, once there is one. Only changes that were sent after `down` count: earlier ones
    may have been answered by what was then killed."""
    acked = next((m for m in marks if m.kind == "acked" and m.sent >= down), None)
    if acked is None:
        return None
    later = [_first(kind, acked.position, down, marks) for kind in ("shown", "heard")]
    if None in later:
        return None
    return Recovery(fault, acked.at - struck, *(at - struck for at in later if at is not None))


def _first(kind: str, position: int, after: float, marks: Sequence[Mark]) -> float | None:
    found = (m.at for m in marks if m.kind == kind and m.position >= position and m.at >= after)
    return next(found, None)


class Times(Struct, frozen=True):
    """Recoveries from one kind of fault: their count, and (median, maximum) of each step in
    seconds."""

    fault: str
    count: int
    acked: tuple[float, float]
    shown: tuple[float, float]
    heard: tuple[float, float]


def times(recoveries: Sequence[Recovery]) -> list[Times]:
    kinds = dict.fromkeys(r.fault for r in recoveries)
    return [_times(kind, [r for r in recoveries if r.fault == kind]) for kind in kinds]


def _times(kind: str, of_kind: Sequence[Recovery]) -> Times:
    steps = zip(*((r.acked, r.shown, r.heard) for r in of_kind), strict=True)
    return Times(kind, len(of_kind), *((median(step), max(step)) for step in steps))


def strike(fault: Fault, stack: Stack) -> tuple[float, float]:
    """Causes a fault. Gives the times before and after it."""
    fault.prepare(stack)
    struck = time.monotonic()
    fault.strike(stack)
    return struck, time.monotonic()
