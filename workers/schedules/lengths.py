"""How long sessions last, where a file writes it so that it can be read in two ways.

    45:00    45 hours, or 45 minutes (MM:SS)
    1:30:00  an hour and a half (H:MM:SS), or a day and six hours (D:HH:MM, as pretalx writes it)

A file writes all of its durations in one way. So the reading is chosen for the file: the one by
which fewer of its sessions last longer than a day, or into the next one in their room. A session
that cannot be meant so is read in the other way, if it can be meant so. What was chosen between
two readings is remarked.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct

from domain.agenda_items import AgendaItem
from workers.schedules.moments import DAYS, HOURS, MINUTES, SECONDS, SHORTEST, Length, quoted
from workers.schedules.schedule import THE_FILE, Remarks

DAY = timedelta(days=1)
LONG = timedelta(hours=6)  # for a session within which another one begins in the same room
NIGHT = timedelta(hours=30)  # after the midnight before the last session, all is over


class Timed(Struct, frozen=True):
    item: AgendaItem
    length: Length


def decided(
    timed: Sequence[Timed], last_day: date | None, remarks: Remarks
) -> dict[AgendaItem, datetime]:
    """The ends of those that do not last as is usual for their duration. `last_day` is the last
    that the file names."""
    ends, guessed = {}, Counter[tuple[str, str]]()
    rooms = _Rooms(timed, last_day)
    usual = {HOURS: _usual_of_two(timed, rooms), SECONDS: _usual_of_three(timed)}
    for one in timed:
        readings = one.length.readings
        if len(readings) < 2:
            continue
        first = next(iter(readings))
        name = usual[first]
        other = next(other for other in readings if other != name)
        if not _allow(rooms, one, name) and _allow(rooms, one, other):
            name = other
        if name != HOURS:
            guessed[one.length.written, name] += 1
        if name != first:
            ends[one.item] = one.item.start_time + readings[name]
    for (written, name), count in guessed.items():
        times = "once" if count == 1 else f"{count} times"
        remarks.add(THE_FILE, f"has the duration {quoted(written)} {times}: taken for {name}")
    return ends


def _allow(rooms: "_Rooms", one: Timed, name: str) -> bool:
    allow = rooms.allow_days if name == DAYS else rooms.allow
    return allow(one.item, one.length.readings[name])


def _usual_of_two(timed: Sequence[Timed], rooms: "_Rooms") -> str:
    """The reading that is right for more of a file's durations of two parts."""
    wrong: Counter[str] = Counter()
    for one in timed:
        if HOURS in one.length.readings and (hours := one.length.readings[HOURS]):
            minutes = one.length.readings.get(MINUTES)
            wrong[HOURS] += not rooms.fit(one.item, hours)
            wrong[MINUTES] += minutes is None or not rooms.fit(one.item, minutes)
    return MINUTES if wrong[MINUTES] < wrong[HOURS] else HOURS


def _usual_of_three(timed: Sequence[Timed]) -> str:
    """Days are written only where they are needed, so beside durations of two parts."""
    parts = Counter(next(iter(one.length.readings), "") for one in timed)
    return DAYS if parts[HOURS] > parts[SECONDS] else SECONDS


class _Rooms:
    """When sessions begin in each room, and when the last day is over."""

    def __init__(self, timed: Sequence[Timed], last_day: date | None) -> None:
        starts: dict[str, set[datetime]] = defaultdict(set)
        for one in timed:
            if one.item.status != "cancelled":
                starts[one.item.location].add(one.item.start_time)
        self._starts = {room: sorted(found) for room, found in starts.items() if room}
        days = {one.item.start_time.date() for one in timed} | ({last_day} if last_day else set())
        midnight = datetime.combine(max(days, default=date.min), time(), UTC)
        self._over = _after(midnight, NIGHT)

    def fit(self, item: AgendaItem, length: timedelta) -> bool:
        """Whether it is over within a day, and when the next session in its room begins."""
        return SHORTEST <= length < DAY and not self._is_met(item, length)

    def allow(self, item: AgendaItem, length: timedelta) -> bool:
        """Whether it can be meant so: sessions of some hours may overlap with others."""
        return SHORTEST <= length < DAY and (length <= LONG or not self._is_met(item, length))

    def allow_days(self, item: AgendaItem, length: timedelta) -> bool:
        """Whether it is over with the last day, and meets no other session in its room."""
        over = _after(item.start_time, length) <= self._over
        return over and not self._is_met(item, length)

    def _is_met(self, item: AgendaItem, length: timedelta) -> bool:
        starts = self._starts.get(item.location, [])
        following = bisect_right(starts, item.start_time)
        return following < len(starts) and starts[following] < _after(item.start_time, length)


def _after(start: datetime, length: timedelta) -> datetime:
    try:
        return start + length
    except OverflowError:
        return datetime.max.replace(tzinfo=start.tzinfo)
