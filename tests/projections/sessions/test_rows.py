"""The rows of a programme, and the messages about its changes."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregate import Command, Recorded, stream
from domain.stars import SessionStarred, SessionUnstarred
from projections.read_model import folded
from projections.sessions.rows import (
    FOLLOWERS,
    ITEMS,
    LIVE_SESSIONS,
    PARTS,
    SESSIONS,
    SPEAKERS,
    STARS,
)
from tests.harness.agenda import PROGRAMME, STARRED
from tests.harness.attendees import CAPABILITY as ATTENDEES
from tests.harness.play import Play, opening, played
from tests.harness.values import EVENT, MEMBERS

AGENDA = stream("agenda", EVENT)


def stories() -> st.SearchStrategy[list[Command]]:
    """A programme that changes much, and members who click on it."""
    some = PROGRAMME.commands(EVENT) | STARRED.commands(EVENT) | ATTENDEES.commands(EVENT)
    told = st.lists(some, min_size=8, max_size=30)
    return st.builds(lambda first, rest: first + rest, opening(EVENT), told)


def stars(play: Play, member: str) -> frozenset[str]:
    held: frozenset[str] = play.state(stream("stars", EVENT, member)).items
    return held


@settings(max_examples=60)
@given(stories())
def test_tables_hold_what_the_rules_look_at(story: list[Command]) -> None:
    play = played(story)
    rows = folded(SESSIONS, play.log)
    agenda = play.state(AGENDA)
    shown = {key[1]: row for key, row in rows[ITEMS].items()}
    assert shown.keys() == agenda.items.keys()
    for item_id, item in agenda.items.items():
        facts = msgspec.structs.asdict(item)
        del facts["id"]
        assert msgspec.structs.asdict(shown[item_id]).items() >= facts.items()
    speakers = {k[1]: (row.name, row.focus_areas, row.email) for k, row in rows[SPEAKERS].items()}
    assert speakers == {id_: (s.name, s.focus_areas, s.email) for id_, s in agenda.speakers.items()}
    for member in MEMBERS:
        held = {k[2] for k, row in rows[STARS].items() if k[1] == member and row.starred}
        assert held == stars(play, member)


@settings(max_examples=60)
@given(stories())
def test_sequence_rises_by_one_with_every_change_of_an_item(story: list[Command]) -> None:
    log = played(story).log
    for (_, item_id), row in folded(SESSIONS, log)[ITEMS].items():
        own = [r for r in log if r.stream == AGENDA and _item_id(r) == item_id]
        assert (row.sequence, row.updated_at) == (len(own) - 1, own[-1].at)


def _item_id(recorded: Recorded) -> str | None:
    event = recorded.event
    item = getattr(event, "item", None)
    return item.id if item else getattr(event, "item_id", None)


@settings(max_examples=60)
@given(stories())
def test_members_hear_of_what_they_starred_when_it_moves_and_of_nothing_else(
    story: list[Command],
) -> None:
    """Beside the rules' own states before and after each event."""
    play = played(story)
    so_far, expected = Play(), set()
    for recorded in play.log:
        before, starred = so_far.state(AGENDA), {m: stars(so_far, m) for m in MEMBERS}
        _repeat(so_far, recorded)
        for item_id, item in so_far.state(AGENDA).items.items():
            if item_id in before.items and _slot(before.items[item_id]) != _slot(item):
                expected |= {
                    (member, recorded.position, item_id)
                    for member in MEMBERS
                    if item_id in starred[member]
                }
    feed = folded(LIVE_SESSIONS, play.log)[LIVE_SESSIONS.messages].values()
    told = [m for m in feed if m.type == "SESSIONS_UPDATED"]
    said = {(m.member_id, m.position, msgspec.json.decode(m.data)["session_id"]) for m in told}
    assert said == expected
    assert len(told) == len(expected)


def _repeat(play: Play, recorded: Recorded) -> None:
    play.record(recorded.stream, recorded.event)
    assert play.log[-1].position == recorded.position


def _slot(item: Any) -> Any:
    """Wherever it would have been, what is cancelled is nowhere."""
    if item.status == "cancelled":
        return None
    return item.start_time, item.end_time, item.location


# Keynotes
@settings(max_examples=60)
@given(st.lists(st.tuples(st.text("abc_.-", min_size=1, max_size=4), st.booleans()), max_size=60))
def test_followers_of_a_session_are_kept_in_order_each_in_one_part(
    clicked: list[tuple[str, bool]],
) -> None:
    play, following = Play(), set()
    for member, starred in clicked:
        kind = SessionStarred if starred else SessionUnstarred
        play.record(stream("stars", EVENT, member), kind("keynote"))
        (following.add if starred else following.discard)(member)
    parts = folded(LIVE_SESSIONS, play.log)[FOLLOWERS].values()
    assert sorted(m for part in parts for m in part.members) == sorted(following)
    assert all(list(part.members) == sorted(part.members) for part in parts)


def test_followers_spread_over_all_parts() -> None:
    """So that a star writes a small piece of what a keynote has."""
    play = Play()
    for i in range(1_600):
        play.record(stream("stars", EVENT, f"usr_{i}"), SessionStarred("keynote"))
    parts = folded(LIVE_SESSIONS, play.log)[FOLLOWERS].values()
    assert len(parts) == PARTS
    assert max(len(part.members) for part in parts) < 2 * 1_600 / PARTS
