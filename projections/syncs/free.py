"""Time that is taken, and what is free between it."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct


class Slot(Struct, frozen=True):
    """A time up to `end`, where another may begin."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Slot") -> bool:
        return self.start < other.end and other.start < self.end


def united(slots: Iterable[Slot]) -> list[Slot]:
    """All of them in order, those that touch as one."""
    found: list[Slot] = []
    for slot in sorted(slots, key=lambda slot: (slot.start, slot.end)):
        if found and slot.start <= found[-1].end:
            found[-1] = Slot(found[-1].start, max(found[-1].end, slot.end))
        else:
            found.append(slot)
    return found


def within(whole: Slot, slots: Iterable[Slot]) -> list[Slot]:
    """The parts of them that are in `whole`, united."""
    cut = (Slot(max(s.start, whole.start), min(s.end, whole.end)) for s in slots)
    return united(slot for slot in cut if slot.start < slot.end)


def free(whole: Slot, taken: Iterable[Slot]) -> list[Slot]:
    """The parts of `whole` in which nothing is on."""
    found, since = [], whole.start
    for slot in within(whole, taken):
        if since < slot.start:
            found.append(Slot(since, slot.start))
        since = slot.end
    return [*found, Slot(since, whole.end)] if since < whole.end else found
