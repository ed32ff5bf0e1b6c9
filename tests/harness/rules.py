"""A rule in a line, so that those of a decider read as a table.

    board = given(BOARD, conference=CONFERENCE, catalogue=CATALOGUE)
    board.when(COMPLETE).then(MissionCompleted("a", 10))
    board.given(MissionCompleted("a", 10)).when(COMPLETE).then()
    board.given(catalogue=Catalogue()).when(COMPLETE).then(NotFound("There is no mission a here."))

What `then` returns is given once more: `.when(...).then(...).when(...).then(...)`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import Aggregate, Command, On
from domain.errors import Problem
from tests.harness.capability import START


class Given(Struct, frozen=True):
    """`others` are the states that commands are given, by field; `events` counts the past."""

    aggregate: Aggregate
    state: Any
    others: Mapping[str, Any]
    events: int = 0

    def given(self, *past: Struct, **others: Any) -> "Given":
        """Some more of a past, or another state of somebody else."""
        state = self.state
        for number, event in enumerate(past, self.events + 1):
            state = self.aggregate.evolve(state, event, START + timedelta(seconds=number))
        return Given(self.aggregate, state, {**self.others, **others}, self.events + len(past))

    def when(self, command: Command) -> "When":
        fields = {field: self.others[field] for field in command.given() if field in self.others}
        try:
            return When(self, self.aggregate.decide(replace(command, **fields), self.state))
        except Problem as problem:
            return When(self, problem)


class When(Struct, frozen=True):
    before: Given
    outcome: tuple[Struct, ...] | Problem

    def then(self, *expected: Struct | Problem | type[Problem]) -> Given:
        """These events; or this problem, in these words; or one of this class."""
        if not isinstance(self.outcome, Problem):
            assert self.outcome == expected
            own = [event for event in self.outcome if not isinstance(event, On)]
            return self.before.given(*own)
        (problem,) = expected or (None,)
        if isinstance(problem, Problem):
            assert _said(self.outcome) == _said(problem)
        else:
            assert type(self.outcome) is problem, self.outcome
        return self.before


def given(aggregate: Aggregate, *past: Struct, state: Any = None, **others: Any) -> Given:
    """`state` is one to begin with, such as no events here lead to."""
    before = Given(aggregate, aggregate.initial if state is None else state, {})
    return before.given(*past, **others)


def _said(problem: Problem) -> Any:
    return type(problem), problem.detail, problem.errors
