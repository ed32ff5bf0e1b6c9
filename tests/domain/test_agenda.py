import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.agenda import (
    AGENDA,
    Agenda,
    AgendaItemCancelled,
    AgendaItemChanged,
    AgendaItemScheduled,
    CancelItem,
    ImportSchedule,
    SaveSpeaker,
    ScheduleImported,
    ScheduleItem,
    Speaker,
    SpeakerSaved,
    counted,
    decide,
)
from domain.agenda_items import AgendaItem
from domain.conferences import Conference, ConferenceAnnounced
from domain.errors import Invalid, NotFound
from tests.harness.agenda import PROGRAMME, items, sources, speakers

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
ANNOUNCED: Any = Conference(ConferenceAnnounced("A conference", "UTC"))
TALK = AgendaItem("s1", "A talk", NINE, NINE + timedelta(minutes=30))
OTHER = replace(TALK, id="s2", title="Another")
MOVED = replace(TALK, location="K.1")
ADA = Speaker("p1", "Ada")
AT = {"event_id": "evt_1", "conference": ANNOUNCED}


def of(*events: Any) -> Agenda:
    state: Agenda = PROGRAMME.folded(events)
    return state


def imported(*items: AgendaItem, source: str = "FOSDEM", **more: Any) -> ImportSchedule:
    return ImportSchedule(**AT, source=source, items=items, **more)


IMPORTED = of(
    AgendaItemScheduled(TALK, "FOSDEM"),
    AgendaItemScheduled(OTHER, "FOSDEM"),
    ScheduleImported("FOSDEM", ("s1", "s2")),
)
each_once: Any = lambda one: st.lists(one, max_size=4, unique_by=lambda x: x.id).map(tuple)  # noqa: E731


# Imports
@given(PROGRAMME.states(), each_once(items()), each_once(speakers), sources)
def test_import_leaves_of_its_source_what_it_lists_and_touches_nothing_else(
    state: Agenda, listed: tuple[AgendaItem, ...], speaking: tuple[Speaker, ...], source: str
) -> None:
    events = decide(imported(*listed, source=source, speakers=speaking), state)
    after: Agenda = PROGRAMME.folded(events, state)
    by_hand = {id_ for id_, of in state.item_sources.items() if of == ""}
    elsewhere = {id_ for of, ids in state.listings.items() if of != source for id_ in ids}
    ours = after.listed(source)
    assert len(ours) == len(listed)
    for id_, item in after.items.items():
        if id_ in ours and id_ not in by_hand:
            assert content(item) in map(content, listed)
        elif id_ in state.listed(source) - by_hand - elsewhere - ours:
            assert item == replace(state.items[id_], status="cancelled")
        else:
            assert item == state.items[id_]
        if id_ in elsewhere and id_ in state.items and state.item_sources[id_] != source:
            assert item == state.items[id_]
    assert after.items.keys() == state.items.keys() | ours
    others = {of: ids for of, ids in after.listings.items() if of != source}
    assert others == {of: ids for of, ids in state.listings.items() if of != source}
    spoken = {of: speakers_of(state, ids) for of, ids in state.listings.items()}
    theirs = {id_ for of, ids in spoken.items() if of != source for id_ in ids}
    for id_, old in state.speakers.items():
        if state.speaker_sources[id_] != source and id_ not in spoken.get(source, set()) - theirs:
            assert after.speakers[id_] == old


def speakers_of(state: Agenda, item_ids: frozenset[str]) -> set[str]:
    listed = (state.items[id_] for id_ in item_ids if id_ in state.items)
    return {speaker for item in listed for speaker in item.speaker_ids}


def content(item: AgendaItem) -> AgendaItem:
    return replace(item, id="", speaker_ids=())


@given(PROGRAMME.states(), each_once(items()), each_once(speakers), sources)
def test_counts_are_what_the_events_say(
    state: Agenda, listed: tuple[AgendaItem, ...], speaking: tuple[Speaker, ...], source: str
) -> None:
    command = imported(*listed, source=source, speakers=speaking, before=state)
    events = decide(command, state)
    counts = counted(command, PROGRAMME.folded(events, state))
    kinds = Counter(map(type, events))
    off = [e for e in events if isinstance(e, AgendaItemChanged) and e.item.status == "cancelled"]
    off = [e for e in off if state.items[e.item.id].status != "cancelled"]
    assert counts.added == kinds[AgendaItemScheduled]
    assert counts.changed == kinds[AgendaItemChanged] - len(off)
    assert counts.cancelled == kinds[AgendaItemCancelled] + len(off)
    assert counts.speakers == kinds[SpeakerSaved]
    assert counts.unchanged == len(listed) - counts.added - counts.changed - len(off)
    ours = PROGRAMME.folded(events, state).listed(source)
    kept = [i for i in listed if i.id in ours and state.item_sources.get(i.id) == ""]
    other = [i for i in kept if content(state.items[i.id]) != content(i)]
    assert len(other) <= counts.kept_by_hand <= len(kept)
    dropped = state.listed(source) - ours
    assert counts.kept_though_dropped == sum(
        id_ in dropped and state.item_sources[id_] == "" and item.status != "cancelled"
        for id_, item in state.items.items()
    )


@given(PROGRAMME.states(), each_once(items()), each_once(speakers), sources)
def test_import_that_comes_again_records_nothing(
    state: Agenda, listed: tuple[AgendaItem, ...], speaking: tuple[Speaker, ...], source: str
) -> None:
    command = imported(*listed, source=source, speakers=speaking)
    assert decide(command, PROGRAMME.folded(decide(command, state), state)) == ()


@given(st.lists(st.tuples(sources, st.sets(st.sampled_from([TALK, OTHER])))))
def test_session_is_on_while_any_source_lists_it(
    revisions: list[tuple[str, set[AgendaItem]]],
) -> None:
    state, last = of(), {}
    for source, listed in revisions:
        last[source] = {item.id for item in listed}
        state = PROGRAMME.folded(decide(imported(*listed, source=source), state), state)
    on = {id_ for id_, item in state.items.items() if item.status != "cancelled"}
    assert on == set().union(*last.values())


def test_source_that_lists_what_another_has_written_cancels_it_when_neither_has_it() -> None:
    state, steps = IMPORTED, []
    for source, listed in (
        ("elsewhere", (TALK, OTHER)),
        ("FOSDEM", (TALK,)),
        ("elsewhere", (TALK,)),
    ):
        events = decide(imported(*listed, source=source), state)
        state = PROGRAMME.folded(events, state)
        steps.append(events)
    assert steps == [
        (ScheduleImported("elsewhere", ("s1", "s2")),),
        (ScheduleImported("FOSDEM", ("s1",)),),
        (AgendaItemCancelled("s2", "elsewhere"), ScheduleImported("elsewhere", ("s1",))),
    ]


def test_export_that_came_in_again_keeps_nothing_on() -> None:
    copy = decide(imported(TALK, OTHER, source="evt_1"), IMPORTED)
    assert copy == (ScheduleImported("evt_1", ("s1", "s2")),)
    assert decide(imported(TALK), PROGRAMME.folded(copy, IMPORTED)) == (
        AgendaItemCancelled("s2", "FOSDEM"),
        ScheduleImported("FOSDEM", ("s1",)),
    )


def test_speaker_whom_a_later_revision_drops_is_in_no_session_of_it() -> None:
    both = replace(TALK, speaker_ids=("p1", "p2"))
    first = imported(both, speakers=(ADA, Speaker("p2", "Ben")))
    state = PROGRAMME.folded(decide(first, Agenda()))
    later = imported(replace(TALK, speaker_ids=("p2",)), speakers=(Speaker("p2", "Ben"),))
    events = decide(later, state)
    assert events == (AgendaItemChanged(later.items[0], "FOSDEM"),)
    assert decide(later, PROGRAMME.folded(events, state)) == ()


def test_later_revision_changes_only_what_changed() -> None:
    new = replace(TALK, id="s3")
    assert decide(imported(MOVED, new), IMPORTED) == (
        AgendaItemChanged(MOVED, "FOSDEM"),
        AgendaItemScheduled(new, "FOSDEM"),
        AgendaItemCancelled("s2", "FOSDEM"),
        ScheduleImported("FOSDEM", ("s1", "s3")),
    )


def test_session_that_comes_back_is_on_again() -> None:
    state = of(AgendaItemScheduled(TALK, "FOSDEM"), AgendaItemCancelled("s1", "FOSDEM"))
    assert decide(imported(TALK), state) == (
        AgendaItemChanged(TALK, "FOSDEM"),
        ScheduleImported("FOSDEM", ("s1",)),
    )


def test_other_source_cancels_nothing_of_this_one() -> None:
    assert decide(imported(source="elsewhere"), IMPORTED) == ()


@pytest.mark.parametrize(
    "by_hand", [AgendaItemChanged(MOVED), AgendaItemCancelled("s1")], ids=["moved", "cancelled"]
)
def test_what_was_changed_by_hand_stays(by_hand: Any) -> None:
    state = AGENDA.evolve(IMPORTED, by_hand, NINE)
    assert decide(imported(TALK, OTHER), state) == ()
    assert decide(imported(OTHER), state) == (ScheduleImported("FOSDEM", ("s2",)),)


def test_speaker_who_was_changed_by_hand_stays() -> None:
    state = of(SpeakerSaved(ADA, "FOSDEM"), SpeakerSaved(replace(ADA, email="ada@example.org")))
    assert decide(imported(speakers=(ADA,)), state) == ()
    assert decide(imported(speakers=(ADA,)), of()) == (SpeakerSaved(ADA, "FOSDEM"),)


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (imported(TALK, MOVED), "$.items"),
        (imported(speakers=(ADA, ADA)), "$.speakers"),
        (imported(source=""), "$.source"),
        (imported(OTHER, replace(TALK, status="off")), "$.items[1].status"),
    ],
)
def test_import_that_contradicts_itself_changes_nothing(command: Any, path: str) -> None:
    with pytest.raises(Invalid) as raised:
        decide(command, IMPORTED)
    assert [path] == [where for where, _ in raised.value.errors]


# One by one
def test_item_is_scheduled_changed_and_cancelled() -> None:
    put = ScheduleItem(**AT, item=TALK)
    assert decide(put, of()) == (AgendaItemScheduled(TALK),)
    assert decide(put, IMPORTED) == ()
    assert decide(replace(put, item=MOVED), IMPORTED) == (AgendaItemChanged(MOVED),)
    cancel = CancelItem(**AT, item_id="s1")
    assert decide(cancel, IMPORTED) == (AgendaItemCancelled("s1"),)
    assert decide(cancel, of(AgendaItemScheduled(replace(TALK, status="cancelled")))) == ()
    with pytest.raises(NotFound):
        decide(cancel, of())


def test_item_may_end_as_it_starts_but_not_before() -> None:
    point = replace(TALK, end_time=NINE)
    assert decide(ScheduleItem(**AT, item=point), of()) == (AgendaItemScheduled(point),)
    with pytest.raises(Invalid, match="is before start_time"):
        decide(
            ScheduleItem(**AT, item=replace(TALK, start_time=TALK.end_time, end_time=NINE)), of()
        )


@pytest.mark.parametrize(
    "command",
    [
        ScheduleItem(event_id="evt_1", item=TALK),
        CancelItem(event_id="evt_1", item_id="s1"),
        SaveSpeaker(event_id="evt_1", speaker=ADA),
        ImportSchedule(event_id="evt_1", source="FOSDEM", items=()),
    ],
)
def test_programme_of_an_unknown_event_is_refused(command: Any) -> None:
    with pytest.raises(NotFound, match="There is no event evt_1"):
        decide(replace(command, conference=Conference()), IMPORTED)


def test_folding_the_largest_import_takes_no_time_that_others_would_wait_for() -> None:
    """Time of the processor: to copy all of the state for each event would take ten seconds."""
    saved = (SpeakerSaved(replace(ADA, id=f"p{i}"), "FOSDEM") for i in range(20_000))
    listed = (AgendaItemScheduled(replace(TALK, id=f"s{i}"), "FOSDEM") for i in range(10_000))
    events = [*saved, *listed]
    began = time.thread_time()
    after = of(*events)
    assert time.thread_time() - began < 3
    assert (len(after.items), len(after.speakers)) == (10_000, 20_000)
