"""The words that every capability is written in.

    Command   what somebody wants; what a rule needs from elsewhere comes in with it
    event     what happened: facts only, in the past tense
    Aggregate the smallest thing a rule needs to look at, and its pure functions
    On        an event for another stream than the command's own
    Recorded  an event with its envelope, as the log keeps it
    Scope     on whose ground all of this happens: an event that people go to, later a client

`decide(command, state)` gives the events that follow, none where nothing changes, or raises a
Problem. `evolve(state, event, at)` never refuses. Time is passed in because it is in the
envelope, not in the event.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

from msgspec import Struct

StreamName = str


class _Given:
    """Fails wherever a rule looks at it."""

    def __repr__(self) -> str:
        return "GIVEN"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no state was given here, so it has no `{name}`: see Command.given")


# Stands in a command's field until the state of a stream takes its place: see Command.given.
GIVEN: Any = _Given()


class Announced(Protocol):
    """The part that rules look at of the state that announces their scope."""

    @property
    def exists(self) -> bool: ...


class Command(Struct, frozen=True, kw_only=True):
    """`given` names the streams whose state a rule needs besides its own: History puts each into
    the field of that name before `decide` is called, as of the same moment as the decision. Such
    a field is `GIVEN` until then, and typed by a Protocol that says what the rule asks of it: the
    states are other capabilities', which are not imported."""

    aggregate: ClassVar[str]

    def stream_key(self) -> tuple[str, ...]:
        """The parts of its stream's name after that of the aggregate: (event_id, member_id)."""
        raise TypeError(f"{type(self).__name__} does not say which stream it is about")

    def given(self) -> Mapping[str, StreamName]:
        return {}

    def prepared(self, state: Any) -> Self:
        """The command with what is much work to find out of its own stream's state, for `decide`.
        History asks for it before it takes the lock that all writers wait for, and once more only
        where the state is another by then. It refuses nothing, and what is given is not there."""
        return self


class On(Struct, frozen=True):
    """An event for another stream, which `decide` returns among those for its own. It is one of
    the events of that stream's aggregate, which evolves by it, and it is recorded in the same
    transaction. A rule that looks at that stream's state first has it in `given`. What is not given
    is read once it is decided, under the lock that all writers wait for: those of one decision in
    one round trip."""

    stream: StreamName
    event: Struct


class Aggregate(Struct, frozen=True):
    """`decide` returns events of its own and `On`s. `erase(state, person)` gives the events after
    which nothing personal of them is shown; where no event holds anything personal there is none.
    `scope` is the kind of scope that the second part of its streams' names is an id of; None: that
    of whoever asks, as the envelope says."""

    name: str
    initial: Any
    events: tuple[type[Struct], ...]
    decide: Callable[[Any, Any], tuple[Struct, ...]]
    evolve: Callable[[Any, Any, datetime], Any]
    erase: Callable[[Any, str], tuple[Struct, ...]] | None = None
    scope: str | None = "event"


class Scope(Struct, frozen=True):
    """`event:evt_1`: a kind and an id. Streams, rows, messages and roles belong to one. Those of
    kind `event` are written by their id alone in streams' names, columns and envelopes. Which
    kinds there are, and which stream says that there is such a scope: domain/capabilities.py."""

    kind: str
    id: str

    @classmethod
    def parse(cls, text: str) -> "Scope":
        """Raises ValueError where this names no scope."""
        kind, _, id_ = text.partition(":")
        if not kind or not id_ or ":" in id_:
            raise ValueError(f"{text} is no scope: one is KIND:ID, as in event:evt_1")
        return cls(kind, id_)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


class Recorded(Struct, frozen=True):
    """An event as the log keeps it. `position` is its place in the whole log; `tenant` is the id
    of the scope that its author asked in."""

    position: int
    stream: StreamName
    version: int
    event: Any
    at: datetime
    actor: str
    tenant: str
    trace: str | None = None
    scope_kind: str = "event"

    @property
    def stream_key(self) -> tuple[str, ...]:
        """The parts of its stream's name after that of the aggregate: (scope_id, member_id)."""
        return tuple(self.stream.split(":")[1:])

    @property
    def scope_id(self) -> str:
        return self.stream.split(":", 2)[1]

    @property
    def scope(self) -> Scope:
        return Scope(self.scope_kind, self.scope_id)

    @property
    def member(self) -> tuple[str, str]:
        """(scope_id, member_id) of a stream that belongs to one member of a scope."""
        _, scope_id, member_id = self.stream.split(":")
        return scope_id, member_id


def stream(aggregate: str, *key: str) -> StreamName:
    """`missions:evt_1:usr_1`. Ids hold no colon, so two streams never share a name."""
    return ":".join((aggregate, *key))


def stream_of(command: Command) -> StreamName:
    """A command's own stream."""
    return stream(command.aggregate, *command.stream_key())
