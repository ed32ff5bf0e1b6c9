"""The word for work that takes time: its result comes back as a command.

What a result is based on is the fence of the work. A worker that was frozen, cut off or taken for
dead may still hand in what it made; a result that is based on no more than the one recorded already
changes nothing, whoever hands it in and however often.
"""

from msgspec import Struct

from domain.aggregate import Command


class Result(Command, frozen=True, kw_only=True):
    """`based_on` is the position of the log as of which the work was done: at least that of the
    event that asked for it. The event that follows carries it too."""

    based_on: int


class Based(Struct, frozen=True):
    """The part of a state that has the `based_on` of the last recorded result; 0: there is none."""

    based_on: int = 0


def is_newer(result: Result, recorded: Based) -> bool:
    """Whether `decide` may record it."""
    return result.based_on > recorded.based_on
