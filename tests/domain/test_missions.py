import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as tried_on
from msgspec.structs import replace

from domain.aggregate import Command
from domain.attendees import Attendee, Profile
from domain.catalogues import (
    CATALOGUE,
    Catalogue,
    CataloguePublished,
    Mission,
    PublishCatalogue,
    check,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import SHOWN, Invalid, NotFound, Problem, Refused
from domain.missions import (
    BOARD,
    MEET_ATTENDEES,
    REMEMBERED,
    REPORTS,
    CompleteMission,
    Left,
    MessageReported,
    MissionCompleted,
    MissionReopened,
    MissionReset,
    MissionStarted,
    ProfileViewed,
    RecordTelemetry,
    ResetMission,
    StartMission,
    SyncReported,
)
from tests.harness.capability import START as START_TIME
from tests.harness.missions import any_missions, catalogues
from tests.harness.play import played, stories
from tests.harness.rules import Given, given

CONFERENCE = Conference(ConferenceAnnounced("A conference", "UTC"))
NOWHERE = NotFound("There is no event evt_1.")
A = Mission(id="a", title="", description="", points=10, category="")
B = replace(A, id="b", points=20, requires=("a",))
MEET = replace(A, id=MEET_ATTENDEES, points=50)


def without_left(command: Any, state: Any) -> tuple[Any, ...]:
    """The events, without what they leave to be done: a rule of its own says that."""
    events = BOARD.decide(command, state)
    return tuple(replace(event, left=None) if hasattr(event, "left") else event for event in events)


PLAIN = replace(BOARD, decide=without_left)


@tried_on(stories(most=40))
def test_points_of_a_board_are_never_negative(story: list[Command]) -> None:
    play = played(story)
    boards = {r.stream for r in play.log if r.stream.startswith("missions:")}
    earned = [s.points_earned for name in boards for s in play.state(name).standings.values()]
    assert all(points >= 0 for points in earned)


@tried_on(catalogues())
def test_generated_catalogues_are_taken(missions: tuple[Mission, ...]) -> None:
    catalogue.when(publish(*missions)).then(CataloguePublished(missions))


@tried_on(any_missions)
def test_catalogue_that_is_taken_can_be_completed(missions: tuple[Mission, ...]) -> None:
    """No mission waits for itself, for nobody, for what is not active, or for another that does."""
    if isinstance(catalogue.when(publish(*missions)).outcome, Problem):
        return
    active = [mission for mission in missions if mission.active]
    here = offering(*missions)
    for _ in active:
        for mission in active:
            tried = here.when(move(CompleteMission, mission.id)).outcome
            here = here if isinstance(tried, Problem) else here.given(*tried)
    assert here.state.completed() == {mission.id for mission in active}


# Examples: given, command, expected
def test_catalogue_is_refused() -> None:
    for missions, path, wrong in (
        ((A, A), "$[1].id", "a comes twice"),
        ((B,), "$[0].requires[0]", "there is no mission a in this catalogue"),
        ((replace(A, requires=("a",)),), "$[0].requires", "a would wait for itself"),
        (
            (replace(A, active=False), B),
            "$[1].requires[0]",
            "a is not active, so b would stay locked",
        ),
    ):
        catalogue.when(publish(*missions)).then(Invalid("", (path, wrong)))
    catalogue.given(conference=Conference()).when(publish(A)).then(NOWHERE)


def test_catalogue_that_an_earlier_version_took_is_left_as_it_is() -> None:
    """And is refused with any change that leaves a mission locked for ever."""
    idle = replace(A, active=False)
    before = catalogue.given(CataloguePublished((idle, B)))
    before.when(publish(idle, B)).then()
    locked = ("$[1].requires[0]", "a is not active, so b would stay locked")
    before.when(publish(idle, replace(B, points=1))).then(Invalid("", locked))
    both = (idle, replace(B, active=False))
    before.when(publish(*both)).then(CataloguePublished(both))


def test_catalogue_in_another_order_is_another() -> None:
    before = catalogue.given(CataloguePublished((A, B)))
    before.when(publish(B, A)).then(CataloguePublished((B, A))).when(publish(B, A)).then()


def test_move() -> None:
    """The points that go back are those that were awarded, whatever the catalogue says by now."""
    started, completed = MissionStarted("a"), MissionCompleted("a", 7)
    board.when(START).then(started).when(START).then()
    board.when(COMPLETE).then(MissionCompleted("a", 10)).when(COMPLETE).then()
    board.when(RESET).then()
    board.given(started).when(COMPLETE).then(MissionCompleted("a", 10))
    board.given(started).when(RESET).then(MissionReset("a")).when(RESET).then()
    board.given(completed).when(COMPLETE).then()
    board.given(completed).when(START).then(MissionReopened("a", 7, "in_progress"))
    board.given(completed).when(RESET).then(MissionReopened("a", 7, "not_started"))


@pytest.mark.parametrize("kind", [StartMission, CompleteMission, ResetMission])
def test_locked_mission_is_refused(kind: Any) -> None:
    locked = Refused("Mission b is locked until these are completed: a.")
    board.when(move(kind, "b")).then(locked)


def test_event_says_what_it_leaves_to_be_completed() -> None:
    """Active missions count with what they are worth now, and what is completed does not."""
    c = replace(A, id="c", points=5, active=False)
    here = given(BOARD, catalogue=Catalogue({m.id: m for m in (A, B, c)}))
    here.when(START).then(MissionStarted("a", Left(2, 30)))
    here.when(COMPLETE).then(MissionCompleted("a", 10, left=Left(1, 20)))
    done = here.given(MissionCompleted("a", 7), MissionCompleted("c", 5))
    left = MissionReopened("a", 7, "not_started", Left(2, 30))
    done.when(RESET).then(left)


def test_mission_that_is_not_there_is_not_found() -> None:
    for mission in (replace(A, active=False), replace(A, id="another")):
        offering(mission).when(COMPLETE).then(NotFound("There is no mission a at event evt_1."))


def test_mission_that_comes_to_require_another_stays_completed_until_it_is_left() -> None:
    completed, again = board.given(MissionCompleted("b", 20)), move(CompleteMission, "b")
    completed.when(again).then()
    for leave, left in (
        (move(StartMission, "b"), MissionReopened("b", 20, "in_progress")),
        (move(ResetMission, "b"), MissionReopened("b", 20, "not_started")),
    ):
        completed.when(leave).then(left).when(leave).then(Refused)
        completed.given(left).when(again).then(Refused)


def test_large_catalogue_is_checked_at_once() -> None:
    names = [f"m{i}" for i in range(500)]
    ring = tuple(
        replace(A, id=name, requires=tuple(names[(i + j + 1) % 500] for j in range(100)))
        for i, name in enumerate(names)
    )
    started = time.perf_counter()
    with pytest.raises(Invalid) as wrong:
        check(ring)
    line = tuple(replace(m, requires=tuple(n for n in m.requires if n > m.id)) for m in ring)
    check(line)
    assert time.perf_counter() - started < 0.25
    assert 0 < len(wrong.value.errors) <= SHOWN


# meet_attendees
def test_one_message_or_one_sync_completes_it() -> None:
    for action, reported in (
        ("message_sent", MessageReported("m2", START_TIME)),
        ("sync_created", SyncReported("m2", START_TIME)),
    ):
        meeting.when(report(action)).then(reported, met(action)).when(report(action)).then()


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
    seen: tuple[str, ...], dwell_ms: int, completes: bool
) -> None:
    later = [START_TIME + timedelta(seconds=i) for i in range(len(seen))]
    past = [ProfileViewed(member, at, dwell_ms) for member, at in zip(seen, later, strict=True)]
    meeting.given(*past).when(report("view_profile", dwell_ms)).then(
        ProfileViewed("m2", START_TIME, dwell_ms), *[met("profiles_viewed")] * completes
    )


def test_report_older_than_what_is_remembered_counts_as_repeated() -> None:
    moments = (START_TIME + timedelta(seconds=i + 1) for i in range(REMEMBERED))
    past = (MessageReported("m2", moment) for moment in moments)
    meeting.given(*past).when(report("message_sent")).then()


def test_reports_of_one_member_are_bounded_and_the_refusal_says_which() -> None:
    """One that came before is answered as ever; moments of before the bound count as well."""
    past = [
        ProfileViewed(f"m{i % 2_000 + 10}", START_TIME + timedelta(seconds=i // 2_000))
        for i in range(REPORTS + 1)
    ]
    full = "m1 has reported 5,001 times at event evt_1: 5,000 are the most."
    meeting.given(*past).when(report("message_sent")).then(Refused(full))
    meeting.given(*past[:-2]).when(report("message_sent")).then(
        MessageReported("m2", START_TIME), met("message_sent")
    ).when(report("message_sent")).then()


def test_report_after_completion_is_kept_and_awards_nothing() -> None:
    past = MessageReported("m3", START_TIME), met("message_sent")
    meeting.given(*past).when(report("message_sent")).then(MessageReported("m2", START_TIME))


def test_meeting_counts_anew_after_the_mission_is_left() -> None:
    left = MissionReopened(MEET_ATTENDEES, 50, "not_started")
    past = MessageReported("m2", START_TIME), met("message_sent"), left
    meeting.given(*past).when(report("view_profile")).then(ProfileViewed("m2", START_TIME))


def test_meeting_before_the_mission_unlocks_completes_it_when_it_does() -> None:
    here = offering(A, replace(MEET, requires=("a",)))
    after = here.when(report("message_sent")).then(MessageReported("m2", START_TIME))
    after.when(COMPLETE).then(MissionCompleted("a", 10), met("message_sent"))


def test_report_about_who_cannot_be_met_is_not_found() -> None:
    nobody = NotFound("There is no attendee m2 to meet here.")
    hidden = Attendee(Profile("Somebody", visibility="hidden"))
    for target in (hidden, Attendee()):
        meeting.given(target=target).when(report("message_sent")).then(nobody)
    meeting.when(replace(report("message_sent"), member_id="m2")).then(nobody)
    meeting.given(conference=Conference()).when(report("message_sent")).then(NOWHERE)


def publish(*missions: Mission) -> PublishCatalogue:
    return PublishCatalogue(event_id="evt_1", missions=missions)


def move(kind: Any, mission_id: str) -> Any:
    return kind(event_id="evt_1", member_id="m1", mission_id=mission_id)


def report(action: Any, dwell_ms: int = 0) -> RecordTelemetry:
    return RecordTelemetry(
        event_id="evt_1",
        member_id="m1",
        action=action,
        target_member_id="m2",
        ts=START_TIME,
        dwell_ms=dwell_ms,
    )


def met(cause: Any) -> MissionCompleted:
    return MissionCompleted(MEET_ATTENDEES, 50, cause)


def offering(*missions: Mission) -> Given:
    """An empty board at an event with these missions, where somebody can be met."""
    return given(
        PLAIN,
        catalogue=Catalogue({mission.id: mission for mission in missions}),
        conference=CONFERENCE,
        target=Attendee(Profile("Somebody")),
    )


catalogue = given(CATALOGUE, conference=CONFERENCE)
board = offering(A, B)
meeting = offering(MEET)
START, COMPLETE, RESET = (move(k, "a") for k in (StartMission, CompleteMission, ResetMission))
