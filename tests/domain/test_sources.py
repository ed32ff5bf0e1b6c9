"""People and sessions, each the same from one revision of a file to the next, and no other's."""

import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.agenda import (
    Agenda,
    ImportSchedule,
    SaveSpeaker,
    ScheduleItem,
    Speaker,
    SpeakerSaved,
    decide,
    odd,
)
from domain.agenda_items import AgendaItem
from domain.names import id_of_name, says_name
from domain.personal import ERASED
from domain.source_files import Named
from tests.domain.revisions import (
    ANNOUNCED,
    NAMES,
    NINE,
    Talk,
    after,
    command,
    erased,
    file,
    speaking,
)
from tests.harness.agenda import PROGRAMME
from tests.workers.schedules.files import frab
from workers.schedules import read

PEOPLE = st.lists(
    st.tuples(st.sampled_from([1, 2, None]), st.sampled_from(NAMES)), max_size=3, unique=True
)
REVISION = st.dictionaries(st.sampled_from("abcd"), PEOPLE, min_size=1)
REVISIONS = st.lists(REVISION, min_size=1, max_size=4)


@given(REVISIONS)
def test_session_names_whom_the_file_names_and_an_id_is_one_person_for_ever(
    revisions: list[dict[str, list[tuple[int | None, str]]]],
) -> None:
    state, names = Agenda(), dict[str, str]()
    for revision in revisions:
        made = file(*revision.items())
        state = after(state, made)
        assert decide(command(made), state) == ()
        for id_, people in revision.items():
            assert [name for _, name in speaking(state, id_)] == [name for _, name in people]
        for id_, speaker in state.speakers.items():
            assert names.setdefault(id_, speaker.name) == speaker.name
            assert not says_name(id_, speaker.name)


@given(REVISION, REVISION, REVISION)
def test_import_that_was_prepared_decides_as_one_that_was_not(
    one: Any, other: Any, later: Any
) -> None:
    """Also where the programme is another by then."""
    before = after(Agenda(), file(*one.items()))
    state = after(before, file(*other.items()))
    made = command(file(*later.items()))
    for prepared in (made.prepared(before), made.prepared(state)):
        assert decide(prepared, state) == decide(made, state)


@given(st.permutations([("a", [(1, NAMES[0])]), ("b", [(1, NAMES[1])]), ("c", [(1, NAMES[2])])]))
def test_order_of_the_file_moves_nobody(talks: list[Talk]) -> None:
    state = after(Agenda(), file(("a", [(1, NAMES[0])]), ("b", [(1, NAMES[1])])))
    ids = [speaking(state, id_) for id_ in "ab"]
    later = after(state, file(*talks))
    assert [speaking(later, id_) for id_ in "ab"] == ids
    assert ids == [[("small-1", NAMES[0])], [("small-1.2", NAMES[1])]]


def test_number_that_is_somebody_else_s_later_is_another_person_and_this_is_told() -> None:
    state = after(Agenda(), file(("a", [(1, "Nora Stein")])))
    later = file(("b", [(1, "Tomas Weit")]))
    assert odd(command(later, state=state)) == (
        ("small-1.2", "has an id that stood for another name before: taken for another person"),
    )
    assert speaking(after(state, later), "b") == [("small-1.2", "Tomas Weit")]


@pytest.mark.parametrize("name", ["Nora Stein-Weber", "NORA  STEIN", "Nóra Stein", "Noras Stein"])
def test_name_that_is_spelled_otherwise_later_is_the_same_person(name: str) -> None:
    for number in (1, None):
        state = after(Agenda(), file(("a", [(number, "Nora Stein")])))
        ((id_, _),) = speaking(state, "a")
        assert speaking(after(state, file(("a", [(number, name)]))), "a") == [
            (id_, " ".join(name.split()))
        ]


def test_id_of_one_kind_stays_whatever_the_name_becomes() -> None:
    state = PROGRAMME.folded([SpeakerSaved(Speaker("p1", "Nora Stein"), "small")])
    talk = AgendaItem("a", "A talk", NINE, NINE, speaker_ids=("p1",))
    later = ImportSchedule(
        event_id="evt_1",
        conference=ANNOUNCED,
        source="small",
        items=(talk,),
        speakers=(Speaker("p1", "Tomas Weit"),),
    )
    assert decide(later, state)[0] == SpeakerSaved(Speaker("p1", "Tomas Weit"), "small")


# Erased
ONE = [(1, "Nora Stein"), (1, "Tomas Weit"), (None, "Lena Quell"), (None, "Ada Fern")]


@pytest.mark.parametrize("which", range(4))
def test_no_import_brings_back_who_is_erased_beside_others(which: int) -> None:
    made = file(*((id_, [person]) for id_, person in zip("abcd", ONE, strict=True)))
    state = after(Agenda(), made)
    ((id_, _),) = speaking(state, "abcd"[which])
    state = erased(state, id_)
    again = after(state, made)
    for i, talk in enumerate("abcd"):
        assert [name for _, name in speaking(again, talk)] == [ERASED if i == which else ONE[i][1]]
    assert decide(command(made), state) == ()


# Earlier versions
OLD = id_of_name("Lena Quell")


def old() -> Agenda:
    """A programme as an earlier version has stored it: an id made of a name."""
    talk = AgendaItem("a", "Talk a", NINE, NINE, speaker_ids=(OLD,))
    made = ImportSchedule(
        event_id="evt_1",
        conference=ANNOUNCED,
        source="small",
        items=(talk,),
        speakers=(Speaker(OLD, "Lena Quell"),),
    )
    state: Agenda = PROGRAMME.folded(decide(made, Agenda()))
    return state


def test_id_that_was_made_of_a_name_goes_on() -> None:
    made = file(("a", [(None, "Lena Quell")]), ("b", [(None, "Lena Quell")]))
    state = after(old(), made)
    assert speaking(state, "a") == speaking(state, "b") == [(OLD, "Lena Quell")]


def test_id_that_was_made_of_a_name_is_replaced_where_its_owner_is_erased() -> None:
    state = erased(old(), OLD)
    assert speaking(state, "a") == [("erased-1", ERASED)]
    assert erased(state, OLD) is state
    again = after(state, file(("a", [(None, "Lena Quell")]), ("e", [(None, "Lena Quell")])))
    assert speaking(again, "a") == speaking(again, "e") == [("erased-1", ERASED)]


def test_who_was_erased_by_an_earlier_version_gets_such_an_id_when_erased_again() -> None:
    state = PROGRAMME.folded([SpeakerSaved(Speaker(OLD, ERASED))], old())
    assert speaking(erased(state, OLD), "a") == [("erased-1", ERASED)]


def test_id_that_says_nothing_stays_when_its_owner_is_erased() -> None:
    state = after(Agenda(), file(("a", [(1, "Nora Stein")])))
    assert speaking(erased(state, "small-1"), "a") == [("small-1", ERASED)]


# Two sources
@example(
    {"a": [], "b": [(2, "Nora Stein"), (1, "Nora Stein")]},
    {"a": [(1, "Nora Stein")]},
    {"a": [(None, "Ivo Probe")], "b": [(None, "Nora Stein")]},
    False,
)
@given(REVISION, REVISION, REVISION, st.booleans())
def test_two_sources_never_run_into_each_other(
    one: Any, other: Any, later: Any, guids: bool
) -> None:
    """Whatever ids and numbers their files share, and though both have the same acronym."""
    first = after(Agenda(), file(*one.items(), guids=guids), "x")
    both = after(first, file(*other.items(), guids=guids, title="y"), "y")
    last = after(both, file(*later.items(), guids=guids, title="y"), "y")
    for state in (both, last):
        assert state.listed("x") == first.listed("x")
        for id_ in first.items:
            assert state.items[id_] == first.items[id_]
        for id_ in first.speakers:
            assert state.speakers[id_] == first.speakers[id_]
    assert sorted(last.items[id_].title for id_ in last.listed("y")) == sorted(
        f"Talk {id_}" for id_ in later
    )
    assert decide(command(file(*one.items(), guids=guids), "x"), last) == ()
    assert decide(command(file(*later.items(), guids=guids), "y"), last) == ()


VERSIONS = st.dictionaries(
    st.sampled_from("ab"), st.tuples(st.sampled_from(["", " anew"]), PEOPLE), min_size=1
)
TURNS = st.lists(st.tuples(st.sampled_from("xy"), VERSIONS), min_size=2, max_size=7)


def is_clear(turns: list[tuple[str, dict[str, tuple[str, Any]]]]) -> bool:
    """No name stands with a number here and without one there. Where it does, whoever has the
    number gets its id back, also from the one who was known by the name alone."""
    said = [one for _, versions in turns for _, people in versions.values() for one in people]
    return not {n for number, n in said if number} & {n for number, n in said if not number}


@given(TURNS.filter(is_clear))
def test_id_that_only_one_source_has_stays_whatever_becomes_of_it_and_of_what_it_shared(
    turns: list[tuple[str, dict[str, tuple[str, Any]]]],
) -> None:
    state = Agenda()
    ids: dict[str, dict[Any, str]] = {"x": {}, "y": {}}  # by talk, and by talk and person
    for source, versions in turns:
        made = file(
            *((id_, people) for id_, (_, people) in versions.items()),
            titles={id_: f"Talk {id_}{anew}" for id_, (anew, _) in versions.items()},
            title=source,
        )
        state = after(state, made, source)
        assert decide(command(made, source), state) == ()
        titles = {state.items[id_].title: id_ for id_ in state.listed(source)}
        before, now = ids[source], dict[Any, str]()
        for talk, (anew, people) in versions.items():
            now[talk] = titles[f"Talk {talk}{anew}"]
            spoken = zip(people, state.items[now[talk]].speaker_ids, strict=True)
            now |= {(talk, person): id_ for person, id_ in spoken}
        others = ids["y" if source == "x" else "x"].values()
        assert [k for k, id_ in now.items() if before.get(k, id_) not in (id_, *others)] == []
        ids[source] = now


def test_who_only_one_source_has_stays_where_it_differs_about_another() -> None:
    state = after(Agenda(), file(("a", [(1, NAMES[0])])), "x")
    ours = file(("a", [(1, NAMES[0])]), ("b", [(1, NAMES[1])]))
    state = after(state, ours, "y")
    ((tomas, _),) = speaking(state, "b")
    state = after(state, file(("a", [(1, f"{NAMES[0]}-Weber")])), "x")
    state = after(state, ours, "y")
    assert speaking(state, "b") == [(tomas, NAMES[1])]


def test_slot_that_only_one_source_has_stays_where_it_differs_about_another() -> None:
    def slots(*hours: int, title: str = "Film") -> bytes:
        return frab(
            *({"guid": "a", "title": title, "date": f"2026-02-01T{h}:00:00+01:00"} for h in hours)
        )

    state = after(Agenda(), slots(10), "x")
    state = after(state, slots(10, 14), "y")
    assert state.listed("y") == {"a", "a.2"}
    state = after(state, slots(11), "x")
    state = after(state, slots(10, 14), "y")
    assert len(state.listed("y") - {"a.2"}) == 1
    assert state.items["a.2"].status == "scheduled"
    assert state.listed("x") == {"a"}


def test_session_that_a_source_has_no_more_is_the_other_s() -> None:
    both = file(("a", []))
    state = after(after(Agenda(), both, "x"), both, "y")
    state = after(state, file(("b", [])), "x")
    state = after(state, frab({"guid": "a", "title": "Otherwise"}), "x")
    assert (state.listed("y"), state.items["a"].title) == ({"a"}, "Talk a")
    assert [state.items[id_].title for id_ in state.listed("x")] == ["Otherwise"]


def test_session_of_another_source_is_neither_changed_nor_called_off() -> None:
    state = after(Agenda(), frab({"guid": "a", "title": "Alpha"}), "x")
    state = after(state, frab({"guid": "a", "title": "Beta"}), "y")
    on = {item.title: id_ for id_, item in state.items.items()}
    assert on.keys() == {"Alpha", "Beta"}
    assert on["Alpha"] == "a"
    state = after(state, frab({"guid": "b", "title": "Gamma"}), "y")
    assert [state.items[on[title]].status for title in ("Alpha", "Beta")] == [
        "scheduled",
        "cancelled",
    ]


def test_what_was_put_by_hand_before_an_import_is_taken_for_the_same() -> None:
    put = ScheduleItem(
        event_id="evt_1", conference=ANNOUNCED, item=AgendaItem("a", "By hand", NINE, NINE)
    )
    save = SaveSpeaker(
        event_id="evt_1", conference=ANNOUNCED, speaker=Speaker("small-1", "Nora Stein")
    )
    state = PROGRAMME.folded((*decide(put, Agenda()), *decide(save, Agenda())))
    later = after(state, file(("a", [(1, "Nora Stein")])))
    assert (len(later.items), later.items["a"].title, len(later.speakers)) == (1, "By hand", 1)


# Two sessions under one number
def talks(*titles: tuple[int, str]) -> bytes:
    return frab(
        *(
            {"id": 886, "title": title, "date": f"2026-02-01T{hour}:00:00+01:00"}
            for hour, title in titles
        )
    )


def test_two_sessions_under_one_number_stay_apart_when_they_move() -> None:
    first = talks((10, "Film"), (14, "Routers"))
    assert [o.what for o in read(first).odd] == [
        "has 'small-886' for sessions of several titles: taken for as many sessions"
    ]
    state = after(Agenda(), first)
    ids = {item.title: id_ for id_, item in state.items.items()}
    moved = after(state, talks((13, "Film"), (11, "Routers")))
    assert {item.title: id_ for id_, item in moved.items.items()} == ids
    alone = after(state, talks((10, "Routers")))
    assert alone.items[ids["Routers"]].start_time < state.items[ids["Routers"]].start_time
    assert alone.items[ids["Film"]].status == "cancelled"


def test_largest_import_is_matched_in_a_moment() -> None:
    people = [Speaker(f"small-speaker-{i}", f"Person {i}") for i in range(10_000)]
    items = [
        AgendaItem(f"s{i}", "A talk", NINE, NINE + timedelta(hours=1), speaker_ids=(one.id,))
        for i, one in enumerate(people)
    ]
    made = ImportSchedule(
        event_id="evt_1",
        conference=ANNOUNCED,
        source="small",
        items=tuple(items),
        speakers=tuple(people),
        named={one.id: Named(id_of_name(one.name), "name") for one in people},
    )
    state = PROGRAMME.folded(decide(made, Agenda()))
    began = time.thread_time()
    assert decide(made, state) == ()
    other = ImportSchedule(
        **{f: getattr(made, f) for f in made.__struct_fields__} | {"source": "other"}
    )
    decide(other, state)
    assert time.thread_time() - began < 6
