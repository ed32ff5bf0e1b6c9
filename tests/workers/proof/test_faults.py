"""The order in which things fail, and what counts as recovered."""

from itertools import islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from workers.proof.faults import FAULTS, Fault, Recovery, Times, order, recovery, times
from workers.proof.finale import Found
from workers.proof.ledger import Mark
from workers.proof.report import Proof, lines

DOWN = 10.0


def struck(seed: int, count: int) -> list[Fault]:
    return list(islice(order(FAULTS, Random(seed)), count))  # noqa: S311 - no secret


@given(st.integers(), st.integers(1, 40))
def test_order_repeats_with_its_seed_and_leaves_no_kind_out(seed: int, count: int) -> None:
    taken = struck(seed, count)
    assert taken == struck(seed, count)
    often = [taken.count(fault) for fault in FAULTS]
    assert max(often) - min(often) <= 1


def marks(asked: list[tuple[float, float]], shown: float, heard: float) -> list[Mark]:
    """Changes one after another, each asked for and acknowledged after so long; the read model and
    a feed have each of them so much later."""
    found, at = [], 0.0
    for position, (sent, taken) in enumerate(asked, 1):
        sent = at = at + sent
        at += taken
        found.append(Mark("acked", position, at, sent))
        found += [Mark("shown", position, at + shown), Mark("heard", position, at + heard)]
    return sorted(found, key=lambda mark: mark.at)


spans = st.floats(0.1, 5.0)
histories = st.builds(marks, st.lists(st.tuples(spans, spans), max_size=12), spans, spans)


@given(histories, st.floats(0, 1))
def test_recovery_is_the_first_change_asked_for_after_the_fall(
    found: list[Mark], falling: float
) -> None:
    recovered = recovery("a fault", DOWN - falling, DOWN, found)
    first = min((m for m in found if m.sent >= DOWN), default=None, key=lambda m: m.sent)
    if first is None:
        assert recovered is None
        return
    assert recovered is not None
    assert recovered.acked == first.at - (DOWN - falling)
    assert recovered.acked >= falling
    assert min(recovered.shown, recovered.heard) > recovered.acked


@given(histories)
def test_recovery_is_not_there_before_all_of_it_is(found: list[Mark]) -> None:
    """Seen line by line, it appears once and then stays as it is."""
    seen = [recovery("a fault", DOWN, DOWN, found[:end]) for end in range(len(found) + 1)]
    there = [one for one in seen if one is not None]
    assert len(set(map(repr, there))) <= 1
    assert seen == [None] * (len(seen) - len(there)) + there


def test_old_read_model_that_is_still_shown_is_no_recovery() -> None:
    acked = Mark("acked", 7, 11.0, 10.5)
    late = [Mark("shown", 6, 11.5), Mark("heard", 7, 11.5)]
    assert recovery("a fault", DOWN, DOWN, [acked, *late]) is None
    assert recovery("a fault", DOWN, DOWN, [acked, *late, Mark("shown", 8, 12.0)]) == Recovery(
        "a fault", 1.0, 2.0, 1.5
    )


@given(st.lists(st.builds(Recovery, st.sampled_from(["one", "other"]), spans, spans, spans)))
def test_times_are_of_all_recoveries_and_none_is_above_the_slowest(all_: list[Recovery]) -> None:
    of_kinds = times(all_)
    assert sum(of_kind.count for of_kind in of_kinds) == len(all_)
    for of_kind in of_kinds:
        slowest = max(r.heard for r in all_ if r.fault == of_kind.fault)
        assert of_kind.heard[0] <= of_kind.heard[1] == slowest


def test_times_say_half_and_slowest() -> None:
    all_ = [Recovery("one", seconds, seconds, seconds) for seconds in (3.0, 1.0, 2.0)]
    step = (2.0, 3.0)
    assert times(all_) == [Times("one", 3, step, step, step)]


def test_kinds_are_told_apart() -> None:
    assert len({fault.says for fault in FAULTS}) == len(FAULTS)


def test_report_names_the_faults_that_it_did_not_come_to() -> None:
    found = Found([], [], [], [], [], [], [], [])
    untried = [FAULTS[0].says, FAULTS[3].says]
    said = "\n".join(lines(Proof(found, [], [], untried=untried)))
    assert f"Not come to in the time: {', '.join(untried)}. Give it more --seconds." in said
    assert "Not come to" not in "\n".join(lines(Proof(found, [], [])))
