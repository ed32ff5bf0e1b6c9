"""Reports: what is recorded of them, and what the board hears."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from domain.aggregate import On
from domain.attendees import Attendee, Profile, SaveProfile
from domain.blocks import Blocks
from domain.catalogues import Catalogue, Mission
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import NotFound, Refused
from domain.meeting import MEET_ATTENDEES, MET_BY, REMEMBERED
from domain.missions import (
    BOARD,
    Board,
    CompleteMission,
    Left,
    MessageReported,
    MissionCompleted,
    MissionReopened,
    ProfileViewed,
    SyncReported,
)
from domain.reports import (
    MOST,
    REPORTS,
    AttendeeMessaged,
    AttendeeSynced,
    AttendeeViewed,
    RecordTelemetry,
)
from domain.store.envelope import NewerEventError
from tests.boards import clicks, opening, recording
from tests.harness.capability import START
from tests.harness.rules import given
from tests.store import ask

TO = "missions:evt_1:m1"
A = Mission("a", "", "", 10, "")
MEET = replace(A, id=MEET_ATTENDEES, points=50)
LATER = replace(MEET, requires=("a",))


def offering(*missions: Mission) -> Catalogue:
    return Catalogue({mission.id: mission for mission in missions})


def board(*past: Struct) -> Board:
    return given(BOARD, *past).state  # type: ignore[no-any-return]


meeting = given(
    REPORTS,
    board=Board(),
    catalogue=offering(MEET),
    conference=Conference(ConferenceAnnounced("A conference", "UTC")),
    target=Attendee(Profile("Somebody")),
    blocks=Blocks(),
    blocks_of_target=Blocks(),
)


def report(
    action: Any, dwell_ms: int = 0, *, target: str = "m2", later: timedelta = timedelta()
) -> RecordTelemetry:
    return RecordTelemetry(
        event_id="evt_1",
        member_id="m1",
        action=action,
        target_member_id=target,
        ts=START + later,
        dwell_ms=dwell_ms,
    )


def met(cause: Any) -> On:
    return On(TO, MissionCompleted(MEET_ATTENDEES, 50, cause, Left(0, 0)))


def test_one_message_or_one_sync_completes_it() -> None:
    for action, reported in (
        ("message_sent", AttendeeMessaged("m2", START)),
        ("sync_created", AttendeeSynced("m2", START)),
    ):
        meeting.when(report(action)).then(reported, met(action)).when(report(action)).then()


@pytest.mark.parametrize("of", [AttendeeViewed, ProfileViewed], ids=["now", "before"])
@pytest.mark.parametrize(
    ("seen", "dwell_ms", "completes"),
    [
        (("m3", "m4"), 4_000, True),
        (("m3", "m4"), 3_333, False),
        (("m3", "m3"), 60_000, False),
        (("m3",), 60_000, False),
    ],
)
def test_three_profiles_and_ten_seconds_complete_it(
    of: Any, seen: tuple[str, ...], dwell_ms: int, completes: bool
) -> None:
    """Also those that a version before has recorded on the board."""
    later = [START + timedelta(seconds=i) for i in range(len(seen))]
    past = [of(member, at, dwell_ms) for member, at in zip(seen, later, strict=True)]
    before = meeting.given(board=board(*past)) if of is ProfileViewed else meeting.given(*past)
    before.when(report("view_profile", dwell_ms)).then(
        AttendeeViewed("m2", START, dwell_ms), *[met("profiles_viewed")] * completes
    )


def test_report_that_a_version_before_has_recorded_is_a_repeated_one() -> None:
    before = meeting.given(board=board(MessageReported("m2", START)))
    before.when(report("message_sent")).then()


def test_report_older_than_what_is_remembered_counts_as_repeated() -> None:
    moments = (START + timedelta(seconds=i + 1) for i in range(REMEMBERED))
    past = (AttendeeMessaged("m2", moment) for moment in moments)
    meeting.given(*past).when(report("message_sent")).then()


def test_of_a_day_one_signal_of_each_kind_and_person_is_recorded() -> None:
    done = meeting.given(board=board(MissionCompleted(MEET_ATTENDEES, 50)))
    here = done.when(report("view_profile", 5)).then(AttendeeViewed("m2", START, 5))
    hour, day = timedelta(hours=1), timedelta(days=1)
    here.when(report("view_profile", 60_000, later=hour)).then()
    for action, target, later, recorded in (
        ("message_sent", "m2", hour, AttendeeMessaged("m2", START + hour)),
        ("view_profile", "m3", hour, AttendeeViewed("m3", START + hour)),
        ("view_profile", "m2", day, AttendeeViewed("m2", START + day)),
    ):
        here = here.when(report(action, target=target, later=later)).then(recorded)
        here.when(report(action, target=target, later=later + timedelta(seconds=1))).then()


def test_report_of_a_known_day_is_recorded_where_the_rule_needs_it() -> None:
    second = timedelta(seconds=1)
    here = meeting.given(AttendeeViewed("m2", START, 9_999))
    here.when(report("view_profile", later=second)).then()
    here = here.when(report("view_profile", 1, later=second)).then(
        AttendeeViewed("m2", START + second, 1)
    )
    here.when(report("view_profile", 1, later=2 * second)).then()


def test_reports_of_one_member_are_bounded_and_the_refusal_says_which() -> None:
    """One that came before, or adds nothing, is answered as ever; those of before count as well."""
    past = [AttendeeViewed(f"m{i}", START) for i in range(MOST - 2)]
    before = meeting.given(*past, board=board(*[ProfileViewed("m2", START)] * 3))
    full = "m1 has reported 5,001 times at event evt_1: 5,000 are the most."
    before.when(report("message_sent")).then(Refused(full))
    before.when(report("view_profile", later=timedelta(seconds=1))).then()
    last = meeting.given(*past, board=board(ProfileViewed("m2", START)))
    here = last.when(report("message_sent")).then(
        AttendeeMessaged("m2", START), met("message_sent")
    )
    here.when(report("message_sent")).then()


def test_meeting_counts_anew_after_the_mission_is_left() -> None:
    left = MissionReopened(MEET_ATTENDEES, 50, "not_started")
    of_before = MessageReported("m3", START), MissionCompleted(MEET_ATTENDEES, 50), left
    here = meeting.given(AttendeeMessaged("m2", START), board=board(*of_before))
    here.when(report("message_sent")).then()
    here.when(report("view_profile")).then(AttendeeViewed("m2", START, 0, 1))
    again = report("message_sent", later=timedelta(seconds=1))
    here.when(again).then(AttendeeMessaged("m2", again.ts, 1), met("message_sent"))


EARLY = (
    (AttendeeViewed("m2", START, 2_000), ProfileViewed("m2", START, 2_000, meets=True)),
    (AttendeeMessaged("m2", START), MessageReported("m2", START, meets=True)),
    (AttendeeSynced("m2", START), SyncReported("m2", START, meets=True)),
)


@pytest.mark.parametrize("missions", [(A, LATER), (A,), (A, replace(LATER, active=False))])
def test_rule_that_is_met_too_early_is_told_to_the_board_once_by_each_cause(
    missions: tuple[Mission, ...],
) -> None:
    """The board needs nothing else to complete the mission as it unlocks."""
    seen = [AttendeeViewed(member, START, 4_000) for member in ("m3", "m4")]
    here, state = meeting.given(*seen, catalogue=offering(*missions)), Board()
    for (action, cause), (event, told) in zip(MET_BY.items(), EARLY, strict=True):
        command = report(action, getattr(event, "dwell_ms", 0))
        here = here.when(command).then(event, On(TO, told))
        state = BOARD.evolve(state, told, START)
        here = here.given(board=state)
        tomorrow = replace(command, ts=START + timedelta(days=1))
        here.when(tomorrow).then(replace(event, ts=tomorrow.ts))
        unlock = CompleteMission(event_id="evt_1", member_id="m1", mission_id="a")
        done = given(BOARD, state=state, catalogue=offering(A, LATER)).when(unlock)
        done.then(
            MissionCompleted("a", 10, left=Left(1, 50)),
            MissionCompleted(MEET_ATTENDEES, 50, cause, Left(0, 0)),
        )


def test_mission_that_unlocked_by_its_catalogue_completes_with_the_next_report() -> None:
    """Also with one that adds nothing else."""
    told = MessageReported("m2", START, meets=True)
    here = meeting.given(AttendeeMessaged("m2", START), board=board(told))
    again = report("message_sent", later=timedelta(seconds=1))
    here.when(again).then(AttendeeMessaged("m2", again.ts), met("message_sent"))


def test_report_about_who_cannot_be_met_is_not_found() -> None:
    nobody = NotFound("There is no attendee m2 to meet here.")
    hidden = Attendee(Profile("Somebody", visibility="hidden"))
    for target in (hidden, Attendee()):
        meeting.given(target=target).when(report("message_sent")).then(nobody)
    for side, other in (("blocks", "m2"), ("blocks_of_target", "m1")):
        blocked = meeting.given(**{side: Blocks(frozenset({other}))})
        blocked.when(report("message_sent")).then(nobody)
    meeting.when(replace(report("message_sent"), member_id="m2")).then(nobody)
    nowhere = NotFound("There is no event evt_1.")
    meeting.given(conference=Conference()).when(report("message_sent")).then(nowhere)


def test_no_command_on_the_board_reads_reports(database: str) -> None:
    """Here nobody could: they are a newer version's."""
    unreadable = "INSERT INTO events.log VALUES ('reports:evt_1:ada', 1, 'Unheard', '{}')"
    with recording(database) as record:
        record(*opening())
        record(SaveProfile(event_id="evt_1", member_id="m2", profile=Profile("Somebody")))
        ask(database, unreadable)
        record(*clicks(3))
        with pytest.raises(NewerEventError):
            record(replace(report("message_sent"), member_id="ada"))
