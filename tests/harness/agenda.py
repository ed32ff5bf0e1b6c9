from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.agenda import (
    AGENDA,
    STATUSES,
    AgendaItemCancelled,
    AgendaItemChanged,
    AgendaItemScheduled,
    CancelItem,
    ImportSchedule,
    SaveSpeaker,
    ScheduleImported,
    ScheduleItem,
    Speaker,
    SpeakerErased,
    SpeakerSaved,
)
from domain.agenda_items import AgendaItem
from domain.aggregate import Command
from domain.stars import STARS, SessionStarred, SessionUnstarred, StarSession, UnstarSession
from projections.attendees.rows import PEOPLE
from projections.sessions.rows import LIVE_SESSIONS, SESSIONS
from tests.harness.capability import Capability
from tests.harness.values import members, names, texts

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)

ids = st.sampled_from(["s1", "s2", "s3", "s4"])
speaker_ids = st.sampled_from(["p1", "p2", "p3"])
areas = st.lists(st.sampled_from(["ai", "AI", "web", "Zoë 🎉"]), max_size=3).map(tuple)
sources = st.sampled_from(["FOSDEM", "elsewhere"])
minutes = st.sampled_from([0, 0, 1, 15, 29, 30, 60, 90])
starts = minutes.map(lambda m: NINE + timedelta(minutes=m))

speakers = st.builds(
    Speaker, speaker_ids, names, st.none() | st.just("ada@example.org"), focus_areas=areas
)


@st.composite
def items(draw: Any) -> AgendaItem:
    start = draw(starts)
    return AgendaItem(
        draw(ids),
        draw(names),
        start,
        start + timedelta(minutes=draw(minutes)),
        location=draw(texts),
        focus_areas=draw(areas),
        item_type=draw(st.sampled_from(["session", "session", "session", "break"])),
        status=draw(st.sampled_from(["scheduled", *STATUSES])),
        speaker_ids=draw(st.lists(speaker_ids, max_size=2).map(tuple)),
    )


def _each_once(of: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=4, unique_by=lambda one: one.id).map(tuple)


# The programme
def changes(event_id: str) -> SearchStrategy[Command]:
    at = {"event_id": st.just(event_id)}
    imports = st.builds(
        ImportSchedule,
        **at,
        source=sources,
        items=_each_once(items()),
        speakers=_each_once(speakers),
    )
    return st.one_of(
        st.builds(ScheduleItem, **at, item=items()),
        st.builds(CancelItem, **at, item_id=ids),
        st.builds(SaveSpeaker, **at, speaker=speakers),
        imports,
        imports,
    )


by = st.just("") | sources
EVENTS = st.one_of(
    st.builds(AgendaItemScheduled, items(), by),
    st.builds(AgendaItemChanged, items(), by),
    st.builds(AgendaItemCancelled, ids, by),
    st.builds(SpeakerSaved, speakers, by),
    st.builds(SpeakerErased, speaker_ids),
    st.builds(ScheduleImported, sources, st.lists(ids, unique=True).map(tuple)),
)


# Stars
def clicks(event_id: str) -> SearchStrategy[Command]:
    kinds = st.sampled_from([StarSession, StarSession, UnstarSession])
    return st.builds(
        lambda kind, member, item: kind(event_id=event_id, member_id=member, item_id=item),
        kinds,
        members,
        ids,
    )


PROGRAMME = Capability(AGENDA, changes, EVENTS, (SESSIONS, LIVE_SESSIONS), often=2)
STARRED = Capability(
    STARS,
    clicks,
    st.builds(SessionStarred, ids) | st.builds(SessionUnstarred, ids),
    (SESSIONS, LIVE_SESSIONS, PEOPLE),
    often=2,
)
