"""Whom each member blocks: the two do not see each other, and nobody is told. See visibility.py."""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.errors import NotFound, Refused

MOST = 1_000  # whom one member blocks at one event


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class MemberBlocked(Struct, frozen=True):
    blocked_member_id: str


class MemberUnblocked(Struct, frozen=True):
    blocked_member_id: str


class Blocks(Struct, frozen=True):
    members: frozenset[str] = frozenset()


class _OnBlock(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "blocks"
    event_id: str
    member_id: str
    blocked_member_id: str
    conference: Announced = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return {"conference": stream("conference", self.event_id)}


class BlockMember(_OnBlock, frozen=True, kw_only=True):
    pass


class UnblockMember(_OnBlock, frozen=True, kw_only=True):
    pass


OnBlock = BlockMember | UnblockMember


def decide(command: OnBlock, state: Blocks) -> tuple[MemberBlocked | MemberUnblocked, ...]:
    """Anybody may be blocked, there or not: an answer would tell whether they are."""
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    other = command.blocked_member_id
    blocked = other in state.members
    match command:
        case BlockMember() if not blocked:
            if other == command.member_id:
                raise Refused("Nobody can block themselves.")
            if len(state.members) >= MOST:
                raise Refused(f"{MOST:,} members are blocked already, and no more can be.")
            return (MemberBlocked(other),)
        case UnblockMember() if blocked:
            return (MemberUnblocked(other),)
    return ()


def evolve(state: Blocks, event: MemberBlocked | MemberUnblocked, at: datetime) -> Blocks:
    match event:
        case MemberBlocked(blocked_member_id=other):
            return Blocks(state.members | {other})
        case MemberUnblocked(blocked_member_id=other):
            return Blocks(state.members - {other})


BLOCKS = Aggregate(
    name="blocks",
    initial=Blocks(),
    events=(MemberBlocked, MemberUnblocked),
    decide=decide,
    evolve=evolve,
)
