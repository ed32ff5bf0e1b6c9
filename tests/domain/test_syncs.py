from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.aggregate import On, stream
from domain.appointments import APPOINTMENTS, Appointments
from domain.attendees import Attendee, Profile
from domain.blocks import Blocks
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import Invalid, NotFound, Refused
from domain.sync_events import (
    AppointmentCancelled,
    AppointmentMade,
    RequestClosed,
    RequestOpened,
    SyncAccepted,
    SyncDeclined,
    SyncErased,
    SyncExpired,
    SyncRequested,
    SyncWithdrawn,
)
from domain.syncs import (
    AHEAD,
    MOST,
    OPEN,
    SYNC,
    UNANSWERED,
    WAITING,
    AcceptSync,
    DeclineSync,
    ExpireSync,
    RequestSync,
    WithdrawSync,
)
from tests.harness.capability import START
from tests.harness.rules import Given, given

HOUR, MINUTES = timedelta(hours=1), timedelta(minutes=30)
ONE, TWO = START + HOUR, START + 2 * HOUR
LISTED = Attendee(Profile("Somebody"))
OF: dict[str, Any] = {"event_id": "evt_1", "sync_id": "s1", "at": START}
ASK = RequestSync(
    **OF, member_id="ada", target_member_id="ben", minutes=30, proposals=(ONE, TWO), note="Hello"
)
ACCEPT = AcceptSync(**OF, member_id="ben", target_member_id="ada", start=ONE, place="Hall A")
DECLINE = DeclineSync(**OF, member_id="ben")
WITHDRAW = WithdrawSync(**OF, member_id="ada")
EXPIRE = ExpireSync(event_id="evt_1", sync_id="s1", based_on=7)
REQUESTED = SyncRequested("ada", "ben", 30, (ONE, TWO), TWO, "Hello")
ACCEPTED = SyncAccepted("ben", ONE, "Hall A")

nothing = given(
    SYNC,
    conference=Conference(ConferenceAnnounced("A conference", "UTC")),
    target=LISTED,
    asker=LISTED,
    blocks=Blocks(),
    blocks_of_target=Blocks(),
    own=Appointments(),
    theirs=Appointments(),
)
asked = nothing.given(REQUESTED)
accepted = asked.given(ACCEPTED)


def of(member: str, event: Any) -> On:
    return On(stream("appointments", "evt_1", member), event)


def closed(status: Any) -> tuple[On, On]:
    return (
        of("ada", RequestClosed("s1", "ben", status)),
        of("ben", RequestClosed("s1", "ada", status)),
    )


def calendar(*events: Any) -> Appointments:
    state: Appointments = given(APPOINTMENTS, *events).state
    return state


def test_request_is_in_both_calendars_and_asking_again_changes_nothing() -> None:
    facts = 30, (ONE, TWO), TWO
    nothing.when(ASK).then(
        REQUESTED,
        of("ada", RequestOpened("s1", "ben", True, *facts)),
        of("ben", RequestOpened("s1", "ada", False, *facts)),
    ).when(ASK).then()


def test_request_expires_after_a_day_or_with_its_last_proposal() -> None:
    late = replace(ASK, proposals=(START + 30 * HOUR, START + 40 * HOUR))
    state = nothing.when(late).outcome
    assert isinstance(state, tuple)
    assert state[0].until == START + UNANSWERED
    over = replace(ACCEPT, at=TWO)
    asked.when(over).then(Refused("It is expired already."))
    asked.when(replace(DECLINE, at=TWO)).then(Refused("It is expired already."))
    asked.when(EXPIRE).then(SyncExpired(7), *closed("expired")).when(EXPIRE).then()
    accepted.when(EXPIRE).then()


def test_accepting_takes_the_time_of_both_and_once_more_changes_nothing() -> None:
    asked.when(ACCEPT).then(
        ACCEPTED,
        of("ben", AppointmentMade("s1", "ada", ONE, ONE + MINUTES)),
        of("ada", AppointmentMade("s1", "ben", ONE, ONE + MINUTES)),
    ).when(ACCEPT).then()
    accepted.when(replace(ACCEPT, start=TWO)).then(Refused("It is accepted already."))
    asked.when(replace(ACCEPT, start=ONE + HOUR / 2)).then(Invalid)
    asked.when(replace(ACCEPT, at=ONE)).then(
        Refused("That time is over: accept another, or decline.")
    )


def test_each_answers_as_far_as_it_concerns_them() -> None:
    asked.when(DECLINE).then(SyncDeclined(), *closed("declined")).when(DECLINE).then()
    asked.when(WITHDRAW).then(SyncWithdrawn("ada"), *closed("withdrawn")).when(WITHDRAW).then()
    asked.when(replace(ACCEPT, member_id="ada", target_member_id="ben")).then(Refused)
    asked.when(replace(DECLINE, member_id="ada")).then(Refused)
    asked.when(replace(WITHDRAW, member_id="ben")).then(Refused)
    for command in (ACCEPT, DECLINE, WITHDRAW):
        stranger = replace(command, member_id="cleo")
        asked.when(stranger).then(NotFound("There is no sync s1 here."))
    for member in ("ada", "ben"):
        accepted.when(replace(WITHDRAW, member_id=member)).then(
            SyncWithdrawn(member),
            of("ada", AppointmentCancelled("s1", "ben")),
            of("ben", AppointmentCancelled("s1", "ada")),
        )


@pytest.mark.parametrize("state", [asked, nothing])
@pytest.mark.parametrize(
    "unseen",
    [
        {"target": Attendee()},
        {"target": Attendee(Profile("Somebody", visibility="hidden"))},
        {"blocks": Blocks(frozenset({"ada", "ben"}))},
        {"blocks_of_target": Blocks(frozenset({"ada", "ben"}))},
    ],
)
def test_whoever_is_not_seen_is_not_there(state: Given, unseen: dict[str, Any]) -> None:
    command, other = (ASK, "ben") if state is nothing else (ACCEPT, "ada")
    there = NotFound(f"There is no attendee {other} to meet here.")
    state.given(**unseen).when(command).then(there)


def test_proposals_lie_ahead() -> None:
    past = replace(ASK, proposals=(START, START + AHEAD + HOUR))
    nothing.when(past).then(
        Invalid(
            "",
            ("$.proposals[0]", "is not in the future"),
            ("$.proposals[1]", "is too far ahead"),
        )
    )
    hidden = nothing.given(asker=Attendee(Profile("Ada", visibility="hidden")))
    hidden.when(ASK).then(Refused)


def test_taken_times_are_told_before_it_is_sent_the_others_as_busy_alone() -> None:
    mine = calendar(AppointmentMade("s8", "cleo", ONE, ONE + MINUTES))
    theirs = calendar(AppointmentMade("s9", "cleo", TWO - MINUTES / 2, TWO + MINUTES))
    nothing.given(own=mine, theirs=theirs).when(ASK).then(
        Refused(
            "Not all of these times are free.",
            ("$.proposals[0]", "you have a sync then: s8"),
            ("$.proposals[1]", "they are busy then"),
        )
    )
    next_to_it = calendar(AppointmentMade("s8", "cleo", ONE - MINUTES, ONE))
    assert not isinstance(nothing.given(own=next_to_it).when(ASK).outcome, Refused)
    asked.given(own=mine).when(ACCEPT).then(Refused("You have a sync then: s8."))
    asked.given(theirs=mine).when(ACCEPT).then(Refused("They are busy then by now."))


def opened(sync_id: str, with_: str, is_mine: bool) -> RequestOpened:
    return RequestOpened(sync_id, with_, is_mine, 30, (TWO,), TWO)


def test_open_requests_are_bounded_for_a_pair_and_for_each() -> None:
    for is_mine in (True, False):
        between = nothing.given(own=calendar(opened("s9", "ben", is_mine)))
        between.when(ASK).then(Refused("There is an open request between you two already: s9."))
    mine = calendar(*(opened(f"s{i}", f"other_{i}", True) for i in range(OPEN)))
    nothing.given(own=mine).when(ASK).then(Refused)
    much_later = replace(ASK, at=TWO, proposals=(TWO + HOUR,))  # when they have expired
    assert not isinstance(nothing.given(own=mine).when(much_later).outcome, Refused)
    theirs = calendar(*(opened(f"s{i}", f"other_{i}", False) for i in range(WAITING)))
    nothing.given(theirs=theirs).when(ASK).then(Refused)
    nothing.given(own=Appointments(total=MOST)).when(ASK).then(Refused)


def test_who_is_erased_is_erased_once_and_others_are_not() -> None:
    assert SYNC.erase
    assert SYNC.erase(accepted.state, "ada") == (SyncErased("ada"),)
    assert SYNC.erase(accepted.state, "ben") == (SyncErased("ben"),)
    assert SYNC.erase(asked.state, "ben") == ()
    assert SYNC.erase(asked.given(SyncErased("ada")).state, "ada") == ()


@tried_on(st.datetimes(START.replace(tzinfo=None), (START + 4 * HOUR).replace(tzinfo=None)))
def test_status_is_expired_from_its_time_on_recorded_or_not(at: datetime) -> None:
    at = at.replace(tzinfo=START.tzinfo)
    assert asked.state.status_at(at) == ("expired" if at >= TWO else "requested")
    assert accepted.state.status_at(at) == "accepted"
