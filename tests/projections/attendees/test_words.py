import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.attendees.words import (
    FORGIVING,
    beginnings,
    folded,
    forgiving,
    key,
    searched,
    words,
)

LETTERS = st.text("abcdeé", min_size=1, max_size=9)
TEXTS = st.lists(LETTERS, max_size=4).map(" ".join)


def finds(q: str, *texts: str) -> bool:
    return all(re.search(pattern, searched(texts)) for pattern in forgiving(q))


def begins(q: str, *texts: str) -> bool:
    return all(pattern.strip("%") in searched(texts) for pattern in beginnings(q))


@st.composite
def slips(draw: st.DrawFn, word: str) -> str:
    """The word with one letter that is another, one too many, one too few, or with two that
    changed places."""
    i = draw(st.integers(0, len(word) - 1))
    letter = draw(st.sampled_from("abcdx"))
    wrong = [word[:i] + letter + word[i + 1 :], word[:i] + letter + word[i:]]
    wrong += [word[:i] + word[i + 1 :], word + letter]
    if i:
        wrong.append(word[: i - 1] + word[i] + word[i - 1] + word[i + 1 :])
    return draw(st.sampled_from(wrong))


@given(texts=st.lists(TEXTS, max_size=3), data=st.data())
def test_every_word_is_found_as_it_begins_and_with_one_letter_wrong(
    texts: list[str], data: st.DataObject
) -> None:
    for word in words(" ".join(texts)):
        beginning = word[: data.draw(st.integers(1, len(word)))]
        assert begins(beginning, *texts)
        assert finds(beginning, *texts)
        slip = data.draw(slips(word))
        if len(slip) in FORGIVING:
            assert finds(slip, *texts)


@given(word=st.text("abcd", min_size=4, max_size=8), other=st.text("abcd", min_size=1, max_size=8))
def test_nothing_is_found_that_has_more_than_one_wrong(word: str, other: str) -> None:
    assert finds(word, other) == (other.startswith(word) or _is_a_slip(word, other))


def _is_a_slip(one: str, other: str) -> bool:
    """Whether one letter is wrong, counted letter by letter."""
    if abs(len(one) - len(other)) > 1:
        return False
    i = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if i is None:
        return True
    ends = [(one[i + 1 :], other[i + 1 :]), (one[i + 1 :], other[i:]), (one[i:], other[i + 1 :])]
    swapped = one[i : i + 2] == other[i : i + 2][::-1] and one[i + 2 :] == other[i + 2 :]
    return swapped or any(a == b for a, b in ends)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Machine-Learning", "machine learning"),
        ("ai_infra", "AI Infra"),
        ("Café", "CAFE"),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("  a\tb ", "A B"),
    ],
)
def test_two_spellings_are_the_same(one: str, other: str) -> None:
    assert key(one) == key(other) != ""


def test_signs_are_part_of_a_tag() -> None:
    assert len({key("C"), key("C++"), key("C#"), key("🎉")}) == 4
    assert key(" - ") == ""


@given(st.text())
def test_folding_is_for_good(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert key(key(text)) == key(text)


def test_patterns_are_few_and_short_whatever_is_typed() -> None:
    made = list(forgiving(" ".join(f"{n}{'x' * 199}" for n in range(200))))
    assert len(made) <= 8
    assert max(map(len, made)) < 2_000
