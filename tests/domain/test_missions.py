import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from domain.aggregate import Command
from domain.attendees import Attendee, Profile
from domain.catalogues import (
    Catalogue,
    CataloguePublished,
    Mission,
    PublishCatalogue,
    check,
    decide_catalogue,
)
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import SHOWN, Invalid, NotFound, Problem, Refused
from domain.missions import (
    MEET_ATTENDEES,
    REMEMBERED,
    Board,
    CompleteMission,
    MessageReported,
    MissionCompleted,
    MissionReopened,
    MissionReset,
    MissionStarted,
    ProfileViewed,
    RecordTelemetry,
    ResetMission,
    StartMission,
    decide,
)
from tests.harness.capability import START
from tests.harness.missions import BOARDS, any_missions, catalogues
from tests.harness.play import played, stories

CONFERENCE: Any = Conference(ConferenceAnnounced("A conference", "UTC"))
LISTED: Any = Attendee(Profile("Somebody"))
HIDDEN: Any = Attendee(Profile("Somebody", visibility="hidden"))
A = Mission(id="a", title="", description="", points=10, category="")
B = replace(A, id="b", points=20, requires=("a",))
MEET = replace(A, id=MEET_ATTENDEES, points=50)


@given(stories(most=40))
def test_points_of_a_board_are_never_negative(story: list[Command]) -> None:
    play = played(story)
    boards = {r.stream for r in play.log if r.stream.startswith("missions:")}
    earned = [s.points_earned for name in boards for s in play.state(name).standings.values()]
    assert all(points >= 0 for points in earned)


@given(catalogues())
def test_generated_catalogues_are_taken(missions: tuple[Mission, ...]) -> None:
    assert publish(*missions) == (CataloguePublished(missions),)


@given(any_missions)
def test_catalogue_that_is_taken_can_be_completed(missions: tuple[Mission, ...]) -> None:
    """No mission waits for itself, for nobody, or for another that does."""
    if isinstance(publish(*missions), Problem):
        return
    active = tuple(replace(mission, active=True) for mission in missions)
    board = Board()
    for _ in active:
        for mission in active:
            board = after(board, CompleteMission, mission.id, active)
    assert board.completed() == {mission.id for mission in active}


# Examples: given, command, expected
@pytest.mark.parametrize(
    ("missions", "wrong"),
    [
        ((A, A), ("$[1].id", "a comes twice")),
        ((B,), ("$[0].requires[0]", "there is no mission a in this catalogue")),
        ((replace(A, requires=("a",)),), ("$[0].requires", "a would wait for itself")),
    ],
)
def test_catalogue_is_refused(missions: tuple[Mission, ...], wrong: tuple[str, str]) -> None:
    refused = publish(*missions)
    assert isinstance(refused, Invalid)
    assert refused.errors == (wrong,)


def test_catalogue_in_another_order_is_another() -> None:
    assert publish(B, A, state=Catalogue({"a": A, "b": B})) == (CataloguePublished((B, A)),)


def test_catalogue_needs_an_event() -> None:
    command = PublishCatalogue(event_id="evt_1", missions=(A,), conference=Conference())
    with pytest.raises(NotFound):
        decide_catalogue(command, Catalogue())


@pytest.mark.parametrize(
    ("past", "kind", "events"),
    [
        ((), StartMission, (MissionStarted("a"),)),
        ((), CompleteMission, (MissionCompleted("a", 10),)),
        ((), ResetMission, ()),
        ((MissionStarted("a"),), StartMission, ()),
        ((MissionStarted("a"),), CompleteMission, (MissionCompleted("a", 10),)),
        ((MissionStarted("a"),), ResetMission, (MissionReset("a"),)),
        ((MissionCompleted("a", 7),), CompleteMission, ()),
        ((MissionCompleted("a", 7),), StartMission, (MissionReopened("a", 7, "in_progress"),)),
        ((MissionCompleted("a", 7),), ResetMission, (MissionReopened("a", 7, "not_started"),)),
    ],
)
def test_move(past: tuple[Any, ...], kind: Any, events: tuple[Any, ...]) -> None:
    """What goes back is what was awarded, not what the catalogue says by now."""
    assert move(BOARDS.folded(past), kind, "a", (A, B)) == events


@pytest.mark.parametrize("kind", [StartMission, CompleteMission, ResetMission])
def test_locked_mission_is_refused(kind: Any) -> None:
    refused = move(Board(), kind, "b", (A, B))
    assert isinstance(refused, Refused)
    assert refused.detail == "Mission b is locked until these are completed: a."


@pytest.mark.parametrize("mission", [replace(A, active=False), replace(A, id="another")])
def test_mission_that_is_not_there_is_not_found(mission: Mission) -> None:
    assert isinstance(move(Board(), CompleteMission, "a", (mission,)), NotFound)


def test_completed_mission_stays_when_it_comes_to_require_another() -> None:
    board = BOARDS.folded([MissionCompleted("b", 20)])
    assert move(board, CompleteMission, "b", (A, B)) == ()


@pytest.mark.parametrize("kind", [StartMission, ResetMission])
def test_who_leaves_a_mission_that_requires_another_since_is_locked_out(kind: Any) -> None:
    board = BOARDS.folded([MissionCompleted("b", 20)])
    board = after(board, kind, "b", (A, B))
    for again in (kind, CompleteMission):
        assert isinstance(move(board, again, "b", (A, B)), Refused)


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
    for action in ("message_sent", "sync_created"):
        report, done = tell(Board(), action)
        assert report.target_member_id == "m2"
        assert done == MissionCompleted(MEET_ATTENDEES, 50, action)


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
    views = [ProfileViewed(m, START + timedelta(seconds=i), dwell_ms) for i, m in enumerate(seen)]
    _, *done = tell(BOARDS.folded(views), "view_profile", dwell_ms=dwell_ms)
    expected = [MissionCompleted(MEET_ATTENDEES, 50, "profiles_viewed")] if completes else []
    assert done == expected


def test_same_report_again_changes_nothing() -> None:
    board = BOARDS.folded([MessageReported("m2", START)])
    assert tell(board, "message_sent") == ()


def test_report_older_than_what_is_remembered_counts_as_repeated() -> None:
    moments = tuple(START + timedelta(seconds=i + 1) for i in range(REMEMBERED))
    board = replace(Board(), reported={("message_sent", "m2"): moments})
    assert tell(board, "message_sent") == ()


def test_report_after_completion_is_kept_and_awards_nothing() -> None:
    board = BOARDS.folded([MessageReported("m3", START), MissionCompleted(MEET_ATTENDEES, 50)])
    assert tell(board, "message_sent") == (MessageReported("m2", START),)


def test_meeting_counts_anew_after_the_mission_is_left() -> None:
    past = [MessageReported("m2", START), MissionCompleted(MEET_ATTENDEES, 50, "message_sent")]
    board = BOARDS.folded([*past, MissionReopened(MEET_ATTENDEES, 50, "not_started")])
    assert tell(board, "view_profile") == (ProfileViewed("m2", START),)


def test_meeting_before_the_mission_unlocks_completes_it_when_it_does() -> None:
    missions = (A, replace(MEET, requires=("a",)))
    board = BOARDS.folded(tell(Board(), "message_sent", missions))
    assert move(board, CompleteMission, "a", missions) == (
        MissionCompleted("a", 10),
        MissionCompleted(MEET_ATTENDEES, 50, "message_sent"),
    )


@pytest.mark.parametrize(
    ("member", "given_"),
    [
        ("m2", {"target": HIDDEN}),
        ("m2", {"target": Attendee()}),
        ("m2", {"conference": Conference()}),
        ("m1", {}),
    ],
)
def test_report_about_who_cannot_be_met_is_not_found(member: str, given_: dict[str, Any]) -> None:
    command = replace(report("message_sent", (MEET,)), target_member_id=member, **given_)
    with pytest.raises(NotFound):
        decide(command, Board())


def publish(*missions: Mission, state: Catalogue | None = None) -> Any:
    command = PublishCatalogue(event_id="evt_1", missions=missions, conference=CONFERENCE)
    return outcome(decide_catalogue, command, state or Catalogue())


def move(board: Board, kind: Any, mission_id: str, missions: tuple[Mission, ...]) -> Any:
    catalogue = Catalogue({mission.id: mission for mission in missions})
    command = kind(event_id="e", member_id="m1", mission_id=mission_id, catalogue=catalogue)
    return outcome(decide, command, board)


def after(board: Board, kind: Any, mission_id: str, missions: tuple[Mission, ...]) -> Board:
    events = move(board, kind, mission_id, missions)
    return board if isinstance(events, Problem) else BOARDS.folded(events, board)


def report(action: Any, missions: tuple[Mission, ...], dwell_ms: int = 0) -> RecordTelemetry:
    return RecordTelemetry(
        event_id="evt_1",
        member_id="m1",
        action=action,
        target_member_id="m2",
        ts=START,
        dwell_ms=dwell_ms,
        catalogue=Catalogue({mission.id: mission for mission in missions}),
        conference=CONFERENCE,
        target=LISTED,
    )


def tell(board: Board, action: Any, missions: Any = (MEET,), dwell_ms: int = 0) -> Any:
    return decide(report(action, missions, dwell_ms), board)


def outcome(decides: Any, command: Command, state: Any) -> Any:
    try:
        return decides(command, state)
    except Problem as problem:
        return problem
