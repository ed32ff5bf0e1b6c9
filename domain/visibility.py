"""The one rule of who may see whom at an event, which everything that shows a person asks.

A member is seen by others while they are listed, and neither of the two blocks the other. Whoever
may not see a person is told what is said of one who is not there.
"""

from collections.abc import Set
from typing import Protocol

from domain.aggregate import GIVEN, Announced, Command, StreamName, stream
from domain.errors import NotFound


class Seen(Protocol):
    """The part that the rule looks at of an attendee."""

    @property
    def listed(self) -> bool: ...


class Blocking(Protocol):
    """The part that the rule looks at of whom a member blocks."""

    @property
    def members(self) -> Set[str]: ...


def sees(listed: bool, blocked: bool) -> bool:
    """Whether a member sees another, who is `listed`, and where one of them has `blocked` the
    other."""
    return listed and not blocked


class TowardsMember(Command, frozen=True, kw_only=True):
    """A command by which a member does something about another. Its aggregate's rules call
    `check_seen` before all others."""

    event_id: str
    member_id: str
    target_member_id: str
    conference: Announced = GIVEN
    target: Seen = GIVEN
    blocks: Blocking = GIVEN
    blocks_of_target: Blocking = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return given(self.event_id, self.member_id, self.target_member_id)

    def check_seen(self) -> None:
        """Raises NotFound where the event is not there, and alike where the other is hidden,
        blocked, not there, or oneself."""
        if not self.conference.exists:
            raise NotFound(f"There is no event {self.event_id}.")
        blocked = (
            self.target_member_id in self.blocks.members
            or self.member_id in self.blocks_of_target.members
        )
        if self.target_member_id == self.member_id or not sees(self.target.listed, blocked):
            raise NotFound(f"There is no attendee {self.target_member_id} to meet here.")


def given(event_id: str, member_id: str, target_member_id: str) -> dict[str, StreamName]:
    """The streams that the rule looks at, by the fields of `TowardsMember`."""
    return {
        "conference": stream("conference", event_id),
        "target": stream("attendee", event_id, target_member_id),
        "blocks": stream("blocks", event_id, member_id),
        "blocks_of_target": stream("blocks", event_id, target_member_id),
    }
