"""Laws of reading a programme, whatever it is written in."""

import re
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from tests.workers.schedules.files import EVENT, event, frab, tar, xml
from workers.schedules import Schedule, read
from workers.schedules.schedule import id_from, id_from_name

SMALL = (
    xml(EVENT),
    frab({"id": 7}),
    tar(event={"name": "small"}, sessions=[{"id": 1, "start_time": "2026-02-01T10:00+01:00"}]),
)
# What a file is made of, so that what is made up gets past the first line of a reader.
PIECES = (
    b"<schedule>|<day date='2026-02-01'>|</schedule>|<event>|<start>10:00</start>|</event>|&#1;|"
    b'{"schedule":{"conference":|{"days":[|}|]|{"sessions":[|{"slots":[|{"results":[|null|'
    b'[{"title":"a","start":|"2026-02-01T10:00:00"|\x1f\x8b|PK\x03\x04|\xfd7zXZ\x00|\xff\xfe|'
    b"<!DOCTYPE a [|<!-- "
)
PIECE = st.sampled_from([*SMALL, EVENT.encode(), *PIECES.split(b"|")])
KEYS = re.findall(
    r"\w+",
    """schedule conference days rooms date start end duration title persons id guid name results
    slots talks sessions speakers submission code state track room tags categories items startsAt
    endsAt timezone abstract status url event""",
)
MOMENTS = ["2026-02-01T10:00", "10:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59", "99:99"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(
    LEAVES | st.sampled_from(MOMENTS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=20,
)


def outcome(data: bytes, timezone: str | None = "Europe/Brussels") -> Schedule | str:
    """Anything but a schedule or Invalid fails the test."""
    try:
        return read(data, timezone=timezone)
    except Invalid as error:
        return f"{error}, said of {len(error.errors)}"


@given(st.binary(max_size=300) | st.lists(PIECE | st.binary(max_size=9), max_size=9).map(b"".join))
def test_any_bytes_are_a_schedule_or_refused_the_same_way_twice(data: bytes) -> None:
    assert outcome(data) == outcome(data)


@given(st.sampled_from(SMALL), st.data())
def test_any_damage_is_a_schedule_or_refused(whole: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole)))
    to = data.draw(st.integers(at, min(len(whole), at + 9)))
    outcome(whole[:at] + data.draw(st.binary(max_size=4)) + whole[to:])


@given(JSON)
def test_any_json_is_a_schedule_or_refused(document: Any) -> None:
    data = msgspec.json.encode(document)
    outcome(data)
    outcome(b'{"schedule": {"conference": {"days": [{"rooms": {"Hall": [' + data + b"]}}]}}}")
    outcome(b'{"results": [' + data + b"]}", None)
    outcome(b'{"slots": [{"submission": ' + data + b', "start": "2026-02-01T10:00"}]}')
    outcome(b'{"rooms": [], "sessions": [' + data + b"]}")
    outcome(tar(sessions=[document], speakers=document, event=document))


@given(st.text(max_size=300))
def test_any_text_becomes_an_id_that_stands_in_a_path(written: str) -> None:
    for found in (id_from(written), id_from_name(written)):
        assert len(found) <= 128
        assert set(found) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
        )
        assert found.strip(".")
        assert id_from(found) == found


@given(st.permutations([event(f"2026-02-0{day}T10:00:00Z", guid="again") for day in (1, 2, 3)]))
def test_slots_of_one_talk_keep_their_ids_in_any_order(events: list[str]) -> None:
    found = read(xml(*events))
    assert [(item.id, item.start_time.day) for item in found.items] == [
        ("again", 1),
        ("again.2", 2),
        ("again.3", 3),
    ]


def test_slot_that_is_moved_stays_itself() -> None:
    first, later = (event(f"2026-02-02T{hour}:00:00Z", guid="again") for hour in (10, 12))
    moved = event("2026-02-02T13:00:00Z", guid="again")
    old, new = read(xml(first, later)), read(xml(first, moved))
    assert [item.id for item in new.items] == [item.id for item in old.items]
    assert new.items[0] == old.items[0]


def test_slot_gets_no_id_that_another_has() -> None:
    events = [event("2026-02-02T10:00:00Z", guid="a", room=str(i)) for i in range(2)]
    found = read(xml(*events, event("2026-02-02T11:00:00Z", guid="a.2")))
    assert sorted(item.id for item in found.items) == ["a", "a.2", "a.3"]


def test_slots_of_a_talk_with_the_longest_id_stay_apart() -> None:
    """They would all have the same slots, were they only cut."""
    longest, other = ("x" * 127 + end for end in "ab")
    events = [event(f"2026-02-0{day}T10:00:00Z", guid=longest) for day in (1, 2)]
    first, second = (item.id for item in read(xml(*events)).items)
    assert (first, second[:103], second[-2:]) == (longest, "x" * 103, ".2")
    more = [event(f"2026-02-0{day}T12:00:00Z", guid=other) for day in (1, 2)]
    ids = {item.id for item in read(xml(*events, *more)).items}
    assert len(ids) == 4
    assert ids > {longest, other, second}
