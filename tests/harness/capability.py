"""The plug by which a capability is tested by every law.

    Capability(
        MEALS,                          its aggregate: decide and evolve
        commands=meals.commands,        a strategy of commands at one event, as the edge makes them
        events=meals.EVENTS,            a strategy of its events, also of such that never follow
        read_models=(MENU,),            those that its events feed
    )

What rules need from other streams (`given`) is filled in from the events of the capabilities
that these streams belong to. `often` is how much more a capability is played than others.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Struct

from domain.aggregate import Aggregate, Command
from projections.read_model import ReadModel

START = datetime(2026, 9, 1, 9, tzinfo=UTC)


class Capability(Struct, frozen=True):
    aggregate: Aggregate
    commands: Callable[[str], SearchStrategy[Command]]
    events: SearchStrategy[Any]
    read_models: tuple[ReadModel, ...] = ()
    often: int = 1

    def states(self) -> SearchStrategy[Any]:
        """Also such as no sequence of commands leads to."""
        return st.lists(self.events, max_size=12).map(self.folded)

    def folded(self, events: Iterable[Any], state: Any = None) -> Any:
        evolve, initial = self.aggregate.evolve, state or self.aggregate.initial
        times = (START + timedelta(seconds=i) for i in range(1_000_000))
        return reduce(lambda s, e: evolve(s, e, next(times)), events, initial)
