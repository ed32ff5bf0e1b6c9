from datetime import timedelta

from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.aggregate import On
from domain.appointments import APPOINTMENTS, LeaveSyncs
from domain.attendees import Attendee, Profile
from domain.blocks import Blocks
from domain.sync_events import (
    AppointmentCancelled,
    AppointmentMade,
    RequestClosed,
    RequestOpened,
    SyncWithdrawn,
)
from tests.harness.capability import START
from tests.harness.rules import given
from tests.harness.syncs import OF_CALENDARS

HOUR = timedelta(hours=1)
LEAVE_BEN, LEAVE_ALL = (
    LeaveSyncs(event_id="evt_1", member_id="ada", other_id=other, at=START)
    for other in ("ben", None)
)
OPEN = RequestOpened("s1", "ben", True, 30, (START + HOUR,), START + HOUR)
MADE = AppointmentMade("s2", "cleo", START + HOUR, START + 2 * HOUR)
OVER = AppointmentMade("s3", "ben", START - HOUR, START)
calendar = given(
    APPOINTMENTS, OPEN, MADE, OVER, member=Attendee(), blocks=Blocks(frozenset({"ben"}))
)


def test_whoever_leaves_withdraws_what_is_open_or_to_come_for_both() -> None:
    of_ben = (
        RequestClosed("s1", "ben", "withdrawn"),
        On("appointments:evt_1:ben", RequestClosed("s1", "ada", "withdrawn")),
        On("sync:evt_1:s1", SyncWithdrawn("ada")),
    )
    of_cleo = (
        AppointmentCancelled("s2", "cleo"),
        On("appointments:evt_1:cleo", AppointmentCancelled("s2", "ada")),
        On("sync:evt_1:s2", SyncWithdrawn("ada")),
    )
    calendar.when(LEAVE_BEN).then(*of_ben).when(LEAVE_ALL).then(*of_cleo).when(LEAVE_ALL).then()


def test_whoever_is_blocked_no_more_or_there_again_by_then_is_not_left() -> None:
    calendar.given(blocks=Blocks()).when(LEAVE_BEN).then()
    calendar.given(member=Attendee(Profile("Ada"))).when(LEAVE_ALL).then()


@tried_on(st.lists(OF_CALENDARS))
def test_request_is_open_until_it_is_answered_and_an_appointment_there_until_cancelled(
    events: list[object],
) -> None:
    state, requests, made = given(APPOINTMENTS), set(), set()
    for event in events:
        match event:
            case RequestOpened(sync_id=id_):
                requests.add(id_)
            case AppointmentMade(sync_id=id_):
                made.add(id_)
                requests.discard(id_)
            case RequestClosed(sync_id=id_):
                requests.discard(id_)
            case AppointmentCancelled(sync_id=id_):
                requests.discard(id_)
                made.discard(id_)
        state = state.given(event)  # type: ignore[arg-type]
        assert (set(state.state.requests), set(state.state.made)) == (requests, made)
