from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar_links import (
    CALENDAR_LINK,
    CalendarLink,
    OpenCalendarLink,
    RevokeCalendarLink,
    decide,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound
from tests.harness.calendar_links import CAPABILITY

ANNOUNCED: Any = Conference(ConferenceAnnounced("A conference", "UTC"))
AT: Any = {"event_id": "evt_1", "member_id": "m1", "conference": ANNOUNCED}
OPENS = [OpenCalendarLink(**AT, digest=digest * 64) for digest in "abc"]
REVOKE = RevokeCalendarLink(**AT)


@given(st.lists(st.sampled_from([*OPENS, REVOKE]), min_size=1))
def test_first_link_since_the_last_was_revoked_is_the_only_one(told: list[Any]) -> None:
    state, expected = CALENDAR_LINK.initial, None
    for command in told:
        state = CAPABILITY.folded(decide(command, state), state)
        assert decide(command, state) == ()
        expected = None if command is REVOKE else expected or command.digest
        assert state == CalendarLink(expected)


@pytest.mark.parametrize("command", [OPENS[0], REVOKE])
def test_link_to_an_event_that_is_not_there_is_404(command: Any) -> None:
    at = {**AT, "conference": Conference()}
    more = {"digest": command.digest} if command is not REVOKE else {}
    with pytest.raises(NotFound, match="There is no event evt_1"):
        decide(type(command)(**at, **more), CalendarLink())
