from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregate import Command, Recorded, stream
from domain.attendees import AttendeeRegistered, Profile
from domain.catalogues import CataloguePublished, Mission
from domain.missions import Left, MissionCompleted, MissionReopened, MissionReset, MissionStarted
from projections.engine.event_log import as_of, last
from projections.missions.questions import board, ledger
from projections.missions.rows import (
    CATALOGUES,
    LEADERBOARD,
    LEDGER,
    LIVE_MISSIONS,
    MEMBER_MISSIONS,
    MISSION_BOARD,
    MISSION_LEADERBOARD,
    MISSION_LEDGER,
    MemberMission,
    Progress,
    Rank,
    gain,
    standing,
)
from projections.read_model import folded
from tests.harness.capability import START
from tests.harness.missions import open_catalogue
from tests.harness.play import Play, any_logs, played, stories
from tests.harness.values import EVENT, MEMBERS

MEMBER = MEMBERS[0]
OWN = stream("missions", EVENT, MEMBER)
MESSAGES = LIVE_MISSIONS.messages


@settings(max_examples=40)
@given(any_logs())
def test_board_of_a_member_needs_their_own_streams_only(log: list[Recorded]) -> None:
    """So it can be folded from the log where the read model is behind."""
    whole = folded(MISSION_BOARD, log)
    for member in MEMBERS:
        own = {stream("catalogue", EVENT), stream("missions", EVENT, member)}
        rows = folded(MISSION_BOARD, [r for r in log if r.stream in own])
        assert rows[CATALOGUES] == whole[CATALOGUES]
        assert rows[MEMBER_MISSIONS] == {
            key: row for key, row in whole[MEMBER_MISSIONS].items() if key[1] == member
        }


@settings(max_examples=40)
@given(stories())
def test_board_shows_what_the_rules_look_at(story: list[Command]) -> None:
    play = played(story)
    rows = folded(MISSION_BOARD, play.log)[MEMBER_MISSIONS]
    for member in MEMBERS:
        standings = play.state(stream("missions", EVENT, member)).standings
        shown = {key[2]: row for key, row in rows.items() if key[1] == member}
        assert standings.keys() == shown.keys()
        for mission, row in shown.items():
            rule = standings[mission]
            assert (row.status, row.points_earned, row.updated_at) == (
                rule.status,
                rule.points_earned,
                rule.updated_at,
            )


@settings(max_examples=40)
@given(stories(), st.sampled_from(MEMBERS), st.integers(-10, 40))
def test_time_stands_for_a_position(story: list[Command], member: str, seconds: int) -> None:
    """That of the last event stamped by then, whatever the clocks of others say."""
    own = {stream("catalogue", EVENT), stream("missions", EVENT, member)}
    log = [recorded for recorded in played(story).log if recorded.stream in own]
    moment = START + timedelta(seconds=seconds)
    position = last([recorded for recorded in log if recorded.at <= moment])
    assert as_of(log, moment) == [recorded for recorded in log if recorded.position <= position]


@settings(max_examples=40)
@given(stories())
def test_every_change_is_announced_once(story: list[Command]) -> None:
    log = played(story).log
    moved = {(*r.stream_key, r.position) for r in log if standing(r.event)}
    feed = folded(LIVE_MISSIONS, log)[LIVE_MISSIONS.messages]
    assert {key for key, said in feed.items() if said.type == "MISSION_UPDATED"} == moved


@settings(max_examples=40)
@given(stories())
def test_balance_of_the_ledger_goes_with_the_progress_of_the_board(story: list[Command]) -> None:
    play = played(story)
    entries = folded(MISSION_LEDGER, play.log)[LEDGER]
    for member in MEMBERS:
        own = (row for key, row in entries.items() if key[1] == member)
        standings = play.state(stream("missions", EVENT, member)).standings
        earned = board(EVENT, member, (), standings).progress.points_earned
        assert ledger(EVENT, member, own).balance == earned


# Examples
DONE = MissionCompleted("a", 10)
LEFT = MissionReopened("a", 10, "in_progress")


@pytest.mark.parametrize(
    ("event", "stands", "gained"),
    [
        (MissionStarted("a"), ("a", "in_progress", 0), (0, 0)),
        (DONE, ("a", "completed", 10), (10, 1)),
        (LEFT, ("a", "in_progress", 0), (-10, -1)),
        (MissionReset("a"), ("a", "not_started", 0), (0, 0)),
        (CataloguePublished(()), None, (0, 0)),
    ],
)
def test_event_means(event: Any, stands: Any, gained: tuple[int, int]) -> None:
    assert standing(event) == stands
    assert gain(event) == gained


def test_ledger_says_where_points_came_from_and_went() -> None:
    left = MissionReopened("a", 10, "not_started")
    log = recorded((OWN, MissionCompleted("a", 10, "sync_created")), (OWN, LEFT), (OWN, left))
    entries = ledger(EVENT, MEMBER, folded(MISSION_LEDGER, log)[LEDGER].values()).entries
    assert [(e.position, e.cause, e.points, e.balance) for e in entries] == [
        (1, "sync_created", 10, 10),
        (4, "reopened", -10, 0),
        (7, "reset", -10, -10),
    ]


def test_leaderboard_keeps_points_when_a_profile_changes() -> None:
    name = stream("attendee", EVENT, MEMBER)
    hidden = AttendeeRegistered(Profile("A name", visibility="hidden"))
    log = recorded((OWN, DONE), (name, hidden))
    at = log[0].at
    expected = Rank(EVENT, MEMBER, "A name", False, 10, 1, at, 1)
    assert folded(MISSION_LEADERBOARD, log)[LEADERBOARD] == {(EVENT, MEMBER): expected}


def test_leaderboard_knows_who_has_no_profile_by_their_id() -> None:
    (rank,) = folded(MISSION_LEADERBOARD, recorded((OWN, DONE)))[LEADERBOARD].values()
    assert (rank.name, rank.shown) == (MEMBER, True)


@pytest.mark.parametrize(
    "moved", [MissionCompleted("b", 0), MissionReopened("b", 0, "in_progress")]
)
def test_mission_worth_nothing_costs_nobody_their_place(moved: Any) -> None:
    other = stream("missions", EVENT, MEMBERS[1])
    log = recorded((OWN, MissionCompleted("b", 0)), (OWN, DONE), (other, DONE), (OWN, moved))
    ada, bob = folded(MISSION_LEADERBOARD, log)[LEADERBOARD].values()
    assert [ada.reached_position, bob.reached_position] == [r.position for r in log[1:3]]
    assert (ada.reached_at, ada.points_earned) == (log[1].at, 10)


def test_mission_worth_nothing_gives_a_place_to_who_had_none() -> None:
    (rank,) = folded(MISSION_LEADERBOARD, recorded((OWN, MissionCompleted("b", 0))))[
        LEADERBOARD
    ].values()
    assert (rank.reached_position, rank.missions_completed) == (1, 1)


def test_progress_counts_all_that_was_done_and_what_there_is_to_do() -> None:
    """A mission that left the catalogue counts for those who completed it, and for nobody else."""
    catalogue, smaller = open_catalogue("a", "b"), open_catalogue("b", points=1)
    of_event, then_b = stream("catalogue", EVENT), MissionCompleted("b", 10, left=Left(0, 0))
    log = recorded(
        (of_event, CataloguePublished(catalogue)),
        (OWN, DONE),
        (of_event, CataloguePublished(smaller)),
        (OWN, then_b),
    )
    rows = folded(MISSION_BOARD, log)
    standings = {row.mission_id: row for row in rows[MEMBER_MISSIONS].values()}
    shown = board(EVENT, MEMBER, rows[CATALOGUES][EVENT,].missions, standings).progress
    assert shown == Progress(20, 2, missions_total=2, points_total=20)
    *_, said = folded(LIVE_MISSIONS, log)[LIVE_MISSIONS.messages].values()
    assert msgspec.json.decode(said.data)["progress"] == msgspec.to_builtins(shown)


@settings(max_examples=60)
@given(stories(most=25))
def test_open_screens_hear_the_progress_of_the_board_and_never_more_than_all(story: Any) -> None:
    log = played(story).log
    for (event_id, member_id, position), said in folded(LIVE_MISSIONS, log)[MESSAGES].items():
        until = [one for one in log if one.position <= position]
        rows = folded(MISSION_BOARD, until)
        offered = rows.get(CATALOGUES, {}).get((event_id,))
        standings = {
            row.mission_id: row
            for row in rows[MEMBER_MISSIONS].values()
            if (row.event_id, row.member_id) == (event_id, member_id)
        }
        shown = board(event_id, member_id, offered.missions if offered else (), standings).progress
        assert msgspec.json.decode(said.data)["progress"] == msgspec.to_builtins(shown)
        assert shown.missions_completed <= shown.missions_total
        assert shown.points_earned <= shown.points_total


def test_message_says_progress_as_of_its_event() -> None:
    catalogue = CataloguePublished(open_catalogue("a", "b") + open_catalogue("c", active=False))
    log = recorded((stream("catalogue", EVENT), catalogue), (OWN, DONE), (OWN, LEFT))
    feed = folded(LIVE_MISSIONS, log)[LIVE_MISSIONS.messages]
    done, left = (msgspec.json.decode(m.data) for m in feed.values())
    assert done == {
        "type": "MISSION_UPDATED",
        "missionId": "a",
        "status": "completed",
        "points_earned": 10,
        "progress": progress(10, 1),
    }
    assert (left["status"], left["progress"]) == ("in_progress", progress(0, 0))


@pytest.mark.parametrize(
    ("standings", "shown"),
    [
        ({}, ["not_started", "locked"]),
        ({"a": "completed"}, ["completed", "not_started"]),
        ({"b": "completed"}, ["not_started", "completed"]),
        ({"b": "in_progress"}, ["not_started", "locked"]),
    ],
)
def test_board_shows_what_is_locked(standings: Any, shown: list[str]) -> None:
    (a,) = open_catalogue("a")
    catalogue: Iterable[Mission] = (a, msgspec.structs.replace(a, id="b", requires=("a",)))
    at = recorded((OWN, DONE))[0].at
    rows = {m: MemberMission(EVENT, MEMBER, m, s, 0, at) for m, s in standings.items()}
    assert [m.status for m in board(EVENT, MEMBER, catalogue, rows).missions] == shown


def recorded(*events: tuple[str, Any]) -> list[Recorded]:
    play = Play()
    for name, event in events:
        play.record(name, event)
    return play.log


def progress(points: int, completed: int) -> dict[str, int]:
    return {
        "points_earned": points,
        "missions_completed": completed,
        "missions_total": 2,
        "points_total": 20,
    }
