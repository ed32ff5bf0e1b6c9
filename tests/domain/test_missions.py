import time
from typing import Any

import pytest
from hypothesis import given as tried_on
from msgspec.structs import replace

from domain.aggregate import Command
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
    CompleteMission,
    Left,
    MissionCompleted,
    MissionReopened,
    MissionReset,
    MissionStarted,
    ResetMission,
    StartMission,
)
from tests.harness.missions import any_missions, catalogues
from tests.harness.play import played, stories
from tests.harness.rules import Given, given

CONFERENCE = Conference(ConferenceAnnounced("A conference", "UTC"))
NOWHERE = NotFound("There is no event evt_1.")
A = Mission(id="a", title="", description="", points=10, category="")
B = replace(A, id="b", points=20, requires=("a",))


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


def publish(*missions: Mission) -> PublishCatalogue:
    return PublishCatalogue(event_id="evt_1", missions=missions)


def move(kind: Any, mission_id: str) -> Any:
    return kind(event_id="evt_1", member_id="m1", mission_id=mission_id)


def offering(*missions: Mission) -> Given:
    """An empty board at an event with these missions."""
    return given(PLAIN, catalogue=Catalogue({mission.id: mission for mission in missions}))


catalogue = given(CATALOGUE, conference=CONFERENCE)
board = offering(A, B)
START, COMPLETE, RESET = (move(k, "a") for k in (StartMission, CompleteMission, ResetMission))
