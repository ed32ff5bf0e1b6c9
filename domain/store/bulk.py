"""Many commands as one: how far they are, in a stream of its own.

A bulk is written in pieces. Each piece is one transaction, which records what follows from its
commands and, in the bulk's own stream, how far it is by then. So whatever ends in between, it goes
on where it stopped when it is asked for again, and once it is completed its result stays.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import GIVEN, Aggregate, Command
from domain.errors import KeyReused, Problem, Refused
from domain.store import refusals

PIECE = 256  # commands in one transaction, at most
STRICT = 500  # commands of a bulk that is recorded all or not at all: one transaction holds it


class RefusedCommand(Struct, frozen=True):
    """`index` counts the bulk's commands from 0; `problem` is the stored name of its class. What
    it says may name a person, and is kept where it can be forgotten: in events.bulk_refusals."""

    index: int
    problem: str


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class BulkStarted(Struct, frozen=True):
    """`fingerprint` is that of the request (hex), which tells it from another under its key."""

    commands: int
    fingerprint: str
    strict: bool = False


class BulkAdvanced(Struct, frozen=True):
    """All commands before `done` are decided. The other numbers are of this piece alone: events
    recorded, commands that changed nothing, and those that were refused."""

    done: int
    recorded: int
    unchanged: int
    refused: tuple[RefusedCommand, ...] = ()


class BulkCompleted(Struct, frozen=True):
    """The numbers are of the whole: events, commands, commands."""

    recorded: int
    unchanged: int
    refused: int


class Tally(Struct, frozen=True):
    """Numbers of events recorded and of commands that changed nothing, and the refusals."""

    recorded: int = 0
    unchanged: int = 0
    refused: tuple[RefusedCommand, ...] = ()


class Bulk(Struct, frozen=True):
    started: BulkStarted | None = None
    done: int = 0
    recorded: int = 0
    unchanged: int = 0
    refused: tuple[tuple[RefusedCommand, ...], ...] = ()  # by piece: adding one copies no other
    completed: bool = False

    def all_refused(self) -> tuple[RefusedCommand, ...]:
        return tuple(one for piece in self.refused for one in piece)


class AdvanceBulk(Command, frozen=True, kw_only=True):
    """The next piece of a bulk: its commands from the one at index `first` on. `tally` is what
    became of them, once they are decided."""

    aggregate: ClassVar[str] = "bulk"
    scope_id: str
    name: str
    whole: BulkStarted
    first: int
    commands: tuple[Command, ...]
    tally: Tally = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.scope_id, self.name)

    def is_next(self, state: Bulk) -> bool:
        """Not where this key came with something else, nor where another caller was faster."""
        if state.completed or state.started not in (None, self.whole):
            return False
        return self.first == state.done and bool(self.commands or not self.whole.commands)


class Refusal(Struct, frozen=True):
    """Why the command at this index, from 0, was refused."""

    index: int
    problem: Problem


class BulkOutcome(Struct, frozen=True):
    """The number of events that its commands recorded, the number of commands that changed nothing,
    and those that were refused, in order. `position` is that of the last event of the bulk."""

    recorded: int
    unchanged: int
    refused: tuple[Refusal, ...]
    position: int


def bulk_name(principal: str, key: str) -> str:
    """A digest: keys and principals may hold what no stream's name may."""
    return sha256(f"{principal}\0{key}".encode()).hexdigest()[:32]


def outcome(state: Bulk, position: int, replies: Mapping[int, bytes]) -> BulkOutcome:
    """`replies` are what refusals say, by index, as far as it is kept."""
    refused = (
        Refusal(r.index, refusals.decode(r.problem, replies.get(r.index)))
        for r in state.all_refused()
    )
    return BulkOutcome(state.recorded, state.unchanged, tuple(refused), position)


def all_or_nothing(refused: Sequence[Refusal]) -> Refused:
    """The refusal of a strict bulk."""
    wrong = ((f"$[{one.index}]", one.problem.detail[: refusals.DETAIL]) for one in refused)
    return Refused(f"Nothing was recorded, for {len(refused):,} of these are refused.", *wrong)


def decide(
    command: AdvanceBulk, state: Bulk
) -> tuple[BulkStarted | BulkAdvanced | BulkCompleted, ...]:
    if state.started not in (None, command.whole):
        raise KeyReused()
    if not command.is_next(state):
        return ()
    tally, done = command.tally, command.first + len(command.commands)
    start = () if state.started else (command.whole,)
    advanced = BulkAdvanced(done, tally.recorded, tally.unchanged, tally.refused)
    if done < command.whole.commands:
        return (*start, advanced)
    whole = _advanced(state, advanced)
    refused = sum(map(len, whole.refused))
    return (*start, advanced, BulkCompleted(whole.recorded, whole.unchanged, refused))


def evolve(state: Bulk, event: BulkStarted | BulkAdvanced | BulkCompleted, at: datetime) -> Bulk:
    match event:
        case BulkStarted():
            return replace(state, started=event)
        case BulkAdvanced():
            return _advanced(state, event)
        case BulkCompleted():
            return replace(state, completed=True)


def _advanced(state: Bulk, event: BulkAdvanced) -> Bulk:
    return replace(
        state,
        done=event.done,
        recorded=state.recorded + event.recorded,
        unchanged=state.unchanged + event.unchanged,
        refused=(*state.refused, event.refused) if event.refused else state.refused,
    )


BULK = Aggregate(
    name="bulk",
    initial=Bulk(),
    events=(BulkStarted, BulkAdvanced, BulkCompleted),
    decide=decide,
    evolve=evolve,
    scope=None,
)

# The store's own, beside those of the capabilities: whoever reads the log knows these too.
STORE_AGGREGATES: tuple[Aggregate, ...] = (BULK,)
