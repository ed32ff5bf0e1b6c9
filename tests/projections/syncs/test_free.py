"""Laws of time that is taken, and of what is free between it."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from projections.syncs.free import Slot, free, united, within
from tests.harness.capability import START

MINUTE = timedelta(minutes=1)
DAY = Slot(START, START + 60 * MINUTE)
slots = st.lists(
    st.tuples(st.integers(-20, 70), st.integers(0, 40)).map(
        lambda one: Slot(START + one[0] * MINUTE, START + (one[0] + one[1]) * MINUTE)
    )
)


def minutes(found: list[Slot]) -> list[int]:
    """Each minute that is in one of them, as often as it is."""
    return [
        n for slot in found for n in range(-20, 120) if slot.start <= START + n * MINUTE < slot.end
    ]


@given(slots)
def test_each_minute_of_a_day_is_either_free_or_taken(taken: list[Slot]) -> None:
    both = minutes(free(DAY, taken)) + minutes(within(DAY, taken))
    assert sorted(both) == list(range(60))
    assert {*minutes(within(DAY, taken))} == {*minutes(taken)} & {*range(60)}


@given(slots)
def test_united_slots_do_not_touch(taken: list[Slot]) -> None:
    found = united(taken)
    assert all(a.end < b.start for a, b in pairwise(found))
    assert {*minutes(found)} == {*minutes(taken)}


def test_one_may_begin_where_another_ends() -> None:
    one, next_one = Slot(START, START + MINUTE), Slot(START + MINUTE, START + 2 * MINUTE)
    assert not one.overlaps(next_one)
    assert one.overlaps(Slot(START, START + 2 * MINUTE))
