"""When requests for a sync expire: the work that records it."""

from collections.abc import Iterator

from domain.aggregate import Recorded
from domain.sync_events import (
    SyncAccepted,
    SyncDeclined,
    SyncExpired,
    SyncRequested,
    SyncWithdrawn,
)
from projections.due import Done, Wanted

EXPIRE_SYNC = "expire_sync"


def expiry(recorded: Recorded) -> Iterator[Wanted | Done]:
    """Its subject is `EVENT:SYNC`. What is answered has nothing left to expire."""
    subject = ":".join(recorded.stream_key)
    match recorded.event:
        case SyncRequested(until=until):
            yield Wanted(subject, until, until)
        case SyncExpired(based_on=based_on):
            yield Done(subject, based_on)
        case SyncAccepted() | SyncDeclined() | SyncWithdrawn():
            yield Done(subject, recorded.position)
