from datetime import UTC, datetime

import pytest

from domain.attendees import (
    ATTENDEE,
    Attendee,
    AttendeeErased,
    AttendeeProfileChanged,
    AttendeeRegistered,
    Profile,
    SaveProfile,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound
from tests.harness.rules import given

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
PROFILE = Profile("A member")
SAVE = SaveProfile(event_id="evt_1", member_id="m1", profile=PROFILE)
ANOTHER = AttendeeRegistered(Profile("Another"))
attendee = given(ATTENDEE, conference=Conference(ConferenceAnnounced("A conference", "UTC")))


def test_profile_is_saved() -> None:
    attendee.when(SAVE).then(AttendeeRegistered(PROFILE)).when(SAVE).then()
    attendee.given(ANOTHER).when(SAVE).then(AttendeeProfileChanged(PROFILE)).when(SAVE).then()
    attendee.given(ANOTHER, AttendeeErased()).when(SAVE).then(AttendeeRegistered(PROFILE))
    attendee.given(conference=Conference()).when(SAVE).then(NotFound("There is no event evt_1."))


@pytest.mark.parametrize(
    ("profile", "listed"),
    [(None, False), (PROFILE, True), (Profile("A member", visibility="hidden"), False)],
)
def test_attendee_is_listed(profile: Profile | None, listed: bool) -> None:
    assert Attendee(profile).listed == listed


def test_both_events_say_what_the_profile_is_now() -> None:
    for event in (AttendeeRegistered(PROFILE), AttendeeProfileChanged(PROFILE)):
        assert ATTENDEE.evolve(Attendee(Profile("Another")), event, NINE) == Attendee(PROFILE)
