"""Every question with a strategy of asks about one event, as the edge makes them."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from projections.conferences import CONFERENCE
from projections.missions.leaderboard import LEADERBOARD, PAST_LEADERBOARD, LeaderboardAsk
from projections.missions.questions import BOARD, HISTORY
from projections.question import Ask, MemberAsk, Own, Past, Wide
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from projections.sessions.questions import NOW, PERSONAL_AGENDA, SCHEDULE, SOON, SessionsAsk
from projections.syncs.questions import (
    APPOINTMENTS,
    LATEST,
    OTHERS,
    OWN_SYNCS,
    SYNC_TEXTS,
    OthersAsk,
    SyncsAsk,
    TextsAsk,
    TimesAsk,
)
from tests.harness import syncs
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


def of_page(event_id: str) -> SearchStrategy[SyncsAsk]:
    statuses = st.sampled_from(["", "", "requested", "accepted", "expired"])
    before = st.sampled_from([1, 20, LATEST, LATEST])
    return st.builds(SyncsAsk, st.just(event_id), members, statuses, syncs.times, limits, before)


def of_times(event_id: str) -> SearchStrategy[TimesAsk]:
    return st.builds(TimesAsk, st.just(event_id), members, syncs.starts, syncs.starts)


def of_texts(event_id: str) -> SearchStrategy[TextsAsk]:
    some = st.lists(syncs.ids, min_size=1, max_size=3, unique=True).map(",".join)
    return st.builds(TextsAsk, st.just(event_id), some)


def of_others(event_id: str) -> SearchStrategy[OthersAsk]:
    some = st.lists(members, max_size=3, unique=True).map(",".join)
    return st.builds(OthersAsk, st.just(event_id), members, some)


OWN: dict[Own[Any, Any], Asks] = {
    CONFERENCE: of_event,
    BOARD: of_member,
    HISTORY: of_member,
    NOW: of_window("now"),
    SOON: of_window("next_60"),
    PERSONAL_AGENDA: of_member,
    SCHEDULE: of_member,
    WHOLE_AGENDA: of_event,
    STARRED_AGENDA: of_member,
    OWN_SYNCS: of_page,
    APPOINTMENTS: of_times,
    SYNC_TEXTS: of_texts,
    OTHERS: of_others,
}
WIDE: dict[Wide[Any, Any], Asks] = {LEADERBOARD: of_leaders}
PAST: tuple[Past[Any, Any], ...] = (PAST_LEADERBOARD,)
