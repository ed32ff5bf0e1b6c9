"""The rule of meet_attendees, and the memory of what was reported."""

from datetime import timedelta
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.meeting import (
    REMEMBERED,
    Action,
    Meeting,
    Moments,
    is_of_a_known_day,
    is_repeated,
    remembered,
)
from tests.harness.capability import START

targets = st.sampled_from(["m1", "m2", "m3", "m4", "m5"])
dwells = st.sampled_from([0, 1, 2_000, 4_000, 9_999, 60_000])
views = st.tuples(st.just("view_profile"), targets, dwells)
others = st.tuples(st.sampled_from(["message_sent", "sync_created"]), targets, st.just(0))
reports = st.lists(views | views | views | others, max_size=12) | st.lists(views, max_size=12)
WHO: tuple[Action, str] = ("message_sent", "m2")


def met_by(reported: list[Any]) -> str | None:
    """The rule in its own words."""
    actions = {action for action, _, _ in reported}
    seen = {target for action, target, _ in reported if action == "view_profile"}
    if actions & {"message_sent", "sync_created"}:
        return "sync_created" if "sync_created" in actions else "message_sent"
    enough = len(seen) >= 3 and sum(dwell for _, _, dwell in reported) >= 10_000
    return "profiles_viewed" if enough else None


def counted(reported: list[Any]) -> Meeting:
    return reduce(lambda meeting, one: meeting.after(*one), reported, Meeting())


@given(reports, reports)
def test_rule_is_met_however_reports_are_ordered_and_wherever_they_are_kept(
    some: list[Any], more: list[Any]
) -> None:
    for one in (counted(some + more), counted(more + some), counted(some).plus(counted(more))):
        assert one.cause == met_by(some + more)


@given(reports, reports, views | others)
def test_report_that_changes_nothing_changes_nothing_later(
    some: list[Any], more: list[Any], one: Any
) -> None:
    before = counted(some)
    if before.after(*one) == before:
        assert met_by([*some, *more]) == met_by([*some, one, *more])


# The memory
@given(st.permutations(range(REMEMBERED + 3)))
def test_moments_are_remembered_in_order_and_the_latest_stay(order: list[int]) -> None:
    moments: Moments = {}
    for seconds in order:
        moments = remembered(moments, *WHO, START + timedelta(seconds=seconds))
    known = moments[WHO]
    assert known == tuple(sorted(known))
    assert known[-1] == START + timedelta(seconds=REMEMBERED + 2)
    assert len(known) == REMEMBERED


def test_moment_is_known_to_the_second_and_by_its_day() -> None:
    """Each action and target has its own."""
    moments = remembered({}, *WHO, START)
    for later, repeated, same_day in (
        (timedelta(), True, True),
        (timedelta(seconds=1), False, True),
        (-timedelta(hours=START.hour), False, True),
        (timedelta(hours=24 - START.hour), False, False),
        (-timedelta(hours=START.hour, microseconds=1), False, False),
    ):
        assert is_repeated(moments, *WHO, START + later) == repeated
        assert is_of_a_known_day(moments, *WHO, START + later) == same_day
    other: tuple[Action, str] = ("sync_created", "m2")
    assert not is_repeated(moments, *other, START)
    assert not is_of_a_known_day(moments, *other, START)
