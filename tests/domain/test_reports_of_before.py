"""Reports that a version before has recorded on the board, and records there while it runs beside
this one, complete meet_attendees as they always did.

The same story is told twice: as this version records it, in two streams, and as one list of all
that was reported, by which the rule is worked out as it was then.
"""

from datetime import timedelta
from typing import Any, Literal

from hypothesis import given as tried_on
from hypothesis import settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import On
from domain.attendees import Attendee, Profile
from domain.blocks import Blocks
from domain.catalogues import Catalogue, Mission
from domain.conferences import Conference, ConferenceAnnounced
from domain.meeting import MEET_ATTENDEES, Action
from domain.missions import (
    BOARD,
    Board,
    CompleteMission,
    MessageReported,
    MissionCompleted,
    MissionReopened,
    OnMission,
    ProfileViewed,
    ResetMission,
    StartMission,
    SyncReported,
    locked,
)
from domain.reports import REPORTS, RecordTelemetry, Reports
from tests.harness.capability import START

A = Mission("a", "", "", 10, "")
MEET = replace(A, id=MEET_ATTENDEES, points=50)
CATALOGUES = [
    Catalogue({mission.id: mission for mission in missions})
    for missions in (
        (A, replace(MEET, requires=("a",))),
        (A, MEET),
        (A, replace(MEET, active=False)),
        (A,),
    )
]
LOCKED = CATALOGUES[0]
BEFORE: dict[Action, Any] = {
    "view_profile": ProfileViewed,
    "message_sent": MessageReported,
    "sync_created": SyncReported,
}


class Reported(Struct, frozen=True):
    by: Literal["this version", "the one before"]
    action: Action
    target: str
    dwell_ms: int
    next_day: bool


class Again(Struct, frozen=True):
    """One of those that were recorded is sent once more, to this version."""

    which: int


class Moved(Struct, frozen=True):
    kind: type[OnMission]
    mission: str


class Published(Struct, frozen=True):
    catalogue: int


def reported(*by: str) -> st.SearchStrategy[Any]:
    views = st.just("view_profile")
    return st.builds(
        Reported,
        st.sampled_from(by),
        views | views | views | st.sampled_from([*BEFORE]),
        st.sampled_from(["m2", "m3", "m4", "m5"]),
        st.sampled_from([0, 1, 3_000, 9_999]),
        st.integers(0, 9).map(lambda n: n == 9),
    )


THIS, OTHER = "this version", "the one before"
meet = st.sampled_from(["a", MEET_ATTENDEES, MEET_ATTENDEES])
moves = st.builds(Moved, st.sampled_from([CompleteMission, ResetMission, StartMission]), meet)
rest = moves | st.builds(Again, st.integers(0, 50)) | st.builds(Published, st.integers(0, 3))


def stories(*by: str) -> st.SearchStrategy[list[Any]]:
    step = reported(*by) | reported(*by) | rest
    return st.lists(step, max_size=5) | st.lists(step, min_size=10, max_size=40)


class Told:
    """One member's story."""

    def __init__(self) -> None:
        self.board, self.reports = Board(), Reports()
        self.all: list[Any] = []  # as if it were one stream
        self.on_board: list[Any] = []  # what a version before can see
        self.recorded: list[RecordTelemetry] = []
        self.catalogue = LOCKED
        self.ts = START
        self.unseen = False  # whether the one before has reported something after this one

    def step(self, step: Any) -> None:
        match step:
            case Published(catalogue=number):
                self.catalogue = CATALOGUES[number]
            case Again(which=which) if self.recorded:
                again = self.recorded[which % len(self.recorded)]
                assert REPORTS.decide(self.given(again), self.reports) == ()
            case Moved(kind=kind, mission=mission):
                self.move(kind(event_id="e", member_id="m1", mission_id=mission))
            case Reported():
                self.ts += timedelta(days=1) if step.next_day else timedelta(seconds=1)
                self.report(step)

    def report(self, step: Reported) -> None:
        command = RecordTelemetry(
            event_id="e",
            member_id="m1",
            action=step.action,
            target_member_id=step.target,
            ts=self.ts,
            dwell_ms=step.dwell_ms if step.action == "view_profile" else 0,
        )
        dwell = [step.dwell_ms] if step.action == "view_profile" else []
        before = BEFORE[step.action](step.target, self.ts, *dwell)
        self.all.append(before)
        if step.by == OTHER:
            self.recorded.append(command)
            self.on(before)
            self.unseen |= self.reports.count > 0
            if (cause := met_by(self.on_board)) and self.can_complete():
                self.on(MissionCompleted(MEET_ATTENDEES, 50, cause))
            return
        expected = met_by(self.all) if self.can_complete() else None
        events = REPORTS.decide(self.given(command), self.reports)
        for event in events:
            if isinstance(event, On):
                self.on(event.event)
            else:
                self.recorded.append(command)
                self.reports = REPORTS.evolve(self.reports, event, START)
        assert by_rule(events) == [expected] * (expected is not None)

    def move(self, command: OnMission) -> None:
        mission = self.catalogue.active(command.mission_id)
        standing = self.board.standing(command.mission_id)
        if mission is None or locked(mission, standing.status, self.board.completed()):
            return
        events = BOARD.decide(replace(command, catalogue=self.catalogue), self.board)
        expected = met_by(self.all) if self.unlocks(command) else None
        for event in events:
            self.on(event)
            if isinstance(event, MissionReopened):
                self.all.append(event)
        assert self.unseen or by_rule(events) == [expected] * (expected is not None)

    def unlocks(self, command: OnMission) -> bool:
        meet = self.catalogue.active(MEET_ATTENDEES)
        return (
            isinstance(command, CompleteMission)
            and self.board.standing(command.mission_id).status != "completed"
            and meet is not None
            and command.mission_id in meet.requires
            and self.board.standing(MEET_ATTENDEES).status != "completed"
        )

    def can_complete(self) -> bool:
        meet = self.catalogue.active(MEET_ATTENDEES)
        status = self.board.standing(MEET_ATTENDEES).status
        return (
            meet is not None
            and status != "completed"
            and not locked(meet, status, self.board.completed())
        )

    def on(self, event: Any) -> None:
        self.on_board.append(event)
        self.board = BOARD.evolve(self.board, event, START)

    def given(self, command: RecordTelemetry) -> RecordTelemetry:
        return replace(
            command,
            board=self.board,
            catalogue=self.catalogue,
            conference=Conference(ConferenceAnnounced("A conference", "UTC")),
            target=Attendee(Profile("Somebody")),
            blocks=Blocks(),
            blocks_of_target=Blocks(),
        )


def met_by(history: list[Any]) -> str | None:
    """The rule as it was, of all since the mission was last left."""
    left = [i for i, e in enumerate(history, 1) if _leaves(e)]
    since = history[max(left, default=0) :]
    views = [event for event in since if isinstance(event, ProfileViewed)]
    if any(isinstance(event, SyncReported) for event in since):
        return "sync_created"
    if any(isinstance(event, MessageReported) for event in since):
        return "message_sent"
    enough = sum(view.dwell_ms for view in views) >= 10_000
    return "profiles_viewed" if enough and len({v.target_member_id for v in views}) >= 3 else None


def _leaves(event: Any) -> bool:
    return isinstance(event, MissionReopened) and event.mission_id == MEET_ATTENDEES


def by_rule(events: tuple[Struct, ...]) -> list[str]:
    """The causes of missions that were completed by the rule."""
    facts = [event.event if isinstance(event, On) else event for event in events]
    causes = [fact.cause for fact in facts if isinstance(fact, MissionCompleted)]
    return [cause for cause in causes if cause != "member"]


def tell(story: list[Any]) -> None:
    told = Told()
    for step in story:
        told.step(step)


@settings(max_examples=300)
@tried_on(st.just([]) | stories(OTHER), stories(THIS))
def test_mission_completes_as_ever_after_an_upgrade(before: list[Any], after: list[Any]) -> None:
    """By each report, and as it unlocks."""
    tell(before + after)


@tried_on(stories(THIS, OTHER))
def test_mission_completes_with_a_report_to_this_version_beside_the_one_before(
    story: list[Any],
) -> None:
    """Reports to the one before count with the next to this one."""
    tell(story)
