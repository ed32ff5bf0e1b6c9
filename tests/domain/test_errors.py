"""Refusals are kept under names that outlive their classes."""

import inspect

import pytest

from domain import errors
from domain.errors import STORED_NAMES, Invalid, Problem, Refused, restored, stored_name

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Problem) and kind.__module__ == errors.__name__
]


def test_every_problem_has_a_stored_name_and_those_of_today_stay() -> None:
    """A class that is renamed changes the left side alone."""
    assert {*STORED_NAMES} == {*KINDS}
    assert sorted(STORED_NAMES.values()) == [
        *("Forbidden", "Invalid", "KeyReused", "NotFound", "Problem", "Refused"),
        *("TooLarge", "TooMany", "Unauthorized", "Unavailable"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_problem_is_restored_in_the_same_words(kind: type[Problem]) -> None:
    again = restored(stored_name(kind("This is so.")), "This is so.")
    assert (type(again), again.detail, again.errors) == (kind, "This is so.", ())


def test_problem_of_another_kind_is_kept_as_the_nearest_that_is_known() -> None:
    class Locked(Refused):
        """This is locked"""

    assert stored_name(Locked()) == "Refused"


def test_problem_says_its_errors_where_it_says_nothing_else() -> None:
    problem = Invalid("", ("$.a", "is odd"), ("$.b", "is even"))
    assert (problem.detail, str(problem)) == ("$.a: is odd; $.b: is even",) * 2
    assert Refused("", ("$[1]", "is locked")).errors == (("$[1]", "is locked"),)
    assert Invalid().detail == "The request is malformed or out of range"
