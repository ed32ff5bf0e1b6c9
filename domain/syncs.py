"""Meetings of two: one asks for up to three times, the other accepts one of them or declines.

A request that nobody answers expires by itself, by time: `Sync.status_at` says so before anything
is recorded of it. What is recorded of a sync is recorded in the calendars of both as well, in one
transaction: see appointments.py.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import GIVEN, Aggregate, Command, On, StreamName, stream
from domain.appointments import Appointments, calendar, cancelled_for_both, closed_for_both
from domain.errors import Invalid, NotFound, Refused
from domain.personal import Person
from domain.sync_events import (
    AppointmentMade,
    RequestOpened,
    SyncAccepted,
    SyncDeclined,
    SyncErased,
    SyncExpired,
    SyncRequested,
    SyncWithdrawn,
)
from domain.visibility import Seen, TowardsMember, given
from domain.work import Result

UNANSWERED = timedelta(hours=24)  # after which a request expires
AHEAD = timedelta(days=366)  # that a proposal lies in the future, at most
PROPOSALS = 3
OPEN = 20  # requests of one member that are not answered yet
WAITING = 100  # requests that one member has not answered yet
MOST = 1_000  # syncs of one member at one event, of whatever status

Status = Literal["requested", "accepted", "declined", "withdrawn", "expired"]
SyncEvent = SyncRequested | SyncAccepted | SyncDeclined | SyncWithdrawn | SyncExpired | SyncErased


class Sync(Struct, frozen=True):
    """Nobody's as long as nobody has asked. `wrote` are those of whom it holds a text."""

    asker: str = ""
    asked: str = ""
    minutes: int = 0
    proposals: tuple[datetime, ...] = ()
    until: datetime | None = None
    status: Status = "requested"
    start: datetime | None = None
    wrote: frozenset[Person] = frozenset()

    def status_at(self, at: datetime) -> Status:
        return status_at(self.status, self.until, at)


def status_at(status: Status, until: datetime | None, at: datetime) -> Status:
    """A request is expired from `until` on, also where that is not recorded yet."""
    over = status == "requested" and until is not None and until <= at
    return "expired" if over else status


class RequestSync(TowardsMember, frozen=True, kw_only=True):
    """Times are in UTC, and the proposals in order."""

    aggregate: ClassVar[str] = "sync"
    sync_id: str
    minutes: int
    proposals: tuple[datetime, ...]
    at: datetime
    note: str = ""
    place: str = ""
    asker: Seen = GIVEN
    own: Appointments = GIVEN
    theirs: Appointments = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.sync_id)

    def given(self) -> dict[str, StreamName]:
        return {
            **given(self.event_id, self.member_id, self.target_member_id),
            "asker": stream("attendee", self.event_id, self.member_id),
            "own": calendar(self.event_id, self.member_id),
            "theirs": calendar(self.event_id, self.target_member_id),
        }


class AcceptSync(TowardsMember, frozen=True, kw_only=True):
    """The target is who has asked."""

    aggregate: ClassVar[str] = "sync"
    sync_id: str
    start: datetime
    at: datetime
    place: str = ""
    own: Appointments = GIVEN
    theirs: Appointments = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.sync_id)

    def given(self) -> dict[str, StreamName]:
        return {
            **given(self.event_id, self.member_id, self.target_member_id),
            "own": calendar(self.event_id, self.member_id),
            "theirs": calendar(self.event_id, self.target_member_id),
        }


class _OnSync(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "sync"
    event_id: str
    sync_id: str
    member_id: str
    at: datetime

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.sync_id)


class DeclineSync(_OnSync, frozen=True, kw_only=True):
    pass


class WithdrawSync(_OnSync, frozen=True, kw_only=True):
    pass


class ExpireSync(Result, frozen=True, kw_only=True):
    """When it is due is in the event that asks for it."""

    aggregate: ClassVar[str] = "sync"
    event_id: str
    sync_id: str

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.sync_id)


OnSync = RequestSync | AcceptSync | DeclineSync | WithdrawSync | ExpireSync


class Party(Protocol):
    """The part of a command that says whose sync it is to be."""

    @property
    def sync_id(self) -> str: ...

    @property
    def member_id(self) -> str: ...


def decide(command: OnSync, state: Sync) -> tuple[SyncEvent | On, ...]:
    match command:
        case RequestSync():
            return _request(command, state)
        case AcceptSync():
            return _accept(command, state)
        case DeclineSync():
            return _decline(command, state)
        case WithdrawSync():
            return _withdraw(command, state)
        case ExpireSync():
            return _expire(command, state)


# To ask
def _request(command: RequestSync, state: Sync) -> tuple[SyncEvent | On, ...]:
    command.check_seen()
    if state.asker:
        return ()
    if not command.asker.listed:
        raise Refused(
            "Only who is listed among the attendees can ask them for a sync: save a profile that "
            "is listed first."
        )
    _check_proposals(command)
    _check_bounds(command)
    _check_free(command)
    me, them, sync_id = command.member_id, command.target_member_id, command.sync_id
    until = min(command.at + UNANSWERED, command.proposals[-1])
    facts = command.minutes, command.proposals, until
    return (
        SyncRequested(me, them, *facts, command.note, command.place),
        On(calendar(command.event_id, me), RequestOpened(sync_id, them, True, *facts)),
        On(calendar(command.event_id, them), RequestOpened(sync_id, me, False, *facts)),
    )


def _check_proposals(command: RequestSync) -> None:
    """Raises Invalid."""
    problems = [
        (f"$.proposals[{i}]", "is not in the future" if start <= command.at else "is too far ahead")
        for i, start in enumerate(command.proposals)
        if not command.at < start <= command.at + AHEAD
    ]
    if problems:
        raise Invalid("", *problems)


def _check_bounds(command: RequestSync) -> None:
    mine, theirs = command.own.open(command.at), command.theirs.open(command.at)
    between = [one for one in mine if one.with_member_id == command.target_member_id]
    if between:
        raise Refused(f"There is an open request between you two already: {between[0].sync_id}.")
    if sum(one.is_mine for one in mine) >= OPEN:
        raise Refused(f"{OPEN} of your requests are open, and no more can be: withdraw one.")
    if sum(not one.is_mine for one in theirs) >= WAITING:
        raise Refused("They have as many open requests as can be: try again later.")
    if max(command.own.total, command.theirs.total) >= MOST:
        raise Refused(f"One of you has had {MOST:,} syncs here, and no more can be.")


def _check_free(command: RequestSync) -> None:
    """Raises Refused, with all proposals at which one of the two has an appointment."""
    if problems := list(_taken(command)):
        raise Refused("Not all of these times are free.", *problems)


def _taken(command: RequestSync) -> Iterator[tuple[str, str]]:
    for i, start in enumerate(command.proposals):
        end = start + timedelta(minutes=command.minutes)
        if own := command.own.at_the_time(start, end):
            yield f"$.proposals[{i}]", f"you have a sync then: {own.sync_id}"
        elif command.theirs.at_the_time(start, end):
            yield f"$.proposals[{i}]", "they are busy then"


# To answer
def _accept(command: AcceptSync, state: Sync) -> tuple[SyncEvent | On, ...]:
    command.check_seen()
    _check_party(command, state)
    if (state.asker, state.asked) != (command.target_member_id, command.member_id):
        raise Refused("Only who was asked can accept.")
    status = state.status_at(command.at)
    if status == "accepted" and state.start == command.start:
        return ()
    _check_open(status)
    if command.start not in state.proposals:
        raise Invalid("", ("$.start", "is none of the proposals"))
    if command.start <= command.at:
        raise Refused("That time is over: accept another, or decline.")
    end = command.start + timedelta(minutes=state.minutes)
    if own := command.own.at_the_time(command.start, end):
        raise Refused(f"You have a sync then: {own.sync_id}.")
    if command.theirs.at_the_time(command.start, end):
        raise Refused("They are busy then by now.")
    me, them, sync_id = command.member_id, command.target_member_id, command.sync_id
    return (
        SyncAccepted(me, command.start, command.place),
        On(calendar(command.event_id, me), AppointmentMade(sync_id, them, command.start, end)),
        On(calendar(command.event_id, them), AppointmentMade(sync_id, me, command.start, end)),
    )


def _decline(command: DeclineSync, state: Sync) -> tuple[SyncEvent | On, ...]:
    _check_party(command, state)
    if command.member_id != state.asked:
        raise Refused("Only who was asked can decline: withdraw it instead.")
    status = state.status_at(command.at)
    if status == "declined":
        return ()
    _check_open(status)
    both = closed_for_both(command.event_id, command.sync_id, state.asker, state.asked, "declined")
    return (SyncDeclined(), *both)


def _withdraw(command: WithdrawSync, state: Sync) -> tuple[SyncEvent | On, ...]:
    _check_party(command, state)
    status = state.status_at(command.at)
    if status == "withdrawn":
        return ()
    between = command.event_id, command.sync_id, state.asker, state.asked
    if status == "accepted":
        return (SyncWithdrawn(command.member_id), *cancelled_for_both(*between))
    if command.member_id != state.asker:
        raise Refused("Only who has asked can withdraw what is not accepted: decline it instead.")
    _check_open(status)
    return (SyncWithdrawn(command.member_id), *closed_for_both(*between, "withdrawn"))


def _expire(command: ExpireSync, state: Sync) -> tuple[SyncEvent | On, ...]:
    """A request that was answered meanwhile has not expired."""
    if not state.asker or state.status != "requested":
        return ()
    both = closed_for_both(command.event_id, command.sync_id, state.asker, state.asked, "expired")
    return (SyncExpired(command.based_on), *both)


def _check_party(command: Party, state: Sync) -> None:
    if command.member_id not in {state.asker, state.asked}:
        raise NotFound(f"There is no sync {command.sync_id} here.")


def _check_open(status: Status) -> None:
    if status != "requested":
        raise Refused(f"It is {status} already.")


def evolve(state: Sync, event: SyncEvent, at: datetime) -> Sync:
    match event:
        case SyncRequested(from_member_id=asker, with_member_id=asked):
            facts = event.minutes, event.proposals, event.until
            return Sync(asker, asked, *facts, wrote=frozenset((asker,)))
        case SyncAccepted(by_member_id=by, start=start):
            wrote = state.wrote | {by}
            return replace(state, status="accepted", start=start, wrote=wrote)
        case SyncDeclined():
            return replace(state, status="declined")
        case SyncWithdrawn():
            return replace(state, status="withdrawn")
        case SyncExpired():
            return replace(state, status="expired")
        case SyncErased(member_id=member):
            return replace(state, wrote=state.wrote - {member})


def erase(state: Sync, person: Person) -> tuple[SyncErased, ...]:
    """That it takes place no more follows in the calendars: see workers/syncs.py."""
    return (SyncErased(person),) if person in state.wrote else ()


SYNC = Aggregate(
    name="sync",
    initial=Sync(),
    events=(SyncRequested, SyncAccepted, SyncDeclined, SyncWithdrawn, SyncExpired, SyncErased),
    decide=decide,
    evolve=evolve,
    erase=erase,
)
