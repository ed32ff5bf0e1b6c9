"""The checker, checked: it says nothing of a run that went well, and finds whatever is taken from
such a run, added to it, or told otherwise."""

from random import Random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct
from msgspec.structs import replace

from domain.aggregate import Recorded
from projections.engine.feed import Message
from projections.missions.rows import LEDGER
from projections.read_models import FEEDS
from tests.harness.play import Play
from workers.proof import checks, tables
from workers.proof.acts import Act, command, preparations, random_act, set_by
from workers.proof.ledger import Entry, Heard

EVENT = "proof-1"
MEMBERS = ("ada", "bob", "organizer")


class Ran(Struct, frozen=True):
    log: list[Recorded]
    entries: list[Entry]

    def effects(self) -> list[int]:
        """Where in the log what the acts did is."""
        return [i for i, recorded in enumerate(self.log) if set_by(recorded)]


def ran(acts: list[tuple[Act, str | None]]) -> Ran:
    """Everything was recorded and acknowledged as it should be."""
    play, entries = Play(), []
    for prepared in preparations(EVENT):
        play.send(prepared)
    for act, key in acts:
        play.send(command(act, EVENT))
        position = play.log[-1].position
        entries.append(Entry(act, position, f"reply {len(entries)}", 0.0, 1.0, 1, key))
    again = [replace(entry, again=True) for entry in entries if entry.key]
    return Ran(play.log, entries + again)


@st.composite
def acts(draw: Any) -> list[tuple[Act, str | None]]:
    random = draw(st.randoms())
    members = draw(st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=30))
    return [
        (random_act(random, member, member == "organizer"), random.choice([None, f"key {i}"]))
        for i, member in enumerate(members)
    ]


runs = acts().map(ran)
FIRST = Act("mission", "ada", "mission_1", "completed"), "a key"
SECOND = Act("mission", "ada", "mission_1", "not_started"), None
busy = acts().map(lambda more: ran([FIRST, SECOND, *more]))
which = st.integers(0, 10**9)


def one_of(of: list[int], number: int) -> int:
    return of[number % len(of)]


@given(runs, which)
def test_who_is_not_answered_is_found(run: Ran, number: int) -> None:
    writers = {entry.act.member for entry in run.entries}
    assert checks.answered(run.entries, writers, writers).holds
    for writer in writers:
        silent = [e for e in run.entries if e.act.member != writer]
        assert checks.answered(silent, writers, writers).lost == [f"{writer} was never answered"]
        hanging = checks.answered(run.entries, writers - {writer}, writers)
        assert hanging.lost == [f"{writer} waits for an answer at the end"]
    some = number % len(run.entries)
    last = replace(run.entries[some], position=-1, at=45.0)
    (lost,) = checks.answered([*run.entries, last], writers, writers).lost
    assert lost.endswith(": unanswered for 45 s, until the end")


def found(run: Ran, log: list[Recorded]) -> list[checks.Check]:
    return [
        checks.acknowledged(run.entries, log, EVENT),
        checks.applied_once(run.entries, log, EVENT),
        checks.same_reply(run.entries),
        checks.points(run.entries, tables.pure(log)[LEDGER].values()),
        checks.versions(log),
    ]


@given(runs)
def test_run_that_went_well_holds(run: Ran) -> None:
    assert [check for check in found(run, run.log) if not check.holds] == []


@given(busy, which)
def test_event_that_is_lost_is_found(run: Ran, number: int) -> None:
    at = one_of(run.effects(), number)
    check = checks.applied_once(run.entries, run.log[:at] + run.log[at + 1 :], EVENT)
    assert len(check.lost) == 1
    assert not check.doubled


@given(busy, which)
def test_end_of_the_log_that_is_lost_is_found_at_its_positions(run: Ran, number: int) -> None:
    at = one_of(run.effects(), number)
    later = [entry for entry in run.entries if entry.position >= run.log[at].position]
    assert len(checks.acknowledged(run.entries, run.log[:at], EVENT).lost) == len(later)


@given(busy, which)
def test_event_that_is_doubled_is_found(run: Ran, number: int) -> None:
    twice = run.log[one_of(run.effects(), number)]
    later = replace(twice, position=run.log[-1].position + 1)
    check = checks.applied_once(run.entries, [*run.log, later], EVENT)
    assert len(check.doubled) == 1
    assert not check.lost
    assert len(checks.versions([*run.log, later]).doubled) == 1


@given(busy, which)
def test_event_on_a_stream_that_nobody_acted_on_is_found(run: Ran, number: int) -> None:
    twice = run.log[one_of(run.effects(), number)]
    strayed = replace(twice, position=run.log[-1].position + 1, stream=f"missions:{EVENT}:nobody")
    check = checks.applied_once(run.entries, [*run.log, strayed], EVENT)
    assert (len(check.lost), len(check.doubled)) == (0, 1)


@given(busy, which)
def test_event_of_another_effect_is_found(run: Ran, number: int) -> None:
    """Whoever was told that it is done finds something else at that position."""
    at = one_of(run.effects(), number)
    without = [*run.log[:at], replace(run.log[at], event=run.log[0].event), *run.log[at + 1 :]]
    assert checks.acknowledged(run.entries, without, EVENT).lost


@given(acts())
def test_what_was_not_answered_may_be_there_or_not(
    drawn_acts: list[tuple[Act, str | None]],
) -> None:
    *before, (act, _) = drawn_acts
    run, short = ran([*before, (act, None)]), ran(before)
    unknown = Entry(act, -1, "", 0.0, 1.0)
    entries = [*short.entries, unknown]
    assert checks.applied_once(entries, run.log, EVENT).holds
    assert checks.applied_once(entries, short.log, EVENT).holds


@given(busy, which, st.booleans())
def test_another_reply_under_a_key_is_found(run: Ran, number: int, moved: bool) -> None:
    again = [i for i, entry in enumerate(run.entries) if entry.again]
    at = one_of(again, number)
    told = run.entries[at]
    other = replace(told, position=told.position + 1) if moved else replace(told, reply="other")
    entries = [*run.entries[:at], other, *run.entries[at + 1 :]]
    assert len(checks.same_reply(entries).doubled) == 1


@given(busy, which)
def test_award_that_is_lost_or_doubled_is_found_in_points(run: Ran, number: int) -> None:
    ledger = list(tables.pure(run.log)[LEDGER].values())
    at = number % len(ledger)
    more, fewer = (
        checks.points(run.entries, [*ledger, ledger[at]]),
        checks.points(run.entries, ledger[:at] + ledger[at + 1 :]),
    )
    awarded = ledger[at].points > 0
    assert [len(more.doubled), len(more.lost)] == [awarded, not awarded]
    assert [len(fewer.doubled), len(fewer.lost)] == [not awarded, awarded]


@given(busy, which)
def test_version_that_is_missing_is_found(run: Ran, number: int) -> None:
    streams = [recorded.stream for recorded in run.log]
    at = one_of([i for i in run.effects() if streams[i] in streams[i + 1 :]], number)
    assert checks.versions(run.log[:at] + run.log[at + 1 :]).lost


# What was read and heard
positions = st.lists(st.integers(1, 10**6), min_size=2, unique=True).map(sorted)


@given(positions)
def test_everything_in_order_holds(expected: list[int]) -> None:
    assert checks.in_order("events", expected, expected).holds


@given(positions, which)
def test_position_that_was_not_read_is_found(expected: list[int], number: int) -> None:
    missed = one_of(expected, number)
    read = [position for position in expected if position != missed]
    check = checks.in_order("events", read, expected)
    assert (len(check.lost), len(check.doubled)) == (1, 0)


@given(positions, which, which)
def test_position_that_was_read_again_is_found(expected: list[int], one: int, other: int) -> None:
    again = one_of(expected, one)
    at = expected.index(again) + 1 + other % (len(expected) - expected.index(again))
    check = checks.in_order("events", [*expected[:at], again, *expected[at:]], expected)
    assert (len(check.lost), len(check.doubled)) == (0, 1)


@given(positions, which)
def test_order_that_is_not_the_log_s_is_found(expected: list[int], number: int) -> None:
    at = number % (len(expected) - 1)
    read = [*expected[:at], expected[at + 1], expected[at], *expected[at + 2 :]]
    assert not checks.in_order("events", read, expected).holds


Said = dict[str, list[Message]]


def feeds(run: Ran) -> tuple[Said, list[Heard]]:
    """The messages of each feed, and everybody hearing one feed after the other."""
    pure = tables.pure(run.log)
    said = {feed.name: list(pure[feed.messages].values()) for feed in FEEDS}
    return said, [
        Heard(row.member_id, row.member_id, row.position, row.type, row.data)
        for rows in said.values()
        for row in rows
    ]


def interleaved(said: Said, random: Random) -> list[Heard]:
    """The messages of each feed in their order, and the feeds in any."""
    rest = [list(rows) for rows in said.values()]
    heard = []
    while rest := [rows for rows in rest if rows]:
        row = random.choice(rest).pop(0)
        heard.append(Heard(row.member_id, row.member_id, row.position, row.type, row.data))
    return heard


READERS = {member: member for member in MEMBERS}


@given(runs, st.randoms())
def test_reader_who_hears_everything_holds(run: Ran, random: Random) -> None:
    """Whichever feed is late."""
    said, heard = feeds(run)
    check = checks.feeds(interleaved(said, random), said, READERS)
    assert check.holds
    assert check.looked_at == len(heard)


@given(busy, which)
def test_message_that_overtakes_another_of_its_feed_is_found(run: Ran, number: int) -> None:
    said, heard = feeds(run)
    ours = [one for one in heard if one.type == "MISSION_UPDATED" and one.member == "ada"]
    others = [one for one in heard if one not in ours]
    at = number % (len(ours) - 1)
    ours[at : at + 2] = reversed(ours[at : at + 2])
    assert len(checks.feeds([*others, *ours], said, READERS).doubled) == 1


@given(busy, which)
def test_message_that_was_missed_doubled_or_altered_is_found(run: Ran, number: int) -> None:
    said, heard = feeds(run)
    at = number % len(heard)
    other = replace(heard[at], data=Raw(msgspec.json.encode("other")))
    without, after = heard[:at], heard[at + 1 :]
    assert len(checks.feeds(without + after, said, READERS).lost) == 1
    assert len(checks.feeds([*heard, heard[at]], said, READERS).doubled) == 1
    assert len(checks.feeds([*without, other, *after], said, READERS).doubled) == 1


@given(runs)
def test_reader_who_never_heard_anything_is_found(run: Ran) -> None:
    said, heard = feeds(run)
    assert len(checks.feeds([], said, READERS).lost) == len(heard)
