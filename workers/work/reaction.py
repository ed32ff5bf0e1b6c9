"""The word for what follows by itself: `react(recorded) -> commands`.

For what is quick and crosses capabilities. `react` is pure: it knows the event and nothing else; a
command's own rules say whether it is to have an effect. What is slow is work (kind.py).
"""

from collections.abc import Callable, Iterable

from msgspec import Struct

from domain.aggregate import Command, Recorded


class Reaction(Struct, frozen=True):
    """The name says what follows from what: `complete_networking_goals_when_goals_are_set`. It is
    that of its position: under another it begins again at the start of the log."""

    name: str
    react: Callable[[Recorded], Iterable[Command]]
