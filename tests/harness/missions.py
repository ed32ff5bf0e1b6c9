from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec.structs import replace

from domain.aggregate import Command
from domain.catalogues import CATALOGUE, CataloguePublished, Mission, PublishCatalogue
from domain.meeting import MEET_ATTENDEES
from domain.missions import (
    BOARD,
    CompleteMission,
    MessageReported,
    MissionCompleted,
    MissionReopened,
    MissionReset,
    MissionStarted,
    ProfileViewed,
    ResetMission,
    StartMission,
    SyncReported,
)
from domain.reports import (
    REPORTS,
    AttendeeMessaged,
    AttendeeSynced,
    AttendeeViewed,
    RecordTelemetry,
)
from projections.attendees.acts import ATTENDEE_ACTS
from projections.attendees.rows import PEOPLE
from projections.missions.rows import (
    LIVE_MISSIONS,
    MISSION_BOARD,
    MISSION_LEADERBOARD,
    MISSION_LEDGER,
)
from tests.harness.capability import Capability
from tests.harness.values import members, names, some_moments, texts

MISSIONS = ("a", "b", "c", MEET_ATTENDEES)
ids = st.sampled_from(MISSIONS)
points = st.sampled_from([0, 0, 1, 10, 10, 1_000_000])  # few, so that members tie
dwells = st.sampled_from([0, 1, 4_000, 10_000, 86_400_000])
rounds = st.integers(0, 2)

# The catalogue
any_missions = st.lists(
    st.builds(
        Mission,
        id=ids,
        title=names,
        description=texts,
        points=points,
        category=texts,
        active=st.booleans(),
        requires=st.lists(ids | st.just("nobody"), max_size=2).map(tuple),
    ),
    max_size=4,
).map(tuple)


@st.composite
def catalogues(draw: Any) -> tuple[Mission, ...]:
    """Valid catalogues: each id once, and each mission requires none but the one before it, if that
    is active."""
    order = draw(st.permutations(MISSIONS))
    missions: list[Mission] = []
    for mission_id in order[: draw(st.sampled_from([4, 4, 4, 3, 2, 1]))]:
        before = [mission.id for mission in missions[-1:] if mission.active]
        missions.append(
            Mission(
                id=mission_id,
                title=draw(names),
                description="",
                points=draw(points),
                category="",
                active=draw(st.integers(0, 6)) > 0,
                requires=tuple(before) if draw(st.integers(0, 3)) == 3 else (),
            )
        )
    return tuple(missions)


def publications(event_id: str) -> SearchStrategy[Command]:
    chosen = st.integers(0, 9).flatmap(lambda n: catalogues() if n else any_missions)
    return st.builds(PublishCatalogue, event_id=st.just(event_id), missions=chosen)


# The board
def moves(event_id: str) -> SearchStrategy[Command]:
    kinds = st.sampled_from([CompleteMission, CompleteMission, StartMission, ResetMission])
    return st.builds(
        lambda kind, member, mission: kind(event_id=event_id, member_id=member, mission_id=mission),
        kinds,
        members,
        ids,
    )


statuses = st.sampled_from(["not_started", "in_progress"])
causes = st.sampled_from(["member", "profiles_viewed", "message_sent", "sync_created"])
EVENTS = st.one_of(
    st.builds(MissionStarted, ids),
    st.builds(MissionCompleted, ids, points, causes),
    st.builds(MissionReopened, ids, points, statuses),
    st.builds(MissionReset, ids),
    st.builds(ProfileViewed, members, some_moments, dwells, st.booleans()),
    st.builds(MessageReported, members, some_moments, st.booleans()),
    st.builds(SyncReported, members, some_moments, st.booleans()),
)


# What members report of each other
def reports(event_id: str) -> SearchStrategy[Command]:
    return st.builds(
        RecordTelemetry,
        event_id=st.just(event_id),
        member_id=members,
        action=st.sampled_from(["view_profile", "view_profile", "message_sent", "sync_created"]),
        target_member_id=members,
        ts=some_moments,
        dwell_ms=dwells,
    )


REPORT_EVENTS = st.one_of(
    st.builds(AttendeeViewed, members, some_moments, dwells, rounds),
    st.builds(AttendeeMessaged, members, some_moments, rounds),
    st.builds(AttendeeSynced, members, some_moments, rounds),
)

CATALOGUES = Capability(
    CATALOGUE,
    publications,
    st.builds(CataloguePublished, catalogues() | any_missions),
    (MISSION_BOARD, LIVE_MISSIONS),
)
BOARDS = Capability(
    BOARD,
    moves,
    EVENTS,
    (MISSION_BOARD, MISSION_LEDGER, MISSION_LEADERBOARD, LIVE_MISSIONS, PEOPLE, ATTENDEE_ACTS),
    often=5,
)
REPORTED = Capability(REPORTS, reports, REPORT_EVENTS, (PEOPLE, ATTENDEE_ACTS), often=3)


def open_catalogue(*missions: str, points: int = 10, **more: Any) -> tuple[Mission, ...]:
    """Missions that require nothing, for examples."""
    plain = Mission(id="", title="A mission", description="", points=points, category="", **more)
    return tuple(replace(plain, id=mission_id) for mission_id in missions)
