from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from domain.attendees import (
    ATTENDEE,
    Attendee,
    AttendeeProfileChanged,
    AttendeeRegistered,
    Profile,
    SaveProfile,
    decide,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
PROFILE = Profile("A member")
ANNOUNCED: Any = Conference(ConferenceAnnounced("A conference", "UTC"))
SAVE = SaveProfile(event_id="evt_1", member_id="m1", profile=PROFILE, conference=ANNOUNCED)


def test_first_profile_registers() -> None:
    assert decide(SAVE, Attendee()) == (AttendeeRegistered(PROFILE),)


def test_same_profile_changes_nothing() -> None:
    assert decide(SAVE, Attendee(PROFILE)) == ()


def test_other_profile_changes_it() -> None:
    assert decide(SAVE, Attendee(Profile("Another"))) == (AttendeeProfileChanged(PROFILE),)


def test_profile_at_an_unknown_event_is_refused() -> None:
    with pytest.raises(NotFound, match="There is no event evt_1"):
        decide(replace(SAVE, conference=Conference()), Attendee())


@pytest.mark.parametrize(
    ("profile", "listed"),
    [(None, False), (PROFILE, True), (Profile("A member", visibility="hidden"), False)],
)
def test_attendee_is_listed(profile: Profile | None, listed: bool) -> None:
    assert Attendee(profile).listed == listed


def test_both_events_say_what_the_profile_is_now() -> None:
    for event in (AttendeeRegistered(PROFILE), AttendeeProfileChanged(PROFILE)):
        assert ATTENDEE.evolve(Attendee(Profile("Another")), event, NINE) == Attendee(PROFILE)
