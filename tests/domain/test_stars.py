from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given as tried_on
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.agenda import Agenda
from domain.agenda_items import AgendaItem
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound, Refused
from domain.stars import MOST, STARS, SessionStarred, SessionUnstarred, StarSession, UnstarSession
from tests.harness.rules import given

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
TALK = AgendaItem("s1", "A talk", NINE, NINE)
OFF = Agenda({"s1": replace(TALK, status="cancelled")})
STAR, UNSTAR = (
    kind(event_id="evt_1", member_id="m1", item_id="s1") for kind in (StarSession, UnstarSession)
)
STARRED, UNSTARRED = SessionStarred("s1"), SessionUnstarred("s1")
stars = given(
    STARS,
    conference=Conference(ConferenceAnnounced("A conference", "UTC")),
    agenda=Agenda({"s1": TALK}),
)


@tried_on(st.lists(st.sampled_from([STAR, UNSTAR]), min_size=1))
def test_last_click_decides(clicks: list[Any]) -> None:
    state, starred = stars, False
    for click in clicks:
        changes = starred != (click is STAR)
        state = state.when(click).then(*[STARRED if click is STAR else UNSTARRED] * changes)
        starred = click is STAR
    assert state.state.items == ({"s1"} if starred else set())


def test_cancelled_session_takes_no_star_and_keeps_those_it_has() -> None:
    stars.given(agenda=OFF).when(STAR).then(Refused("s1 is cancelled."))
    stars.given(STARRED, agenda=OFF).when(STAR).then()
    stars.given(STARRED, agenda=OFF).when(UNSTAR).then(UNSTARRED)


def test_stars_of_a_member_are_bounded_until_one_is_taken_back() -> None:
    almost = stars.given(*(SessionStarred(f"other_{i}") for i in range(MOST - 1)))
    full = Refused("These are 1,000 stars already, and no more are kept: remove one.")
    almost.given(SessionStarred("other")).when(STAR).then(full)
    almost.when(STAR).then(STARRED).when(STAR).then().when(UNSTAR).then(UNSTARRED)


@pytest.mark.parametrize("click", [STAR, UNSTAR])
def test_session_that_is_not_there_is_404(click: Any) -> None:
    stars.given(agenda=Agenda()).when(click).then(NotFound("There is no session s1 here."))
    stars.given(conference=Conference()).when(click).then(NotFound("There is no event evt_1."))
