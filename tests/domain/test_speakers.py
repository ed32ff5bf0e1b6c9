"""Speakers of a later revision, where numbers, names and places in sessions do not agree."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.agenda import Agenda, decide, odd
from domain.personal import ERASED
from domain.speakers import ANOTHER, HIDDEN, REPLACED
from tests.domain.revisions import NAMES, after, command, erased, file, saved_by_hand, speaking

NUMBERS = pytest.mark.parametrize("number", [1, None])


def names(state: Agenda, item_id: str) -> list[str]:
    return [name for _, name in speaking(state, item_id)]


def remarks(made: bytes, state: Agenda) -> list[str]:
    return [what for _, what in odd(command(made, state=state))]


# By hand
@NUMBERS
@pytest.mark.parametrize("later", ["Nora Stein", "Nora Stein-Weber", "Eleonora Quell"])
def test_name_that_was_given_by_hand_stays_that_of_whom_it_was_given_to(
    number: int | None, later: str
) -> None:
    state = after(Agenda(), file(("a", [(number, "Nora Stein")])))
    ((id_, _),) = speaking(state, "a")
    state = saved_by_hand(state, id_, "Eleonora Quell")
    made = file(("a", [(number, later)]))
    assert decide(command(made), state) == ()
    assert remarks(made, state) == []


@pytest.mark.parametrize(("number", "remark"), [(1, ANOTHER), (None, REPLACED)])
def test_who_replaces_somebody_that_was_named_by_hand_is_another_and_this_is_told(
    number: int | None, remark: str
) -> None:
    state = after(Agenda(), file(("a", [(number, "Nora Stein")])))
    ((id_, _),) = speaking(state, "a")
    state = saved_by_hand(state, id_, "Eleonora Quell")
    later = file(("a", [(number, "Tomas Weit")]))
    assert names(after(state, later), "a") == ["Tomas Weit"]
    assert remarks(later, state) == [remark]


def test_who_was_named_by_hand_is_neither_of_two_who_may_be_they() -> None:
    state = after(Agenda(), file(("a", [(1, "Nora Stein")])))
    state = saved_by_hand(state, "small-1", "Eleonora Quell")
    later = file(("a", [(1, "N. Stein"), (1, "Nora Stein-Weber")]))
    assert sorted(names(after(state, later), "a")) == ["N. Stein", "Nora Stein-Weber"]
    assert remarks(later, state) == [ANOTHER, ANOTHER]


# The best
@given(st.permutations([(1, "Jan van Dijk"), (1, "Piet van Dijk"), (1, "Nora van Weit")]))
def test_each_is_who_fits_best_whoever_comes_first(later: list[Any]) -> None:
    before = [(1, "J. van Dijk"), (1, "P. van Dijk"), (1, "Nora van Weidt")]
    state = after(Agenda(), file(("a", before)))
    ids = {name[0]: id_ for id_, name in speaking(state, "a")}
    state = after(state, file(("a", later)))
    assert {name[0]: id_ for id_, name in speaking(state, "a")} == ids


def test_half_a_name_is_enough_for_the_only_one_under_a_number_in_the_same_session() -> None:
    state = after(Agenda(), file(("a", [(1, "Elizabeth Quell")])))
    assert speaking(after(state, file(("a", [(1, "Lisa Quell")]))), "a") == [
        ("small-1", "Lisa Quell")
    ]
    for later in ([("b", [(1, "Lisa Quell")])], [("a", [(1, "Lisa Quell"), (1, "Ivo Probe")])]):
        after_them = after(state, file(*later))
        assert after_them.speakers["small-1"].name == "Elizabeth Quell"


@NUMBERS
def test_one_common_word_makes_nobody_somebody_else(number: int | None) -> None:
    state = after(Agenda(), file(("a", [(number, "Jan van Dijk")])))
    ((id_, _),) = speaking(state, "a")
    later = after(state, file(("a", [(number, "Eva van Hoven")])))
    assert speaking(later, "a") != [(id_, "Eva van Hoven")]
    assert later.speakers[id_].name == "Jan van Dijk"


# Erased
@given(st.permutations([(1, "Ada Fern"), (1, "Nora Stein"), (1, "Ivo Probe")]), st.booleans())
def test_who_is_erased_stays_so_beside_who_takes_their_number(
    people: list[tuple[int, str]], together: bool
) -> None:
    """The one who speaks in the session of an erased person is that person, others are not. Where
    that does not tell, nobody is named: in no order does the name come back."""
    state = after(Agenda(), file(("a", [(1, "Nora Stein")])))
    state = erased(state, "small-1")
    talks = {"a": people}
    if not together:
        talks = {"a": [(1, "Nora Stein")], "b": [(1, "Ada Fern")], "c": [(1, "Ivo Probe")]}
    made = file(*sorted(talks.items(), key=lambda talk: people.index(talk[1][0])))
    later = after(state, made)
    shown = {name for id_ in talks for name in names(later, id_)}
    assert shown == ({ERASED} if together else {ERASED, "Ada Fern", "Ivo Probe"})
    assert HIDDEN in remarks(made, state)
    assert decide(command(made), later) == ()


@NUMBERS
def test_who_takes_the_number_or_the_place_of_an_erased_one_is_told_and_can_be_named(
    number: int | None,
) -> None:
    state = after(Agenda(), file(("a", [(number, "Nora Stein")])))
    ((id_, _),) = speaking(state, "a")
    state = erased(state, id_)
    later = file(("a", [(number, "Tomas Weit")]))
    assert names(after(state, later), "a") == [ERASED]
    assert remarks(later, state) == [HIDDEN]
    state = saved_by_hand(after(state, later), id_, "Tomas Weit")
    assert names(after(state, later), "a") == ["Tomas Weit"]
    assert remarks(later, state) == []


REVISION = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(st.tuples(st.just(1), st.sampled_from(NAMES)), max_size=3, unique=True),
    min_size=1,
)


@given(REVISION, st.data(), REVISION)
def test_no_name_that_was_erased_under_a_number_comes_back_where_it_was(
    first: dict[str, Any], data: st.DataObject, later: dict[str, Any]
) -> None:
    state = after(Agenda(), file(*first.items()))
    if not state.speakers:
        return
    id_ = data.draw(st.sampled_from(sorted(state.speakers)))
    name = state.speakers[id_].name
    of = {item_id for item_id, item in state.items.items() if id_ in item.speaker_ids}
    state = erased(state, id_)
    for revision in (first, {**first, **later}, first):
        if any((1, name) not in revision[item_id] for item_id in of):
            break
        state = after(state, file(*revision.items()))
        assert name not in {speaker.name for speaker in state.speakers.values()}


def test_nothing_is_kept_of_the_name_before_an_erased_one() -> None:
    state = after(Agenda(), file(("a", [(1, "Nora Stein")])))
    state = saved_by_hand(state, "small-1", "Eleonora Quell")
    assert state.source_names == {"small-1": "Nora Stein"}
    assert "Nora" not in repr(erased(state, "small-1"))


@given(st.lists(REVISION, min_size=2, max_size=4), st.data())
def test_import_changes_nothing_the_second_time_whoever_is_erased(
    revisions: list[dict[str, Any]], data: st.DataObject
) -> None:
    state = Agenda()
    for revision in revisions:
        state = after(state, file(*revision.items()))
        assert decide(command(file(*revision.items())), state) == ()
        if state.speakers:
            state = erased(state, data.draw(st.sampled_from(sorted(state.speakers))))
        assert decide(command(file(*revision.items())), state) == ()
