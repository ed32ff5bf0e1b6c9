"""Moments in the local time of an event."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def local(at: datetime, zone: ZoneInfo) -> datetime:
    """The first and the last day of the calendar are not there in every zone; offsets that are not
    whole minutes, as of 1892, cannot be written in JSON."""
    try:
        shown = at.astimezone(zone)
    except OverflowError:
        return at
    offset = shown.utcoffset()
    return at if offset and offset % MINUTE else shown
