"""A proof from its beginning to its end, on a stack that has been started."""

import asyncio
import time

from domain.errors import Unavailable
from workers.progress import Progress
from workers.proof import faults, finale
from workers.proof.catching_up import CatchingUp
from workers.proof.faults import CALM, FAULTS, PATIENCE, Fault, Recovery
from workers.proof.ledger import LineReader, Mark
from workers.proof.report import Proof
from workers.proof.stack import Stack
from workers.servers.processes import read_log

FIRST = 60.0  # seconds in which the first change must be acknowledged, shown and heard
LAST = 60.0  # seconds in which everybody must have caught up


class Run:
    def __init__(self, stack: Stack, seconds: int) -> None:
        self._stack = stack
        self._seconds = seconds
        self._progress = Progress(seconds, "s")
        self._random = stack.spec.random("faults")
        self._page = LineReader(stack.spec.file("marks.jsonl"), Mark)
        self._marks: list[Mark] = []
        self._recoveries: list[Recovery] = []
        self._unrecovered: list[str] = []
        self._ours = [fault for fault in FAULTS if stack.has(fault.of)]
        self._struck: set[str] = set()

    def proof(self) -> Proof:
        self._begin()
        began = time.monotonic()
        self._fail_until(began, began + self._seconds)
        self._progress.finish()
        self._stack.settle()
        seconds = time.monotonic() - began
        self._stack.wait(CatchingUp(self._stack.spec).done, LAST)
        self._stack.require_load()
        found, checks = asyncio.run(finale.examined(self._stack.spec))
        untried = [fault.says for fault in self._ours if fault.says not in self._struck]
        return Proof(found, checks, self._recoveries, self._unrecovered, untried, seconds)

    def _begin(self) -> None:
        now = time.monotonic()
        if self._recovered("the start", now, now, FIRST) is None:
            self._stack.require_load()
            words = read_log(self._stack.spec.file("api.log"))[-500:]
            raise Unavailable(f"The product did not begin to work: {words or 'it said nothing'}")

    def _fail_until(self, began: float, end: float) -> None:
        self._wait_until(began, began + faults.FIRST)
        for fault in faults.order(self._ours, self._random):
            calm = time.monotonic() + self._random.uniform(*CALM)
            self._wait_until(began, min(calm, end))
            if time.monotonic() >= end or not self._strike(fault):
                return

    def _wait_until(self, began: float, moment: float) -> None:
        def reached() -> bool:
            self._progress.reached(min(self._seconds, round(time.monotonic() - began)))
            return time.monotonic() >= moment

        self._stack.wait(reached, PATIENCE)

    def _strike(self, fault: Fault) -> bool:
        """Causes a fault. Whether the product recovered."""
        self._struck.add(fault.says)
        struck, down = faults.strike(fault, self._stack)
        recovery = self._recovered(fault.says, struck, down, PATIENCE)
        self._stack.wait(self._stack.runs, PATIENCE)  # readers may be served long before
        if recovery:
            self._recoveries.append(recovery)
        else:
            self._unrecovered.append(f"{fault.says}: not as before within {PATIENCE:.0f} s.")
        return recovery is not None

    def _recovered(self, what: str, struck: float, down: float, seconds: float) -> Recovery | None:
        found: list[Recovery] = []
        self._marks.clear()

        def recovered() -> bool:
            self._marks += (mark for mark in self._page.new() if mark.at >= down)
            found.extend(filter(None, [faults.recovery(what, struck, down, self._marks)]))
            return bool(found)

        self._stack.wait(recovered, seconds)
        return found[0] if found else None
