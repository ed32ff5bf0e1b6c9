"""Every question with a strategy of asks about one event, as the edge makes them."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from projections.attendees.addresses import ADDRESS
from projections.attendees.visibility import MINE, PROFILE, SHOWN, ProfileAsk, ShownAsk
from projections.conferences import CONFERENCE
from projections.messages.questions import (
    FLAGGED,
    LATEST,
    OTHERS,
    OWN_THREADS,
    TEXTS,
    THREAD,
    FlaggedAsk,
    OthersAsk,
    TextsAsk,
    ThreadAsk,
    ThreadsAsk,
)
from projections.missions.leaderboard import LEADERBOARD, PAST_LEADERBOARD, LeaderboardAsk
from projections.missions.questions import BOARD, HISTORY
from projections.question import Ask, MemberAsk, Own, Past, Wide
from projections.sessions.calendar import STARRED_AGENDA, WHOLE_AGENDA
from projections.sessions.questions import NOW, PERSONAL_AGENDA, SCHEDULE, SOON, SessionsAsk
from projections.syncs.questions import (
    APPOINTMENTS,
    OWN_SYNCS,
    SYNC_PEOPLE,
    SYNC_TEXTS,
    SyncPeopleAsk,
    SyncsAsk,
    SyncTextsAsk,
    TimesAsk,
)
from tests.harness import syncs
from tests.harness.agenda import starts
from tests.harness.messages import ids
from tests.harness.values import members

Asks = Callable[[str], SearchStrategy[Any]]
limits = st.sampled_from([1, 2, 5, 100])


def of_event(event_id: str) -> SearchStrategy[Ask]:
    return st.just(Ask(event_id))


def of_member(event_id: str) -> SearchStrategy[MemberAsk]:
    return st.builds(MemberAsk, st.just(event_id), members)


def of_leaders(event_id: str) -> SearchStrategy[LeaderboardAsk]:
    return st.builds(LeaderboardAsk, st.just(event_id), members, limits)


def of_shown(event_id: str) -> SearchStrategy[ShownAsk]:
    others = st.lists(members, min_size=1, max_size=3, unique=True).map(" ".join)
    return st.builds(ShownAsk, st.just(event_id), members, others)


def of_profile(event_id: str) -> SearchStrategy[ProfileAsk]:
    return st.builds(ProfileAsk, st.just(event_id), members, members)


def of_window(window: Any) -> Asks:
    return lambda event_id: st.builds(
        SessionsAsk, st.just(event_id), members, st.just(window), starts, limits
    )


befores = st.sampled_from([LATEST, LATEST, 1, 5, 40])
some_members = st.lists(members, min_size=1, max_size=3).map(",".join)


def of_threads(event_id: str) -> SearchStrategy[ThreadsAsk]:
    event = st.just(event_id)
    return st.builds(ThreadsAsk, event, members, limits, befores, counted=st.sampled_from([1, 2]))


def of_others(event_id: str) -> SearchStrategy[OthersAsk]:
    return st.builds(OthersAsk, st.just(event_id), members, some_members)


def of_thread(event_id: str) -> SearchStrategy[ThreadAsk]:
    return st.builds(ThreadAsk, st.just(event_id), members, members, limits, befores)


def of_flagged(event_id: str) -> SearchStrategy[FlaggedAsk]:
    return st.builds(FlaggedAsk, st.just(event_id), limits, befores)


@st.composite
def some_texts(draw: Any, event_id: str) -> TextsAsk:
    keys = draw(st.lists(st.tuples(members, ids), min_size=1, max_size=3, unique=True))
    return TextsAsk(event_id, *(",".join(column) for column in zip(*keys, strict=True)))


def of_page(event_id: str) -> SearchStrategy[SyncsAsk]:
    statuses = st.sampled_from(["", "", "requested", "accepted", "expired"])
    before = st.sampled_from([1, 20, LATEST, LATEST])
    return st.builds(SyncsAsk, st.just(event_id), members, statuses, syncs.times, limits, before)


def of_times(event_id: str) -> SearchStrategy[TimesAsk]:
    return st.builds(TimesAsk, st.just(event_id), members, syncs.starts, syncs.starts)


def of_sync_texts(event_id: str) -> SearchStrategy[SyncTextsAsk]:
    some = st.lists(syncs.ids, min_size=1, max_size=3, unique=True).map(",".join)
    return st.builds(SyncTextsAsk, st.just(event_id), some)


def of_sync_people(event_id: str) -> SearchStrategy[SyncPeopleAsk]:
    some = st.lists(members, max_size=3, unique=True).map(",".join)
    return st.builds(SyncPeopleAsk, st.just(event_id), members, some)


OWN: dict[Own[Any, Any], Asks] = {
    CONFERENCE: of_event,
    ADDRESS: of_member,
    MINE: of_member,
    SHOWN: of_shown,
    PROFILE: of_profile,
    BOARD: of_member,
    HISTORY: of_member,
    NOW: of_window("now"),
    SOON: of_window("next_60"),
    PERSONAL_AGENDA: of_member,
    SCHEDULE: of_member,
    WHOLE_AGENDA: of_event,
    STARRED_AGENDA: of_member,
    OWN_THREADS: of_threads,
    OTHERS: of_others,
    TEXTS: some_texts,
    THREAD: of_thread,
    FLAGGED: of_flagged,
    OWN_SYNCS: of_page,
    APPOINTMENTS: of_times,
    SYNC_TEXTS: of_sync_texts,
    SYNC_PEOPLE: of_sync_people,
}
WIDE: dict[Wide[Any, Any], Asks] = {LEADERBOARD: of_leaders}
PAST: tuple[Past[Any, Any], ...] = (PAST_LEADERBOARD,)
