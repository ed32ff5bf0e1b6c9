"""Reports of what a member did on others' profiles: the telemetry of meet_attendees, and the
signals that matches are made of.

Those of a member at a conference are a stream of their own, which no command on the board needs.
The board hears only of reports that meet the rule: the mission completes; or, while it is locked or
not offered, the board gets the report too, so that it can complete the mission as that unlocks.

Versions before recorded reports on the board. Those count as they did, beside the ones here, also
where such a version still runs and records more.
"""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from domain.aggregate import GIVEN, Aggregate, On, StreamName, stream
from domain.catalogues import Catalogue
from domain.errors import Refused
from domain.meeting import (
    MEET_ATTENDEES,
    MET_BY,
    Action,
    Meeting,
    Moments,
    is_of_a_known_day,
    is_repeated,
    remembered,
)
from domain.missions import Board, meeting_report, met_by
from domain.visibility import TowardsMember

MOST = 5_000  # of one member at one conference; those of before this bound count as well


# Events. Names and shapes are a storage format: new fields have defaults, types never change.
# `round` is how often the member had left meet_attendees by then: who leaves it counts anew.
class AttendeeViewed(Struct, frozen=True):
    target_member_id: str
    ts: datetime
    dwell_ms: int = 0
    round: int = 0


class AttendeeMessaged(Struct, frozen=True):
    target_member_id: str
    ts: datetime
    round: int = 0


class AttendeeSynced(Struct, frozen=True):
    target_member_id: str
    ts: datetime
    round: int = 0


Report = AttendeeViewed | AttendeeMessaged | AttendeeSynced


class Reports(Struct, frozen=True):
    """`meeting` is of the latest round."""

    round: int = 0
    meeting: Meeting = Meeting()
    moments: Moments = {}
    count: int = 0

    def meeting_of(self, round_: int) -> Meeting:
        return self.meeting if self.round == round_ else Meeting()


class RecordTelemetry(TowardsMember, frozen=True, kw_only=True):
    """Reports what a member did on another's profile. `dwell_ms` is time spent there."""

    aggregate: ClassVar[str] = "reports"
    action: Action
    ts: datetime
    dwell_ms: int = 0
    board: Board = GIVEN
    catalogue: Catalogue = GIVEN

    def given(self) -> dict[str, StreamName]:
        return super().given() | {
            "board": stream("missions", self.event_id, self.member_id),
            "catalogue": stream("catalogue", self.event_id),
        }

    @property
    def act(self) -> tuple[Action, str, datetime]:
        return self.action, self.target_member_id, self.ts


def decide(command: RecordTelemetry, state: Reports) -> tuple[Report | On, ...]:
    """A report is recorded where the rule needs it, and else as a signal: the first of a day of its
    kind and target. What adds nothing is not recorded, and not remembered."""
    command.check_seen()
    board = command.board
    known = (state.moments, board.reported)
    if any(is_repeated(moments, *command.act) for moments in known):
        return ()
    told = _told(command, state)
    if told is None and any(is_of_a_known_day(moments, *command.act) for moments in known):
        return ()
    if (count := state.count + board.reports) >= MOST:
        raise Refused(
            f"{command.member_id} has reported {count:,} times at event {command.event_id}: "
            f"{MOST:,} are the most."
        )
    to = stream("missions", command.event_id, command.member_id)
    return _report(command), *(On(to, event) for event in told or ())


def _told(command: RecordTelemetry, state: Reports) -> tuple[Struct, ...] | None:
    """The events by which the board hears of a report; None where the rule does not need it."""
    board, by = command.board, MET_BY[command.action]
    before = state.meeting_of(board.round).plus(board.meeting)
    after = before.after(command.action, command.target_member_id, command.dwell_ms)
    if completed := met_by(after.cause, board, command.catalogue):
        return completed
    if board.standing(MEET_ATTENDEES).status == "completed":
        return None
    if after.cause == by != board.meeting.cause:
        return (meeting_report(*command.act, command.dwell_ms),)
    return () if after != before else None


def _report(command: RecordTelemetry) -> Report:
    of, round_ = (command.target_member_id, command.ts), command.board.round
    match command.action:
        case "view_profile":
            return AttendeeViewed(*of, command.dwell_ms, round_)
        case "message_sent":
            return AttendeeMessaged(*of, round_)
        case "sync_created":
            return AttendeeSynced(*of, round_)


def evolve(state: Reports, event: Report, at: datetime) -> Reports:
    match event:
        case AttendeeViewed(dwell_ms=dwell_ms):
            return _counted(state, event, "view_profile", dwell_ms)
        case AttendeeMessaged():
            return _counted(state, event, "message_sent")
        case AttendeeSynced():
            return _counted(state, event, "sync_created")


def _counted(state: Reports, report: Report, action: Action, dwell_ms: int = 0) -> Reports:
    target = report.target_member_id
    return Reports(
        report.round,
        state.meeting_of(report.round).after(action, target, dwell_ms),
        remembered(state.moments, action, target, report.ts),
        state.count + 1,
    )


REPORTS = Aggregate(
    name="reports",
    initial=Reports(),
    events=(AttendeeViewed, AttendeeMessaged, AttendeeSynced),
    decide=decide,
    evolve=evolve,
)
