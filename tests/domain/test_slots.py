"""Which slot of a talk is which, from one revision of a schedule to the next."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.agenda import (
    Agenda,
    AgendaItemScheduled,
    CancelItem,
    ImportSchedule,
    ScheduleItem,
    decide,
)
from domain.agenda_items import AgendaItem
from domain.conferences import Conference, ConferenceAnnounced
from domain.slots import LONGEST, further
from tests.harness.agenda import PROGRAMME

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANNOUNCED: Any = Conference(ConferenceAnnounced("A conference", "UTC"))
AT: Any = {"event_id": "evt_1", "conference": ANNOUNCED}
SOURCE = "FOSDEM"

Slot = tuple[int, str]  # hours after nine, and where
HOURS = st.integers(0, 9)
REVISION = st.sets(st.tuples(HOURS, st.sampled_from("AB")), min_size=1, max_size=6)
REVISIONS = st.lists(REVISION, min_size=1, max_size=5)
OTHER = AgendaItem("talk.3", "Another talk", NINE, NINE)


def revision(slots: Iterable[Slot], *others: AgendaItem) -> ImportSchedule:
    """Slots as a reader hands them over: numbered in order of time, around ids that are taken."""
    ids = ["talk", *(f"talk.{n}" for n in range(2, 20) if f"talk.{n}" != OTHER.id)]
    start = [(NINE + timedelta(hours=hour), room) for hour, room in sorted(slots)]
    items = [
        AgendaItem(id_, "A talk", at, at + timedelta(minutes=30), location=room)
        for id_, (at, room) in zip(ids, start, strict=False)
    ]
    numbered = {item.id: "talk" for item in items[1:]}
    return ImportSchedule(**AT, source=SOURCE, items=(*items, *others), slots=numbered)


def after(state: Agenda, command: Any) -> Agenda:
    new: Agenda = PROGRAMME.folded(decide(command, state), state)
    return new


def known(items: Iterable[AgendaItem]) -> Agenda:
    """The items as an import of them leaves them."""
    by_id = {item.id: item for item in items}
    return Agenda(
        by_id,
        item_sources=dict.fromkeys(by_id, SOURCE),
        listings={SOURCE: frozenset(by_id)},
    )


def on(state: Agenda) -> dict[Slot, str]:
    """The ids of the slots that take place."""
    return {
        ((item.start_time - NINE) // timedelta(hours=1), item.location): id_
        for id_, item in state.items.items()
        if item.status != "cancelled" and item.title == "A talk"
    }


@given(REVISION)
def test_first_revision_has_the_ids_of_its_reader(slots: set[Slot]) -> None:
    command = revision(slots, OTHER)
    assert set(after(Agenda(), command).items.values()) == set(command.items)


@given(REVISIONS)
def test_slots_of_each_revision_are_all_there_and_no_others(revisions: list[set[Slot]]) -> None:
    state = Agenda()
    for slots in revisions:
        command = revision(slots, OTHER)
        state = after(state, command)
        assert on(state).keys() == slots
        assert state.items[OTHER.id] == OTHER
        assert decide(command, state) == ()


@given(REVISIONS)
def test_slot_that_stays_keeps_its_id_whatever_becomes_of_others(
    revisions: list[set[Slot]],
) -> None:
    state = Agenda()
    for slots in revisions:
        before, state = on(state), after(state, revision(slots))
        now = on(state)
        assert {slot: now[slot] for slot in before.keys() & slots} == {
            slot: before[slot] for slot in before.keys() & slots
        }


@given(REVISIONS, st.data())
def test_slot_changed_by_hand_stays_as_it_is_and_the_import_settles(
    revisions: list[set[Slot]], data: st.DataObject
) -> None:
    state = after(Agenda(), revision(revisions[0]))
    item = state.items[data.draw(st.sampled_from(sorted(state.items)))]
    moved = replace(item, start_time=item.start_time + timedelta(hours=data.draw(HOURS)))
    moved = replace(moved, end_time=moved.start_time, track="by hand")
    state = after(state, ScheduleItem(**AT, item=moved))
    if data.draw(st.booleans()):
        state = after(state, CancelItem(**AT, item_id=item.id))
    by_hand = state.items[item.id]
    for slots in revisions[1:]:
        command = revision(slots)
        state = after(state, command)
        assert state.items[item.id] == by_hand
        assert decide(command, state) == ()


def test_slots_after_one_that_is_removed_keep_their_ids() -> None:
    state = after(Agenda(), revision([(0, "A"), (2, "A"), (4, "A")]))
    assert on(after(state, revision([(2, "A"), (4, "A")]))) == {
        (2, "A"): "talk.2",
        (4, "A"): "talk.3",
    }


def test_last_slot_that_is_left_keeps_its_id_and_moves_with_it() -> None:
    state = after(Agenda(), revision([(0, "A"), (5, "A")]))
    assert on(after(state, revision([(6, "B")]))) == {(6, "B"): "talk.2"}


def test_slot_that_is_new_comes_after_those_that_are_known() -> None:
    state = after(Agenda(), revision([(3, "A")]))
    assert on(after(state, revision([(1, "A"), (3, "A")]))) == {
        (1, "A"): "talk.2",
        (3, "A"): "talk",
    }


def test_slot_that_comes_back_is_the_one_that_it_was() -> None:
    first = revision([(0, "A"), (2, "A"), (4, "A")])
    state = after(after(Agenda(), first), revision([(4, "A")]))
    assert on(after(state, revision([(2, "A"), (4, "A")]))) == {
        (2, "A"): "talk.2",
        (4, "A"): "talk.3",
    }


@pytest.mark.parametrize("own", ["talk.0", "talk.1", "talk.02", "talk.007"])
def test_id_that_no_slot_ever_gets_is_a_talk_s_own(own: str) -> None:
    talk = AgendaItem("talk", "A talk", NINE, NINE)
    other = AgendaItem(own, "Another", NINE + HOUR, NINE + HOUR)
    state = after(Agenda(), ImportSchedule(**AT, source=SOURCE, items=(talk, other)))
    moved = replace(talk, start_time=other.start_time, end_time=other.end_time)
    state = after(state, ImportSchedule(**AT, source=SOURCE, items=(moved,)))
    assert (state.items["talk"], state.items[own].status) == (moved, "cancelled")


def test_talk_that_is_new_takes_no_id_that_only_looks_like_its_slot_s() -> None:
    other = AgendaItem("talk.2", "Another", NINE, NINE)
    state = after(Agenda(), ImportSchedule(**AT, source=SOURCE, items=(other,)))
    talk = replace(other, id="talk")
    assert decide(ImportSchedule(**AT, source=SOURCE, items=(talk,)), state)[0] == (
        AgendaItemScheduled(talk, SOURCE)
    )


@pytest.mark.parametrize("shift", [1, 30, 60])
def test_very_many_slots_are_told_apart_in_a_moment(shift: int) -> None:
    def many(later: int) -> ImportSchedule:
        start = [NINE + timedelta(minutes=30 * n + later) for n in range(3_000)]
        ids = ["talk", *(f"talk.{n}" for n in range(2, 3_001))]
        items = [AgendaItem(i, "A talk", at, at) for i, at in zip(ids, start, strict=True)]
        slots = dict.fromkeys(ids[1:], "talk")
        return ImportSchedule(**AT, source=SOURCE, items=tuple(items), slots=slots)

    state = known(many(0).items)
    began = time.process_time()
    assert len(decide(many(shift), state)) <= 3_000 + 1
    assert time.process_time() - began < 2


def test_talks_with_long_ids_that_begin_alike_are_told_apart_in_a_moment() -> None:
    items, slots = [], {}
    for n in range(2_000):
        talk = f"{'x' * LONGEST}{n:04}"
        ids = (talk, next(further(talk)))
        items += [AgendaItem(id_, "A talk", NINE + n * HOUR, NINE + n * HOUR) for id_ in ids]
        slots[ids[1]] = talk
    command = ImportSchedule(**AT, source=SOURCE, items=tuple(items), slots=slots)
    state = known(items)
    began = time.process_time()
    assert decide(command, state) == ()
    assert time.process_time() - began < 2
