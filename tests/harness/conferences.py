from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from domain.conferences import (
    CONFERENCE,
    AnnounceConference,
    ConferenceAnnounced,
    ConferenceChanged,
)
from projections.conferences import CONFERENCES
from projections.sessions.rows import SESSIONS
from tests.harness.capability import Capability
from tests.harness.values import moments, names

ZONES = st.sampled_from(["Europe/Brussels", "Asia/Kathmandu", "UTC"])
FACTS = {
    "name": names,
    "timezone": ZONES,
    "starts_at": st.none() | moments,
    "ends_at": st.none() | moments,
}


def commands(event_id: str) -> SearchStrategy[Command]:
    return st.builds(AnnounceConference, event_id=st.just(event_id), **FACTS)


EVENTS = st.builds(ConferenceAnnounced, **FACTS) | st.builds(ConferenceChanged, **FACTS)
CAPABILITY = Capability(CONFERENCE, commands, EVENTS, (CONFERENCES, SESSIONS))
