"""Moments in the local time of an event."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """The time in the zone, or unchanged where it cannot be written: at the ends of the calendar,
    and where the offset is not in whole minutes, as in Brussels before 1892."""
    try:
        shown = at.astimezone(zone)
    except OverflowError:
        return at
    offset = shown.utcoffset()
    return at if offset and offset % MINUTE else shown
