from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from domain.aggregate import Command
from domain.attendees import (
    ATTENDEE,
    AttendeeErased,
    AttendeeProfileChanged,
    AttendeeRegistered,
    Profile,
    SaveProfile,
)
from projections.attendees.rows import PEOPLE
from projections.messages.rows import THREADS_OF_MEMBERS
from projections.missions.rows import MISSION_LEADERBOARD
from projections.sessions.rows import SESSIONS
from projections.syncs.rows import MEMBER_SYNCS
from tests.harness.capability import Capability
from tests.harness.values import members, names, tags, texts

PROFILES = st.builds(
    Profile,
    name=names,
    headline=texts,
    company=texts,
    interests=tags,
    focus_areas=tags,
    goals=tags,
    seeks=tags,
    offers=tags,
    visibility=st.sampled_from(["listed", "listed", "hidden"]),
    on_leaderboard=st.booleans(),
)


def commands(event_id: str) -> SearchStrategy[Command]:
    return st.builds(SaveProfile, event_id=st.just(event_id), member_id=members, profile=PROFILES)


EVENTS = st.one_of(
    st.builds(AttendeeRegistered, PROFILES),
    st.builds(AttendeeProfileChanged, PROFILES),
    st.just(AttendeeErased()),
)
READ_MODELS = (PEOPLE, MISSION_LEADERBOARD, SESSIONS, THREADS_OF_MEMBERS, MEMBER_SYNCS)
CAPABILITY = Capability(ATTENDEE, commands, EVENTS, READ_MODELS)
