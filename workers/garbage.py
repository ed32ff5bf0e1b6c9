"""Python's collection of cyclic garbage, set for processes that make few cycles."""

import gc

OBJECTS = 10_000  # allocated between two collections: a page of the log is many, in no cycle


def collect_rarely() -> None:
    gc.set_threshold(OBJECTS)
