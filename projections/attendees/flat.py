"""Values of many people in two arrays side by side, so that those of a choice of people are counted
at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Growing:
    """Numbers by index; what was never set is 0."""

    def __init__(self) -> None:
        self._held = np.zeros(64, np.int64)

    def set(self, index: int, value: int) -> None:
        if index >= len(self._held):
            longer = np.zeros(max(index + 1, 2 * len(self._held)), np.int64)
            longer[: len(self._held)] = self._held
            self._held = longer
        self._held[index] = value

    def __getitem__(self, index: int) -> int:
        return int(self._held[index]) if index < len(self._held) else 0

    def first(self, count: int) -> Numbers:
        if count > len(self._held):
            self.set(count - 1, 0)
        return self._held[:count]


class Flat:
    """Values of each slot. Slot 0 is nobody's: it gets the values that are no more."""

    def __init__(self) -> None:
        self._owners, self._values = Growing(), Growing()
        self._size = self._gone = 0
        self._of: dict[int, tuple[int, int]] = {}

    def put(self, slot: int, values: Sequence[int]) -> None:
        start, count = self._of.pop(slot, (0, 0))
        for i in range(start, start + count):
            self._owners.set(i, 0)
        self._gone += count
        if values:
            self._of[slot] = self._size, len(values)
        for value in values:
            self._owners.set(self._size, slot)
            self._values.set(self._size, value)
            self._size += 1
        if self._gone > 1_000 and self._gone > self._size // 2:
            self._tidy()

    def counts(self, mask: Mask, values: int) -> Numbers:
        """How often each of so many values is among the slots of the mask."""
        owners = self._owners.first(self._size)
        return np.bincount(self._values.first(self._size)[mask[owners]], minlength=values)

    def _tidy(self) -> None:
        of, values = self._of, self._values
        self._owners, self._values = Growing(), Growing()
        self._size, self._gone, self._of = 0, 0, {}
        for slot, (start, count) in of.items():
            self.put(slot, [values[i] for i in range(start, start + count)])
