"""The words that every capability is written in.

    Command   what somebody wants; what a rule needs from elsewhere comes in with it
    event     what happened: facts only, in the past tense
    Aggregate the smallest thing a rule needs to look at, and its pure functions
    Recorded  an event with its envelope, as the log keeps it

`decide(command, state)` gives the events that follow, none where nothing changes, or raises a
Problem. `evolve(state, event, at)` never refuses. Time is passed in because it is in the
envelope, not in the event.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from msgspec import Struct

StreamName = str


class Command(Struct, frozen=True, kw_only=True):
    """`given` names the streams whose state a rule needs besides its own: History puts each into
    the field of that name before `decide` is called, as of the same moment as the decision."""

    aggregate: ClassVar[str]

    def stream_key(self) -> tuple[str, ...]:
        """What tells this command's stream from others of its aggregate."""
        raise TypeError(f"{type(self).__name__} does not say which stream it is about")

    def given(self) -> Mapping[str, StreamName]:
        return {}


class Unknown(Struct, frozen=True):
    """Stands where History will put the state of another capability's stream."""

    exists: bool = False
    listed: bool = False


class Aggregate(Struct, frozen=True):
    """`erase(state, person)` gives the events after which nothing personal of them is shown; where
    no event holds anything personal there is none."""

    name: str
    initial: Any
    events: tuple[type[Struct], ...]
    decide: Callable[[Any, Any], tuple[Struct, ...]]
    evolve: Callable[[Any, Any, datetime], Any]
    erase: Callable[[Any, str], tuple[Struct, ...]] | None = None


class Recorded(Struct, frozen=True):
    """An event as the log keeps it. `position` is its place in the whole log."""

    position: int
    stream: StreamName
    version: int
    event: Any
    at: datetime
    actor: str
    tenant: str
    trace: str | None = None

    @property
    def stream_key(self) -> tuple[str, ...]:
        """What tells this stream from others of its aggregate, as in (event_id, member_id)."""
        return tuple(self.stream.split(":")[1:])

    @property
    def scope_id(self) -> str:
        return self.stream.split(":", 2)[1]

    @property
    def member(self) -> tuple[str, str]:
        """Of a stream that belongs to one member at one event: (event_id, member_id)."""
        _, event_id, member_id = self.stream.split(":")
        return event_id, member_id


def stream(aggregate: str, *key: str) -> StreamName:
    """`missions:evt_1:usr_1`. Ids hold no colon, so two streams never share a name."""
    return ":".join((aggregate, *key))
