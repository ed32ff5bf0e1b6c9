"""Times and durations as schedules write them, parsed."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct

LONGEST = timedelta(days=31)  # duration of a session
SHORTEST = timedelta(minutes=3)  # that is likely, where a duration has two readings
MOST_MINUTES = timedelta(hours=12)  # that somebody writes as minutes and seconds
HOURS, MINUTES = "hours and minutes", "minutes and seconds"
SECONDS, DAYS = "hours, minutes and seconds", "days, hours and minutes"
COLONS = re.compile(r"(?:(\d{1,3}):)?(\d{1,3})[:.](\d{2})", re.ASCII)
CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?::(\d{2}))?", re.ASCII)


class TimeError(ValueError):
    """A text is no time or duration. The message quotes it."""


@cache
def zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime"})  # the zone of this machine


def day(written: str) -> date:
    try:
        return date.fromisoformat(written.strip()[:10])
    except ValueError:
        raise TimeError(f"{quoted(written)} is no date (as in 2026-01-31)") from None


def clock(written: str) -> time:
    found = CLOCK.fullmatch(written.strip())
    try:
        if found:
            return time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError:
        pass
    raise TimeError(f"{quoted(written)} is no time of day (as in 09:30)")


def moment(written: str) -> datetime:
    """A date and time, naive if no offset is written."""
    try:
        return datetime.fromisoformat(written.strip())
    except ValueError:
        raise TimeError(
            f"{quoted(written)} is no date and time (as in 2026-01-31T09:30:00+01:00)"
        ) from None


def whole_day(written: str) -> bool:
    """Whether it is a date without a time, which `moment` takes for the midnight of that day."""
    try:
        date.fromisoformat(written.strip())
    except ValueError:
        return False
    return True


class Length(Struct, frozen=True):
    """A duration as it is written, and its readings by name: the usual one first, one at least."""

    written: str = ""
    readings: Mapping[str, timedelta] = {}

    @property
    def usual(self) -> timedelta:
        return next(iter(self.readings.values()))


def length(written: str) -> Length:
    """A duration: H:MM or MM:SS, H:MM:SS or D:HH:MM. Which of two that are possible is meant, the
    other durations of the file say: see `lengths`. Raises TimeError."""
    found = COLONS.fullmatch(written.strip())
    if not found:
        raise TimeError(f"{quoted(written)} is no length (as in 00:45)")
    first, middle, last = (int(part or 0) for part in found.groups())
    possible = _three(first, middle, last) if found[1] else _two(middle, last)
    readings = {name: length for name, length in possible if length <= LONGEST}
    if not readings:
        raise _too_long(written)
    return Length(written.strip(), readings)


def _two(first: int, last: int) -> Iterator[tuple[str, timedelta]]:
    yield HOURS, timedelta(hours=first, minutes=last)
    minutes = timedelta(minutes=first, seconds=last)
    if last < 60 and SHORTEST <= minutes <= MOST_MINUTES:
        yield MINUTES, minutes


def _three(first: int, middle: int, last: int) -> Iterator[tuple[str, timedelta]]:
    yield SECONDS, timedelta(hours=first, minutes=middle, seconds=last)
    if first and middle < 24 and last < 60:
        yield DAYS, timedelta(days=first, hours=middle, minutes=last)


def minutes(count: int) -> timedelta:
    found = timedelta(minutes=min(max(count, 0), 10**6))
    if found > LONGEST:
        raise _too_long(str(count))
    return found


def _too_long(written: str) -> TimeError:
    return TimeError(f"{quoted(written)} is longer than {LONGEST.days} days")


def instant(found: datetime, zone: ZoneInfo | None) -> tuple[datetime, str]:
    """The time in UTC, and a remark, empty if there is none. Naive times are local to the zone."""
    if found.tzinfo is not None:
        return _utc(found), ""
    if zone is None:
        raise TimeError(f"{found.isoformat()} has no offset, and no time zone is named anywhere")
    local = found.replace(tzinfo=zone)
    return _utc(local), _ambiguity(local, zone)


def _ambiguity(local: datetime, zone: ZoneInfo) -> str:
    at = local.replace(tzinfo=None).isoformat(sep=" ")
    if local.utcoffset() == local.replace(fold=1).utcoffset():
        return ""
    back = _utc(local).astimezone(zone).replace(tzinfo=None)
    if back != local.replace(tzinfo=None):
        return f"{at} does not exist in {zone.key}: {back.isoformat(sep=' ')} is taken"
    return f"{at} comes twice in {zone.key}: the first is taken"


def _utc(found: datetime) -> datetime:
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise TimeError(f"{found.isoformat()} is outside the years 1 to 9999") from None


def quoted(written: str) -> str:
    return repr(written if len(written) <= 40 else written[:39] + "…")
