"""The result of a measurement: a number, with its baseline and its goal."""

from statistics import median

from msgspec import Struct


class Figure(Struct, frozen=True):
    """`ours` and `baseline` have a value for each round. A round measures both, one right after the
    other, so that a noisy minute affects both. Without a baseline the number stands by itself."""

    name: str
    what: str
    unit: str
    ours: tuple[float, ...]
    reach: float
    baseline: tuple[float, ...] = ()
    baseline_what: str = ""
    at_most: bool = False
    note: str = ""

    @property
    def number(self) -> float:
        if not self.baseline:
            return median(self.ours)
        return median(o / b for o, b in zip(self.ours, self.baseline, strict=True))

    @property
    def met(self) -> bool:
        return self.number <= self.reach if self.at_most else self.number >= self.reach

    @property
    def share(self) -> float:
        """1 where the number is just reached, more where it is better than that."""
        return self.reach / self.number if self.at_most else self.number / self.reach

    @property
    def verdict(self) -> str:
        if self.met:
            return "met"
        return f"missed by {abs(self.number - self.reach) / self.reach:.0%}"
