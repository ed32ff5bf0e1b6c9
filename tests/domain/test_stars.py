from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.agenda import Agenda
from domain.agenda_items import AgendaItem
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound, Refused
from domain.stars import MOST, SessionStarred, Stars, StarSession, UnstarSession, decide
from tests.harness.agenda import STARRED

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
TALK = AgendaItem("s1", "A talk", NINE, NINE)
ON = Agenda({"s1": TALK})
OFF = Agenda({"s1": replace(TALK, status="cancelled")})
ANNOUNCED: Any = Conference(ConferenceAnnounced("A conference", "UTC"))
STAR, UNSTAR = (
    kind(event_id="evt_1", member_id="m1", item_id="s1", conference=ANNOUNCED, agenda=ON)
    for kind in (StarSession, UnstarSession)
)


@given(st.lists(st.sampled_from([STAR, UNSTAR]), min_size=1))
def test_last_click_decides(clicks: list[Any]) -> None:
    state = Stars()
    for click in clicks:
        state = STARRED.folded(decide(click, state), state)
    assert state.items == ({"s1"} if clicks[-1] is STAR else set())


def test_cancelled_session_takes_no_star_and_keeps_those_it_has() -> None:
    with pytest.raises(Refused, match="s1 is cancelled"):
        decide(replace(STAR, agenda=OFF), Stars())
    held = Stars(frozenset({"s1"}))
    assert decide(replace(STAR, agenda=OFF), held) == ()
    assert len(decide(replace(UNSTAR, agenda=OFF), held)) == 1


def test_stars_of_a_member_are_bounded_until_one_is_taken_back() -> None:
    others = [f"other_{i}" for i in range(MOST - 1)]
    assert decide(STAR, Stars(frozenset(others))) == (SessionStarred("s1"),)
    assert decide(STAR, Stars(frozenset([*others, "s1"]))) == ()
    with pytest.raises(Refused, match="These are 1,000 stars already"):
        decide(STAR, Stars(frozenset([*others, "other"])))
    assert len(decide(UNSTAR, Stars(frozenset([*others, "s1"])))) == 1


@pytest.mark.parametrize("click", [STAR, UNSTAR])
def test_session_that_is_not_there_is_404(click: Any) -> None:
    with pytest.raises(NotFound, match="There is no session s1"):
        decide(replace(click, agenda=Agenda()), Stars())
    with pytest.raises(NotFound, match="There is no event evt_1"):
        decide(replace(click, conference=Conference()), Stars())
