"""The events of meetings of two, in their own streams and in the calendars of both. What the one
wrote is in the sync's stream alone, sealed with their key: calendars hold ids and times."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Struct

from domain.personal import ERASED, MEMBER, PERSONAL, personal

Closed = Literal["declined", "withdrawn", "expired"]


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
class SyncRequested(Struct, frozen=True):
    """It expires at `until`. The place may be open."""

    from_member_id: Annotated[str, MEMBER]
    with_member_id: str
    minutes: int
    proposals: tuple[datetime, ...]
    until: datetime
    note: Annotated[str, personal(ERASED)] = ""
    place: Annotated[str, PERSONAL] = ""


class SyncAccepted(Struct, frozen=True):
    """An empty place leaves that of the request."""

    by_member_id: Annotated[str, MEMBER]
    start: datetime
    place: Annotated[str, PERSONAL] = ""


class SyncDeclined(Struct, frozen=True):
    pass


class SyncWithdrawn(Struct, frozen=True):
    """By the asker; or by either, once it was accepted."""

    by_member_id: str


class SyncExpired(Struct, frozen=True):
    based_on: int


class SyncErased(Struct, frozen=True):
    """This member is forgotten, with what they have written here."""

    member_id: str


# Of a calendar: one of each of the two
class RequestOpened(Struct, frozen=True):
    sync_id: str
    with_member_id: str
    is_mine: bool
    minutes: int
    proposals: tuple[datetime, ...]
    until: datetime


class RequestClosed(Struct, frozen=True):
    """It came to nothing."""

    sync_id: str
    with_member_id: str
    status: Closed


class AppointmentMade(Struct, frozen=True):
    sync_id: str
    with_member_id: str
    start: datetime
    end: datetime


class AppointmentCancelled(Struct, frozen=True):
    sync_id: str
    with_member_id: str
