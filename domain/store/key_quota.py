"""How many Idempotency-Keys of one principal are kept: MOST, give or take STEP for each process.

A key is a row for 48 hours. Without a bound one member could fill the disk with them. They are
counted in the database once in STEP new ones, as far as MOST, and before the lock of the writers is
taken: no other process waits for that. Reactions have no bound: they need the keys that they write,
and write no more than there are events.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping

from domain.errors import TooMany
from domain.store.recorder import KeyName, KeyRow

MOST = 100_000  # keys of one principal
STEP = 1_000  # new keys of one principal between two counts
AGAIN = 60.0  # seconds until who has too many is counted again
RETRY_AFTER = 3600.0  # seconds: so often upkeep deletes those that are too old
REMEMBERED = 20_000  # principals

Count = Callable[[list[str], int], Mapping[str, int]]


class KeyQuota:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, int] = OrderedDict()  # new keys until the next count
        self._full: dict[str, float] = {}  # when who has too many is counted again

    def full(self, keys: Iterable[KeyName], count: Count) -> frozenset[str]:
        """Those principals of these keys who have as many as are kept. `count` gives how many keys
        there are of each of some, as far as a number."""
        asked = {principal for principal, _ in keys if is_bounded(principal)}
        now = self._clock()
        if due := [
            p for p in asked if self._left.get(p, STEP) <= 0 and self._full.get(p, now) <= now
        ]:
            for principal, counted in count(due, MOST).items():
                self._counted(principal, counted, now)
        return frozenset(asked & self._full.keys())

    def add(self, rows: Iterable[KeyRow]) -> None:
        """Keys that are kept from now on."""
        whose = (row.principal for row in rows)
        for principal, new in Counter(filter(is_bounded, whose)).items():
            self._left[principal] = self._left.get(principal, STEP) - new
            self._left.move_to_end(principal)
        while len(self._left) > REMEMBERED:
            forgotten, _ = self._left.popitem(last=False)
            self._full.pop(forgotten, None)

    def _counted(self, principal: str, counted: int, now: float) -> None:
        self._left[principal] = min(STEP, MOST - counted)
        if counted < MOST:
            self._full.pop(principal, None)
        else:
            self._full[principal] = now + AGAIN


def is_bounded(principal: str) -> bool:
    """No member's id has a colon, as names of programs do."""
    return ":" not in principal


def refusal() -> TooMany:
    return TooMany(
        f"{MOST:,} Idempotency-Keys of yours are kept, each for 48 hours, and there is no room for "
        "another. Without a key this can be done at once.",
        RETRY_AFTER,
    )
