"""The calendar of each member at an event: open requests for syncs, and those that were accepted.
Nobody has two at a time: whoever decides about one looks at the calendars of both."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar, TypeVar

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, Command, On, StreamName, stream
from domain.persistent_map import with_entry
from domain.sync_events import (
    AppointmentCancelled,
    AppointmentMade,
    Closed,
    RequestClosed,
    RequestOpened,
    SyncWithdrawn,
)
from domain.visibility import Blocking, Seen

V = TypeVar("V")
AppointmentEvent = RequestOpened | RequestClosed | AppointmentMade | AppointmentCancelled


class Appointment(Struct, frozen=True):
    sync_id: str
    with_member_id: str
    start: datetime
    end: datetime


class Appointments(Struct, frozen=True):
    """Requests that are open as far as is recorded, appointments by sync, and how many syncs the
    member has asked for or been asked for in all."""

    requests: Mapping[str, RequestOpened] = {}
    made: Mapping[str, Appointment] = {}
    total: int = 0

    def open(self, at: datetime) -> list[RequestOpened]:
        return [request for request in self.requests.values() if request.until > at]

    def at_the_time(self, start: datetime, end: datetime) -> Appointment | None:
        """One that is on in this time. Where one ends, another may begin."""
        return next((a for a in self.made.values() if a.start < end and start < a.end), None)


class LeaveSyncs(Command, frozen=True, kw_only=True):
    """Withdraws what is open or still to come: with the other, whom the member blocks; or with
    everybody, as the member is no longer there. It may come late: where that is so no more by then,
    nothing is withdrawn."""

    aggregate: ClassVar[str] = "appointments"
    event_id: str
    member_id: str
    other_id: str | None
    at: datetime
    member: Seen = GIVEN
    blocks: Blocking = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return {
            "member": stream("attendee", self.event_id, self.member_id),
            "blocks": stream("blocks", self.event_id, self.member_id),
        }

    @property
    def is_so(self) -> bool:
        if self.other_id is None:
            return not self.member.listed
        return self.other_id in self.blocks.members


def decide(command: LeaveSyncs, state: Appointments) -> tuple[On | AppointmentEvent, ...]:
    return tuple(_left(command, state)) if command.is_so else ()


def _left(command: LeaveSyncs, state: Appointments) -> Iterator[On | AppointmentEvent]:
    by = command.member_id
    for request in state.open(command.at):
        if command.other_id in {None, request.with_member_id}:
            with_ = request.with_member_id
            yield RequestClosed(request.sync_id, with_, "withdrawn")
            yield _of_other(command, with_, RequestClosed(request.sync_id, by, "withdrawn"))
            yield On(stream("sync", command.event_id, request.sync_id), SyncWithdrawn(by))
    for one in state.made.values():
        if command.other_id in {None, one.with_member_id} and one.end > command.at:
            yield AppointmentCancelled(one.sync_id, one.with_member_id)
            yield _of_other(command, one.with_member_id, AppointmentCancelled(one.sync_id, by))
            yield On(stream("sync", command.event_id, one.sync_id), SyncWithdrawn(by))


def _of_other(command: LeaveSyncs, member_id: str, event: AppointmentEvent) -> On:
    return On(calendar(command.event_id, member_id), event)


def calendar(event_id: str, member_id: str) -> StreamName:
    return stream("appointments", event_id, member_id)


def closed_for_both(
    event_id: str, sync_id: str, one: str, other: str, status: Closed
) -> tuple[On, On]:
    return (
        On(calendar(event_id, one), RequestClosed(sync_id, other, status)),
        On(calendar(event_id, other), RequestClosed(sync_id, one, status)),
    )


def cancelled_for_both(event_id: str, sync_id: str, one: str, other: str) -> tuple[On, On]:
    return (
        On(calendar(event_id, one), AppointmentCancelled(sync_id, other)),
        On(calendar(event_id, other), AppointmentCancelled(sync_id, one)),
    )


def evolve(state: Appointments, event: AppointmentEvent, at: datetime) -> Appointments:
    match event:
        case RequestOpened(sync_id=sync_id):
            requests = with_entry(state.requests, sync_id, event)
            return Appointments(requests, state.made, state.total + 1)
        case RequestClosed(sync_id=sync_id):
            return Appointments(_without(state.requests, sync_id), state.made, state.total)
        case AppointmentMade(sync_id=sync_id, with_member_id=with_, start=start, end=end):
            made = with_entry(state.made, sync_id, Appointment(sync_id, with_, start, end))
            return Appointments(_without(state.requests, sync_id), made, state.total)
        case AppointmentCancelled(sync_id=sync_id):
            requests, made = _without(state.requests, sync_id), _without(state.made, sync_id)
            return Appointments(requests, made, state.total)


def _without(entries: Mapping[str, V], key: str) -> Mapping[str, V]:
    return {k: v for k, v in entries.items() if k != key} if key in entries else entries


APPOINTMENTS = Aggregate(
    name="appointments",
    initial=Appointments(),
    events=(RequestOpened, RequestClosed, AppointmentMade, AppointmentCancelled),
    decide=decide,
    evolve=evolve,
)
