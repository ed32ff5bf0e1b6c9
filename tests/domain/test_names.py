"""Names of people: which are one, and which may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.names import alike, folded, likeness


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ada Fern", "ADA   FERN", True),
        ("Zoë Fern", "Zoe\u0301 Fern", True),
        ("Zoe Fern", "Zoë\u00a0Fern", True),
        ("Ada Fern", "Ada Farn", False),
    ],
)
def test_names_are_compared_without_case_accents_and_white_space(
    one: str, other: str, same: bool
) -> None:
    assert (folded(one) == folded(other)) is same


WORDS = st.sampled_from(
    ["Nora", "N.", "van", "der", "Stein", "Stern", "Weit", "Weitmann", "Dr.", "李"]
)
WRITTEN = st.text(max_size=50) | st.lists(WORDS, max_size=5).map(" ".join)


@given(WRITTEN, WRITTEN)
def test_likeness_goes_both_ways(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert 0 <= likeness(one, other) <= likeness(one, one) == 100


@given(st.permutations(["Nora", "Maria", "Stein", "Weber"]), st.integers(2, 4))
def test_words_of_a_name_may_come_in_any_order_and_some_be_left_out(
    words: list[str], many: int
) -> None:
    assert likeness("Nora Maria Stein-Weber", ", ".join(words[:many])) == 100


@pytest.mark.parametrize(
    ("one", "other", "may_be"),
    [
        ("Jan van Dijk", "Piet van Dijk", False),
        ("Jan van der Berg", "Eva van der Hoven", False),
        ("Dr. Nora Stein", "Dr. Tomas Weit", False),
        ("Nora Stein", "Nora Weber", False),
        ("Anna Schmidt", "Peter Schmidt", False),
        ("Anna Maria Schmidt", "Anna Maria Weber", False),
        ("N. Stein", "Tomas Stein", False),
        ("N.", "Nora Stein", False),
        ("Li Wei", "Li Na", False),
        ("Person 1", "Person 2", False),
        ("Mr. X", "Mr. Y", False),
        ("N. Stein", "Nora Stein", True),
        ("Stein, Nora", "Dr. Nora Stein", True),
        ("Nora", "Nora Stein", True),
        ("Alex Fern", "Alexander Fern", True),
        ("Ada Fern", "Ada Farn", True),
        ("Ada Fern", "AdaFern", True),
        ("J. R. Quell", "John Quell", True),
    ],
)
def test_words_weigh_by_what_they_tell(one: str, other: str, may_be: bool) -> None:
    assert alike(one, other) is may_be
