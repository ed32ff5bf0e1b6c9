from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.calendar_links import (
    CALENDAR_LINK,
    CalendarLink,
    CalendarLinkOpened,
    CalendarLinkRevoked,
    OpenCalendarLink,
    RevokeCalendarLink,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound
from tests.harness.rules import given

AT: Any = {"event_id": "evt_1", "member_id": "m1"}
OPENS = [OpenCalendarLink(**AT, digest=digest * 64) for digest in "abc"]
REVOKE = RevokeCalendarLink(**AT)
link = given(CALENDAR_LINK, conference=Conference(ConferenceAnnounced("A conference", "UTC")))


@tried_on(st.lists(st.sampled_from([*OPENS, REVOKE]), min_size=1))
def test_first_link_since_the_last_was_revoked_is_the_only_one(commands: list[Any]) -> None:
    state, digest = link, None
    for command in commands:
        revokes, opens = command is REVOKE and digest, command is not REVOKE and not digest
        expected: list[Any] = [CalendarLinkRevoked()] if revokes else []
        expected = [CalendarLinkOpened(command.digest)] if opens else expected
        digest = None if command is REVOKE else digest or command.digest
        state = state.when(command).then(*expected).when(command).then()
        assert state.state == CalendarLink(digest)


@pytest.mark.parametrize("command", [OPENS[0], REVOKE])
def test_link_to_an_event_that_is_not_there_is_404(command: Any) -> None:
    link.given(conference=Conference()).when(command).then(NotFound("There is no event evt_1."))
