"""The rule of the mission meet_attendees, and the memory by which a repeated report is known.

The mission completes by itself, once a member has viewed 3 profiles for 10 s in all, or sent one
message, or created one sync.
"""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from domain.persistent_map import with_entry

Action = Literal["view_profile", "message_sent", "sync_created"]
MetBy = Literal["profiles_viewed", "message_sent", "sync_created"]

MEET_ATTENDEES = "meet_attendees"
PROFILES_TO_VIEW = 3
MILLISECONDS_TO_SPEND = 10_000
REMEMBERED = 256  # moments per action and target by which a repeated report is known
MET_BY: dict[Action, MetBy] = {
    "view_profile": "profiles_viewed",
    "message_sent": "message_sent",
    "sync_created": "sync_created",
}
_WEIGHT: tuple[MetBy | None, ...] = (None, *MET_BY.values())  # the last that holds is the cause


class Meeting(Struct, frozen=True):
    """The reports since the member last left the mission, as far as the rule looks at them: one
    that changes nothing of this can change nothing of what follows. Once the rule is met, `cause`
    is all that is kept."""

    viewed: frozenset[str] = frozenset()
    milliseconds: int = 0
    cause: MetBy | None = None

    def after(self, action: Action, target: str, dwell_ms: int = 0) -> "Meeting":
        if action != "view_profile":
            return self.met(MET_BY[action])
        return self.plus(Meeting(frozenset((target,)), dwell_ms))

    def met(self, cause: MetBy) -> "Meeting":
        return self.plus(Meeting(cause=cause))

    def plus(self, other: "Meeting") -> "Meeting":
        """Both together. In which order things were reported never matters."""
        if cause := max(self.cause, other.cause, key=_WEIGHT.index):
            return Meeting(cause=cause)
        viewed = self.viewed
        if len(viewed) < PROFILES_TO_VIEW:
            viewed |= other.viewed
        milliseconds = min(self.milliseconds + other.milliseconds, MILLISECONDS_TO_SPEND)
        if len(viewed) >= PROFILES_TO_VIEW and milliseconds == MILLISECONDS_TO_SPEND:
            return Meeting(cause="profiles_viewed")
        return Meeting(viewed, milliseconds)


# The moments of reports, in order, by action and target.
Moments = Mapping[tuple[Action, str], tuple[datetime, ...]]


def remembered(moments: Moments, action: Action, target: str, ts: datetime) -> Moments:
    known = moments.get((action, target), ())
    i = bisect_left(known, ts)
    return with_entry(moments, (action, target), (*known[:i], ts, *known[i:])[-REMEMBERED:])


def is_repeated(moments: Moments, action: Action, target: str, ts: datetime) -> bool:
    """Whether this very report came before. Any older than a full memory counts as repeated."""
    known = moments.get((action, target), ())
    i = bisect_left(known, ts)
    return known[i : i + 1] == (ts,) or (i == 0 and len(known) == REMEMBERED)


def is_of_a_known_day(moments: Moments, action: Action, target: str, ts: datetime) -> bool:
    """Whether the same was reported on that day, in UTC."""
    known = moments.get((action, target), ())
    i = bisect_left(known, ts)
    return any(_day(moment) == _day(ts) for moment in known[max(0, i - 1) : i + 1])


def _day(moment: datetime) -> int:
    return moment.astimezone(UTC).toordinal()
