"""Every question with a strategy of asks about one event, as the edge makes them."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from projections.attendees.addresses import ADDRESS
from projections.conferences import CONFERENCE
from projections.missions.leaderboard import LEADERBOARD, PAST_LEADERBOARD, LeaderboardAsk
from projections.missions.questions import BOARD, HISTORY
from projections.question import Ask, MemberAsk, Own, Past, Wide
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from projections.sessions.questions import NOW, PERSONAL_AGENDA, SCHEDULE, SOON, SessionsAsk
from tests.harness.agenda import starts
from tests.harness.values import members

Asks = Callable[[str], SearchStrategy[Any]]
limits = st.sampled_from([1, 2, 5, 100])


def of_event(event_id: str) -> SearchStrategy[Ask]:
    return st.just(Ask(event_id))


def of_member(event_id: str) -> SearchStrategy[MemberAsk]:
    return st.builds(MemberAsk, st.just(event_id), members)


def of_leaders(event_id: str) -> SearchStrategy[LeaderboardAsk]:
    return st.builds(LeaderboardAsk, st.just(event_id), members, limits)


def of_window(window: Any) -> Asks:
    return lambda event_id: st.builds(
        SessionsAsk, st.just(event_id), members, st.just(window), starts, limits
    )


OWN: dict[Own[Any, Any], Asks] = {
    CONFERENCE: of_event,
    ADDRESS: of_member,
    BOARD: of_member,
    HISTORY: of_member,
    NOW: of_window("now"),
    SOON: of_window("next_60"),
    PERSONAL_AGENDA: of_member,
    SCHEDULE: of_member,
    WHOLE_AGENDA: of_event,
    STARRED_AGENDA: of_member,
}
WIDE: dict[Wide[Any, Any], Asks] = {LEADERBOARD: of_leaders}
PAST: tuple[Past[Any, Any], ...] = (PAST_LEADERBOARD,)
