from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from domain.persistent_map import PersistentMap, with_entry

changes = st.lists(st.tuples(st.text("abcdef", min_size=1, max_size=2), st.integers()))


@given(changes)
def test_kept_is_a_dict_after_any_changes(made: list[tuple[str, int]]) -> None:
    kept = reduce(lambda old, change: with_entry(old, *change), made, PersistentMap[int]({}))
    assert list(kept.items()) == list(dict(made).items())
    assert (kept, len(kept)) == (dict(made), len(dict(made)))
    assert [key in kept for key in "abcdef"] == [key in dict(made) for key in "abcdef"]


@given(changes, changes)
def test_kept_stays_as_it_was_whatever_is_made_of_it(
    made: list[tuple[str, int]], later: list[tuple[str, int]]
) -> None:
    kept = reduce(lambda old, change: with_entry(old, *change), made, PersistentMap[int]({}))
    reduce(lambda old, change: with_entry(old, *change), later, kept)
    assert kept == dict(made)


def test_kept_starts_from_any_mapping_which_stays_as_it_was() -> None:
    plain = {"a": 1}
    assert (with_entry(plain, "a", 2), plain) == ({"a": 2}, {"a": 1})
