"""Due work: the work that events ask for, as a read model.

A kind of work says by a pure function what an event means to it: `Wanted`, something is to be done
of a subject, or `Done`, its result is there. A piece of work, one of a kind and a subject, is due
while it is wanted at a later position than its last result is based on.

In the words of job queues: kind and subject are the queueing lock (however many events ask, it
waits once) and the lock (one worker is at it); `not_before` is when it is scheduled at.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.aggregate import Recorded
from projections.read_model import Change, ReadModel, Table


class Due(Struct, frozen=True):
    """A row of views.due. Positions are of the log."""

    kind: str
    subject: str
    wanted: int  # by the event at this position
    based_on: int  # the last result; 0: there is none
    not_before: datetime
    latest: datetime  # until when further events may put it off

    @property
    def is_due(self) -> bool:
        return self.wanted > self.based_on


class Wanted(Struct, frozen=True):
    """To be done at `not_before` (None: at once). The next event that wants it may put that off,
    but not beyond `latest` (None: not at all) of the first: so a burst is done once, and not later
    than that."""

    subject: str
    not_before: datetime | None = None
    latest: datetime | None = None


class Done(Struct, frozen=True):
    """A result is recorded. What events asked for since it was begun is to be done at `not_before`
    (None: at once), to be put off up to `latest`."""

    subject: str
    based_on: int
    not_before: datetime | None = None
    latest: datetime | None = None


Meaning = Callable[[Recorded], Iterable[Wanted | Done]]

TABLE = Table("due", Due, keys=2)


def due(kinds: Mapping[str, Meaning], version: int = 1) -> ReadModel:
    """`version` rises when a kind is added, or changes what it makes of events in the log."""

    def project(recorded: Recorded) -> Iterator[Change]:
        for kind, meaning in kinds.items():
            for meant in meaning(recorded):
                yield _change(kind, recorded, meant)

    return ReadModel("due", (TABLE,), project, version)


def _change(kind: str, recorded: Recorded, meant: Wanted | Done) -> Change:
    """The change of a row by an event. It depends on these two only, so that a rebuild gives the
    same rows."""
    at, position = recorded.at, recorded.position

    def fold(old: Due | None) -> Due:
        old = old or Due(kind, meant.subject, 0, 0, at, at)
        not_before = meant.not_before or at
        latest = max(meant.latest or not_before, at)
        wanted, based_on = old.wanted, old.based_on
        if isinstance(meant, Wanted):
            wanted = position
            latest = min(old.latest, latest) if old.is_due else latest
        else:
            based_on = max(based_on, meant.based_on)
        return Due(kind, meant.subject, wanted, based_on, min(not_before, latest), latest)

    return Change(TABLE, (kind, meant.subject), fold)


# Schedules
def once_quiet(
    recorded: Recorded, for_: timedelta, at_most: timedelta
) -> tuple[datetime, datetime]:
    """`not_before` and `latest`: once no event has wanted it for so long, but after `at_most`
    anyhow."""
    return recorded.at + for_, recorded.at + at_most


def next_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def next_day(at: datetime, clock: time, zone: str) -> datetime:
    """The next moment at which clocks in a zone show `clock`."""
    local = at.astimezone(ZoneInfo(zone))
    today = datetime.combine(local.date(), clock, local.tzinfo)
    return (
        today if today > at else datetime.combine(local.date() + timedelta(1), clock, local.tzinfo)
    )
