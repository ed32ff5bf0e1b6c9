"""The board of missions that each member has at a conference.

`meet_attendees` completes by itself, by its rule (domain/meeting.py) and what members report
(domain/reports.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import GIVEN, Aggregate, Command, StreamName, stream
from domain.catalogues import Catalogue, Mission
from domain.errors import NotFound, Refused
from domain.meeting import MEET_ATTENDEES, MET_BY, Action, Meeting, MetBy, Moments, remembered
from domain.persistent_map import with_entry

Status = Literal["not_started", "in_progress", "completed"]
Cause = Literal["member"] | MetBy


class Left(Struct, frozen=True):
    """The active missions that a member has not completed: their number, and their points."""

    missions: int
    points: int


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
# `left` is as of right after the event; earlier versions did not say it.
class MissionStarted(Struct, frozen=True):
    mission_id: str
    left: Left | None = None


class MissionCompleted(Struct, frozen=True):
    mission_id: str
    points: int
    cause: Cause = "member"
    left: Left | None = None


class MissionReopened(Struct, frozen=True):
    """A completed mission was left; its points went back."""

    mission_id: str
    points: int
    status: Literal["not_started", "in_progress"]
    left: Left | None = None


class MissionReset(Struct, frozen=True):
    """A started mission was put back unstarted."""

    mission_id: str
    left: Left | None = None


# Reports of before these were streams of their own; and since then, where it `meets` the rule while
# the mission cannot be completed yet, one that is in that stream as well.
class ProfileViewed(Struct, frozen=True):
    target_member_id: str
    ts: datetime
    dwell_ms: int = 0
    meets: bool = False


class MessageReported(Struct, frozen=True):
    target_member_id: str
    ts: datetime
    meets: bool = False


class SyncReported(Struct, frozen=True):
    target_member_id: str
    ts: datetime
    meets: bool = False


BoardReport = ProfileViewed | MessageReported | SyncReported
Moved = MissionStarted | MissionCompleted | MissionReopened | MissionReset


class Standing(Struct, frozen=True):
    """Where one member is with one mission."""

    status: Status = "not_started"
    points_earned: int = 0
    updated_at: datetime | None = None


class Board(Struct, frozen=True):
    """`round` is how often meet_attendees was left; `meeting` is of this round, and of what was
    reported here. `reported` and `reports` are of before reports were streams of their own."""

    standings: Mapping[str, Standing] = {}
    round: int = 0
    meeting: Meeting = Meeting()
    reported: Moments = {}
    reports: int = 0

    def standing(self, mission_id: str) -> Standing:
        return self.standings.get(mission_id, Standing())

    def completed(self) -> frozenset[str]:
        return frozenset(i for i, s in self.standings.items() if s.status == "completed")


class _OnBoard(Command, frozen=True, kw_only=True):
    aggregate: ClassVar[str] = "missions"
    event_id: str
    member_id: str
    catalogue: Catalogue = GIVEN

    def stream_key(self) -> tuple[str, ...]:
        return (self.event_id, self.member_id)

    def given(self) -> dict[str, StreamName]:
        return {"catalogue": stream("catalogue", self.event_id)}


class StartMission(_OnBoard, frozen=True, kw_only=True):
    wants: ClassVar[Status] = "in_progress"
    mission_id: str


class CompleteMission(_OnBoard, frozen=True, kw_only=True):
    wants: ClassVar[Status] = "completed"
    mission_id: str


class ResetMission(_OnBoard, frozen=True, kw_only=True):
    wants: ClassVar[Status] = "not_started"
    mission_id: str


OnMission = StartMission | CompleteMission | ResetMission


def decide(command: OnMission, state: Board) -> tuple[Moved, ...]:
    return tuple(_with_left(_decided(command, state), command.catalogue, state.completed()))


def _with_left(
    events: Iterable[Moved], catalogue: Catalogue, completed: frozenset[str]
) -> Iterator[Moved]:
    """The events, each with what it leaves to be completed."""
    active = [mission for mission in catalogue.missions.values() if mission.active]
    for event in events:
        match event:
            case MissionCompleted(mission_id=mission):
                completed |= {mission}
            case MissionReopened(mission_id=mission):
                completed -= {mission}
        yield replace(event, left=left_of(active, completed))


def left_of(active: Iterable[Mission], completed: Set[str]) -> Left:
    points = [mission.points for mission in active if mission.id not in completed]
    return Left(len(points), sum(points))


def _decided(command: OnMission, state: Board) -> tuple[Moved, ...]:
    mission = command.catalogue.active(command.mission_id)
    if mission is None:
        raise NotFound(f"There is no mission {command.mission_id} at event {command.event_id}.")
    standing = state.standing(mission.id)
    if mission.requires and locked(mission, standing.status, state.completed()):
        waits = ", ".join(i for i in mission.requires if i not in state.completed())
        raise Refused(f"Mission {mission.id} is locked until these are completed: {waits}.")
    if standing.status == command.wants:
        return ()
    match command:
        case CompleteMission():
            done = MissionCompleted(mission.id, mission.points)
            return (done, *_unlocked(state, mission.id, command.catalogue))
        case StartMission() if standing.status == "not_started":
            return (MissionStarted(mission.id),)
        case StartMission() if standing.status == "completed":
            return (MissionReopened(mission.id, standing.points_earned, "in_progress"),)
        case ResetMission() if standing.status == "completed":
            return (MissionReopened(mission.id, standing.points_earned, "not_started"),)
        case ResetMission() if standing.status == "in_progress":
            return (MissionReset(mission.id),)
    return ()


def locked(mission: Mission, status: Status, completed: Set[str]) -> bool:
    """Whether a mission waits for others. One that is completed stays open, whatever it came to
    require since."""
    return status != "completed" and any(needed not in completed for needed in mission.requires)


def _unlocked(
    state: Board, just_completed: str, catalogue: Catalogue
) -> tuple[MissionCompleted, ...]:
    """Completes meet_attendees as it unlocks, where people were met before."""
    mission = catalogue.active(MEET_ATTENDEES)
    if mission is None or just_completed not in mission.requires:
        return ()
    return _met(state.meeting.cause, mission, state, state.completed() | {just_completed})


def _met(
    cause: MetBy | None, mission: Mission, state: Board, completed: frozenset[str]
) -> tuple[MissionCompleted, ...]:
    standing = state.standing(mission.id)
    if (
        cause is None
        or standing.status == "completed"
        or locked(mission, standing.status, completed)
    ):
        return ()
    return (MissionCompleted(mission.id, mission.points, cause),)


def met_by(cause: MetBy | None, state: Board, catalogue: Catalogue) -> tuple[Moved, ...]:
    """Completes meet_attendees, where its rule is met and nothing is in the way."""
    mission, completed = catalogue.active(MEET_ATTENDEES), state.completed()
    events = _met(cause, mission, state, completed) if mission else ()
    return tuple(_with_left(events, catalogue, completed))


def meeting_report(action: Action, target: str, ts: datetime, dwell_ms: int) -> BoardReport:
    """The report by which the rule is met, for a board that cannot complete the mission yet."""
    match action:
        case "view_profile":
            return ProfileViewed(target, ts, dwell_ms, meets=True)
        case "message_sent":
            return MessageReported(target, ts, meets=True)
        case "sync_created":
            return SyncReported(target, ts, meets=True)


def evolve(state: Board, event: Moved | BoardReport, at: datetime) -> Board:
    match event:
        case MissionStarted(mission_id=mission):
            return _stand(state, mission, Standing("in_progress", 0, at))
        case MissionCompleted(mission_id=mission, points=points):
            return _stand(state, mission, Standing("completed", points, at))
        case MissionReset(mission_id=mission):
            return _stand(state, mission, Standing("not_started", 0, at))
        case MissionReopened(mission_id=mission, status=status):
            left = _stand(state, mission, Standing(status, 0, at))
            if mission != MEET_ATTENDEES:
                return left
            # Who leaves it starts to count anew; else the next view completes it again.
            return replace(left, round=state.round + 1, meeting=Meeting())
        case ProfileViewed(dwell_ms=dwell_ms):
            return _reported(state, event, "view_profile", dwell_ms)
        case MessageReported():
            return _reported(state, event, "message_sent")
        case SyncReported():
            return _reported(state, event, "sync_created")


def _stand(state: Board, mission_id: str, standing: Standing) -> Board:
    return replace(state, standings=with_entry(state.standings, mission_id, standing))


def _reported(state: Board, report: BoardReport, action: Action, dwell_ms: int = 0) -> Board:
    if report.meets:
        return replace(state, meeting=state.meeting.met(MET_BY[action]))
    target = report.target_member_id
    return replace(
        state,
        meeting=state.meeting.after(action, target, dwell_ms),
        reported=remembered(state.reported, action, target, report.ts),
        reports=state.reports + 1,
    )


BOARD = Aggregate(
    name="missions",
    initial=Board(),
    events=(
        MissionStarted,
        MissionCompleted,
        MissionReopened,
        MissionReset,
        ProfileViewed,
        MessageReported,
        SyncReported,
    ),
    decide=decide,
    evolve=evolve,
)
