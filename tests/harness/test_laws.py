"""The laws hold for every capability, and are broken by what breaks them."""

from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from domain.capabilities import AGGREGATES
from domain.missions import Board, MissionStarted
from domain.store.bulk import STORE_AGGREGATES
from projections.missions.rows import LEDGER, MISSION_LEDGER, project_ledger
from projections.read_model import Change, ReadModel
from projections.read_models import READ_MODELS
from tests.harness.capabilities import CAPABILITIES
from tests.harness.capability import Capability
from tests.harness.laws import LAWS, Law, cut_into_pages, laws_of
from tests.harness.missions import BOARDS
from tests.store import CALENDAR, Accept, AcceptUnseen, SyncAccepted


def test_capabilities_are_all_plugged_in() -> None:
    assert {c.aggregate.name for c in CAPABILITIES} == {
        a.name for a in (*AGGREGATES, *STORE_AGGREGATES)
    }
    fed = {model.name for c in CAPABILITIES for model in c.read_models}
    assert fed == {model.name for model in READ_MODELS}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.about}: {law.says}")
def test_law_holds(law: Law) -> None:
    assert law.try_out(examples=12) >= 12


# A decider that writes to two streams
people = st.permutations(["ada", "ben", "cleo"])


def syncs(kind: type[Accept]) -> Capability:
    return Capability(
        CALENDAR,
        commands=lambda event_id: st.builds(
            lambda pair, slot: kind(member=pair[0], other=pair[1], slot=slot),
            people,
            st.integers(1, 3),
        ),
        events=st.builds(SyncAccepted, st.sampled_from(["ada", "ben"]), st.integers(1, 3)),
    )


DECISIONS = (
    "Repeating a command changes nothing",
    "What is refused is refused with a Problem",
    "Deciding and folding leave the state alone",
)


@pytest.mark.parametrize("says", DECISIONS)
def test_law_holds_for_decisions_that_write_to_two_streams(says: str) -> None:
    (law,) = (law for law in laws_of(syncs(Accept)) if law.says == says)
    assert law.try_out(examples=50) >= 50


def test_decision_that_is_made_twice_breaks_its_law() -> None:
    law = laws_of(syncs(AcceptUnseen))[0]
    with pytest.raises(AssertionError):
        law.try_out(examples=50, shrink=0)


# Rules and read models that are broken on purpose
def always_records(command: Any, state: Any) -> tuple[Any, ...]:
    return (MissionStarted("a"),)


def breaks(command: Any, state: Any) -> tuple[Any, ...]:
    raise KeyError(command)


def refuses_to_fold(state: Board, event: Any, at: Any) -> Board:
    raise ValueError(event)


class Loose(Struct, frozen=True):
    """A time that is stored comes back as text, as its type is not declared."""

    event_id: str
    member_id: str
    position: int
    at: Any


LOOSE = replace(LEDGER, row=Loose)


def loosely(recorded: Any) -> Any:
    for change in project_ledger(recorded):
        yield Change(LOOSE, change.key, lambda old, key=change.key: Loose(*key, recorded.at))


def broken(**changes: Any) -> Capability:
    return replace(BOARDS, aggregate=replace(BOARDS.aggregate, **changes))


@pytest.mark.parametrize(
    ("capability", "says", "error"),
    [
        (broken(decide=always_records), "Repeating a command changes nothing", AssertionError),
        (broken(decide=breaks), "What is refused is refused with a Problem", KeyError),
        (broken(evolve=refuses_to_fold), "Folding never fails", ValueError),
    ],
)
def test_broken_rule_breaks_its_law(capability: Capability, says: str, error: type) -> None:
    (law,) = (law for law in laws_of(capability) if law.says == says)
    with pytest.raises(error):
        law.try_out(examples=100, shrink=0)


def test_read_model_that_is_no_fold_breaks_its_law() -> None:
    model = ReadModel(MISSION_LEDGER.name, (LOOSE,), loosely)
    with pytest.raises(AssertionError):
        cut_into_pages(model).try_out(examples=200, shrink=0)
