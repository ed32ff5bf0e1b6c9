"""The board of missions that each member has at a conference.

`meet_attendees` completes by itself, once a member has viewed 3 profiles for 10 s in all, or sent
one message, or created one sync: what is reported after that changes nothing of it.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import GIVEN, Aggregate, Announced, Command, StreamName, stream
from domain.catalogues import Catalogue, Mission
from domain.errors import NotFound, Refused
from domain.persistent_map import with_entry

Status = Literal["not_started", "in_progress", "completed"]
Cause = Literal["member", "profiles_viewed", "message_sent", "sync_created"]
Action = Literal["view_profile", "message_sent", "sync_created"]

MEET_ATTENDEES = "meet_attendees"
PROFILES_TO_VIEW = 3
MILLISECONDS_TO_SPEND = 10_000
REPORTS = 5_000  # of one member at one conference; those of before this bound count as well
REMEMBERED = 256  # moments per action and target by which a repeated report is known


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


class ProfileViewed(Struct, frozen=True):
    target_member_id: str
    ts: datetime
    dwell_ms: int = 0


class MessageReported(Struct, frozen=True):
    target_member_id: str
    ts: datetime


class SyncReported(Struct, frozen=True):
    target_member_id: str
    ts: datetime


Report = ProfileViewed | MessageReported | SyncReported
BoardEvent = MissionStarted | MissionCompleted | MissionReopened | MissionReset | Report


class Standing(Struct, frozen=True):
    """Where one member is with one mission."""

    status: Status = "not_started"
    points_earned: int = 0
    updated_at: datetime | None = None


class Meeting(Struct, frozen=True):
    """The counts that the rules of meet_attendees look at. Of `viewed` there are no more than the
    rules ask for."""

    viewed: frozenset[str] = frozenset()
    milliseconds: int = 0
    messages: int = 0
    syncs: int = 0

    def cause(self) -> Cause | None:
        if self.syncs:
            return "sync_created"
        if self.messages:
            return "message_sent"
        if len(self.viewed) >= PROFILES_TO_VIEW and self.milliseconds >= MILLISECONDS_TO_SPEND:
            return "profiles_viewed"
        return None


class Board(Struct, frozen=True):
    standings: Mapping[str, Standing] = {}
    meeting: Meeting = Meeting()
    reported: Mapping[tuple[str, str], tuple[datetime, ...]] = {}
    reports: int = 0

    def standing(self, mission_id: str) -> Standing:
        return self.standings.get(mission_id, Standing())

    def completed(self) -> frozenset[str]:
        return frozenset(i for i, s in self.standings.items() if s.status == "completed")


class Target(Protocol):
    """The part that rules look at of the attendee who is met."""

    @property
    def listed(self) -> bool: ...


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


class RecordTelemetry(_OnBoard, frozen=True, kw_only=True):
    """Reports what a member did on another's profile. `dwell_ms` is time spent there."""

    action: Action
    target_member_id: str
    ts: datetime
    dwell_ms: int = 0
    conference: Announced = GIVEN
    target: Target = GIVEN

    def given(self) -> dict[str, StreamName]:
        return {
            "catalogue": stream("catalogue", self.event_id),
            "conference": stream("conference", self.event_id),
            "target": stream("attendee", self.event_id, self.target_member_id),
        }


OnMission = StartMission | CompleteMission | ResetMission


def decide(command: OnMission | RecordTelemetry, state: Board) -> tuple[BoardEvent, ...]:
    return tuple(_with_left(_decided(command, state), command.catalogue, state.completed()))


def _with_left(
    events: Iterable[BoardEvent], catalogue: Catalogue, completed: frozenset[str]
) -> Iterator[BoardEvent]:
    """The events, each with what it leaves to be completed."""
    active = [mission for mission in catalogue.missions.values() if mission.active]
    for event in events:
        match event:
            case MissionCompleted(mission_id=mission):
                completed |= {mission}
            case MissionReopened(mission_id=mission):
                completed -= {mission}
            case ProfileViewed() | MessageReported() | SyncReported():
                yield event
                continue
        yield replace(event, left=left_of(active, completed))


def left_of(active: Iterable[Mission], completed: Set[str]) -> Left:
    points = [mission.points for mission in active if mission.id not in completed]
    return Left(len(points), sum(points))


def _decided(command: OnMission | RecordTelemetry, state: Board) -> tuple[BoardEvent, ...]:
    if isinstance(command, RecordTelemetry):
        return _report(command, state)
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
    return _met(state.meeting, mission, state, state.completed() | {just_completed})


def _report(command: RecordTelemetry, state: Board) -> tuple[BoardEvent, ...]:
    if not command.conference.exists:
        raise NotFound(f"There is no event {command.event_id}.")
    if not command.target.listed or command.target_member_id == command.member_id:
        raise NotFound(f"There is no attendee {command.target_member_id} to meet here.")
    if _is_repeated(command.ts, state.reported.get((command.action, command.target_member_id), ())):
        return ()
    if state.reports >= REPORTS:
        raise Refused(
            f"{command.member_id} has reported {state.reports:,} times at event "
            f"{command.event_id}: {REPORTS:,} are the most."
        )
    report = _reported(command)
    mission = command.catalogue.active(MEET_ATTENDEES)
    if mission is None:
        return (report,)
    return (report, *_met(_count(state.meeting, report), mission, state, state.completed()))


def _is_repeated(ts: datetime, moments: tuple[datetime, ...]) -> bool:
    """Moments are in order. What is older than a full memory counts as repeated."""
    i = bisect_left(moments, ts)
    return (i < len(moments) and moments[i] == ts) or (i == 0 and len(moments) == REMEMBERED)


def _reported(command: RecordTelemetry) -> Report:
    match command.action:
        case "view_profile":
            return ProfileViewed(command.target_member_id, command.ts, command.dwell_ms)
        case "message_sent":
            return MessageReported(command.target_member_id, command.ts)
        case "sync_created":
            return SyncReported(command.target_member_id, command.ts)


def _met(
    meeting: Meeting, mission: Mission, state: Board, completed: frozenset[str]
) -> tuple[MissionCompleted, ...]:
    standing = state.standing(mission.id)
    cause = meeting.cause()
    if (
        cause is None
        or standing.status == "completed"
        or locked(mission, standing.status, completed)
    ):
        return ()
    return (MissionCompleted(mission.id, mission.points, cause),)


def _count(meeting: Meeting, report: Report) -> Meeting:
    match report:
        case ProfileViewed(target_member_id=target, dwell_ms=spent):
            viewed = meeting.viewed
            if len(viewed) < PROFILES_TO_VIEW:
                viewed |= {target}
            return replace(meeting, viewed=viewed, milliseconds=meeting.milliseconds + spent)
        case MessageReported():
            return replace(meeting, messages=meeting.messages + 1)
        case SyncReported():
            return replace(meeting, syncs=meeting.syncs + 1)


def evolve(state: Board, event: BoardEvent, at: datetime) -> Board:
    match event:
        case MissionStarted(mission_id=mission):
            return _stand(state, mission, Standing("in_progress", 0, at))
        case MissionCompleted(mission_id=mission, points=points):
            return _stand(state, mission, Standing("completed", points, at))
        case MissionReset(mission_id=mission):
            return _stand(state, mission, Standing("not_started", 0, at))
        case MissionReopened(mission_id=mission, status=status):
            # Who leaves meet_attendees starts to count anew; else the next view completes it again.
            meeting = Meeting() if mission == MEET_ATTENDEES else state.meeting
            return replace(_stand(state, mission, Standing(status, 0, at)), meeting=meeting)
        case ProfileViewed():
            return _remember(state, event, "view_profile")
        case MessageReported():
            return _remember(state, event, "message_sent")
        case SyncReported():
            return _remember(state, event, "sync_created")


def _stand(state: Board, mission_id: str, standing: Standing) -> Board:
    return replace(state, standings=with_entry(state.standings, mission_id, standing))


def _remember(state: Board, report: Report, action: Action) -> Board:
    key = (action, report.target_member_id)
    moments = list(state.reported.get(key, ()))
    insort(moments, report.ts)
    return replace(
        state,
        meeting=_count(state.meeting, report),
        reported=with_entry(state.reported, key, tuple(moments[-REMEMBERED:])),
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
