"""The rule by which members see each other, as commands ask it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attendees import Attendee, Profile
from domain.blocks import Blocks
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound
from domain.visibility import TowardsMember

THERE = Conference(ConferenceAnnounced("A conference", "UTC"))
LISTED = Attendee(Profile("Ben"))
NOBODY = Blocks()
HIDDEN = Attendee(Profile("Ben", visibility="hidden"))
some = st.frozensets(st.sampled_from(["ada", "ben", "cleo"])).map(Blocks)


def command(
    target: str = "ben",
    *,
    conference: Conference = THERE,
    attendee: Attendee = LISTED,
    own: Blocks = NOBODY,
    theirs: Blocks = NOBODY,
) -> TowardsMember:
    return TowardsMember(
        event_id="evt_1",
        member_id="ada",
        target_member_id=target,
        conference=conference,
        target=attendee,
        blocks=own,
        blocks_of_target=theirs,
    )


@given(st.sampled_from([LISTED, HIDDEN, Attendee()]), some, some)
def test_listed_ones_are_seen_unless_one_of_both_blocks_the_other(
    attendee: Attendee, own: Blocks, theirs: Blocks
) -> None:
    asked = command(attendee=attendee, own=own, theirs=theirs)
    if attendee is LISTED and "ben" not in own.members and "ada" not in theirs.members:
        asked.check_seen()
    else:
        with pytest.raises(NotFound, match=r"^There is no attendee ben to meet here.$"):
            asked.check_seen()


def test_nobody_meets_themselves_and_nothing_is_seen_of_an_event_that_is_not_there() -> None:
    with pytest.raises(NotFound, match=r"^There is no attendee ada to meet here.$"):
        command("ada").check_seen()
    with pytest.raises(NotFound, match=r"^There is no event evt_1.$"):
        command(conference=Conference()).check_seen()
