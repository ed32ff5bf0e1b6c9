from collections.abc import Mapping
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.persistent_map import SMALL, PersistentMap, with_entry

keys = st.text("abcdef", min_size=1, max_size=2) | st.tuples(st.sampled_from("ab"), st.integers())
changes = st.lists(st.tuples(keys, st.integers()))


def _nothing() -> Mapping[Any, int]:
    return PersistentMap({})


@given(changes, st.integers(SMALL - 3, SMALL + 3))
def test_kept_is_a_dict_also_where_it_grows_from_a_small_one(
    made: list[tuple[Any, int]], size: int
) -> None:
    start: Mapping[Any, int] = {f"key {i}": i for i in range(size)}
    kept = reduce(lambda old, change: with_entry(old, *change), made, start)
    assert list(kept.items()) == list({**start, **dict(made)}.items())
    assert len(start) == size


@given(changes)
def test_kept_is_a_dict_after_any_changes(made: list[tuple[Any, int]]) -> None:
    kept = reduce(lambda old, change: with_entry(old, *change), made, _nothing())
    assert list(kept.items()) == list(dict(made).items())
    assert (kept, len(kept)) == (dict(made), len(dict(made)))
    assert [key in kept for key in "abcdef"] == [key in dict(made) for key in "abcdef"]


@given(changes, changes)
def test_kept_stays_as_it_was_whatever_is_made_of_it(
    made: list[tuple[Any, int]], later: list[tuple[Any, int]]
) -> None:
    kept = reduce(lambda old, change: with_entry(old, *change), made, _nothing())
    reduce(lambda old, change: with_entry(old, *change), later, kept)
    assert kept == dict(made)


def test_kept_starts_from_any_mapping_which_stays_as_it_was() -> None:
    plain = {"a": 1}
    assert (with_entry(plain, "a", 2), plain) == ({"a": 2}, {"a": 1})
