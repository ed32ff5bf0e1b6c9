"""When work is due, by a kind that is told what each event means to it."""

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from domain.aggregate import Recorded
from projections.due import TABLE, Done, Due, Wanted, due, next_day, next_hour, once_quiet
from projections.read_model import folded
from projections.read_models import READ_MODELS, WORK
from workers.kinds import KINDS

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
QUIET, AT_MOST = timedelta(minutes=2), timedelta(minutes=10)


class Asked(Struct, frozen=True):
    """After so many seconds since the event before."""

    after: int


class Answered(Struct, frozen=True):
    """On what was there so many events ago."""

    after: int
    ago: int


def meaning(recorded: Recorded) -> list[Wanted | Done]:
    match recorded.event:
        case Asked():
            return [Wanted("it", *once_quiet(recorded, QUIET, AT_MOST))]
        case Answered(ago=ago):
            schedule = once_quiet(recorded, QUIET, AT_MOST)
            return [Done("it", max(0, recorded.position - 1 - ago), *schedule)]
    return []


MODEL = due({"a kind": meaning})
asked = st.builds(Asked, st.integers(0, 300))
answered = st.builds(Answered, st.integers(0, 300), st.integers(0, 5))
logs = st.lists(asked | answered, min_size=1, max_size=30)


def log_of(events: list[Asked | Answered]) -> list[Recorded]:
    at, log = NOON, []
    for position, event in enumerate(events, 1):
        at += timedelta(seconds=event.after)
        log.append(Recorded(position, "x:evt_1", position, event, at, "ada", "evt_1"))
    return log


def row(log: list[Recorded]) -> Due:
    found = folded(MODEL, log)[TABLE]
    assert list(found) == [("a kind", "it")]
    one: Due = found["a kind", "it"]
    return one


@given(logs)
def test_is_due_exactly_while_something_was_asked_after_what_the_last_result_is_based_on(
    events: list[Asked | Answered],
) -> None:
    log = log_of(events)
    asked_at = [r.position for r in log if isinstance(r.event, Asked)]
    based_on = [m.based_on for r in log for m in meaning(r) if isinstance(m, Done)]
    one = row(log)
    assert one.wanted == max(asked_at, default=0)
    assert one.based_on == max(based_on, default=0)
    assert one.is_due == any(at > one.based_on for at in asked_at)


@given(logs)
def test_burst_is_put_off_while_it_lasts_but_not_for_longer_than_was_said(
    events: list[Asked | Answered],
) -> None:
    """Counted from the first that is not answered, or from the last answer where that came later:
    what is asked while something is made is a burst of its own."""
    log = log_of(events)
    one = row(log)
    if not one.is_due:
        return
    answers = [r for r in log if isinstance(r.event, Answered)]
    since = max((r.at for r in answers), default=NOON)
    last = max(r.at for r in log if isinstance(r.event, Asked))
    assert one.not_before <= one.latest
    assert one.not_before <= max(last, since) + QUIET
    unanswered = [r.at for r in log if isinstance(r.event, Asked) and r.position > one.based_on]
    assert one.latest <= max(min(unanswered), since) + AT_MOST


@given(st.lists(asked, min_size=2, max_size=20))
def test_unanswered_burst_is_due_once_it_is_quiet_or_at_the_latest(
    events: list[Asked | Answered],
) -> None:
    log = log_of(events)
    assert row(log).not_before == min(log[-1].at + QUIET, log[0].at + AT_MOST)


def test_plain_want_is_due_at_once_and_keeps_its_place_when_it_is_wanted_again() -> None:
    model = due({"a kind": lambda recorded: [Wanted("it")]})
    log = log_of([Asked(0), Asked(60), Asked(60)])
    one = folded(model, log)[TABLE]["a kind", "it"]
    assert (one.wanted, one.not_before) == (3, NOON)


def test_each_kind_and_subject_is_a_piece_of_its_own() -> None:
    model = due(
        {
            "one": lambda r: [Wanted(f"s{r.position % 2}")],
            "two": lambda r: [Wanted("it")] if r.position == 1 else [Done("it", 1)],
        }
    )
    rows = folded(model, log_of([Asked(0), Asked(0), Asked(0)]))[TABLE]
    assert {key: row.is_due for key, row in rows.items()} == {
        ("one", "s0"): True,
        ("one", "s1"): True,
        ("two", "it"): False,
    }


moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone
clocks = st.times().map(lambda t: t.replace(microsecond=0))


@given(moments)
def test_next_hour_is_the_first_full_one(at: datetime) -> None:
    found = next_hour(at)
    assert timedelta(0) < found - at <= timedelta(hours=1)
    assert (found.minute, found.second, found.microsecond) == (0, 0, 0)


@given(moments, clocks, st.sampled_from(["UTC", "Europe/Brussels", "America/New_York"]))
def test_next_day_is_the_next_time_that_clocks_there_show_it(
    at: datetime, clock: time, zone: str
) -> None:
    found = next_day(at, clock, zone)
    assert timedelta(0) < found - at <= timedelta(hours=25)
    assert found.time() == clock


def test_every_kind_says_when_it_is_due_and_how_it_is_done() -> None:
    assert {kind.name for kind in KINDS} == set(WORK)
    assert ("due" in {model.name for model in READ_MODELS}) == bool(WORK)
