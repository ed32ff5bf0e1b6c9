"""Each format by itself, on small files."""

import gzip
import io
import lzma
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from domain.agenda import Speaker
from domain.agenda_items import AgendaItem
from domain.errors import Invalid
from domain.source_files import Named
from tests.workers.schedules.files import EVENT, event, frab, tar, xml
from workers.schedules import Odd, Schedule, read
from workers.schedules.schedule import id_from_name

NINE = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)


def test_pentabarf_says_everything() -> None:
    whole = event(
        "2026-02-01T10:00:00+01:00",
        guid="talk-1",
        room="Attic",
        subtitle="and why",
        abstract="Short.",
        description="&lt;p&gt;Long.&lt;/p&gt;",
        track="Data",
        type="devroom",
        language="en",
        url="https://example.org/7",
        persons='<person id="3">A</person><person guid="g">B</person><person>C</person>',
    )
    found = read(xml(whole))
    assert found == Schedule(
        "small",
        None,
        (
            AgendaItem(
                *("talk-1", "On queues", NINE, NINE + HALF),
                description="and why\n\nShort.\n\nLong.",
                location="Attic",
                track="Data",
                focus_areas=("Data",),
                speaker_ids=("small-3", "g", "small-speaker-1"),
                url="https://example.org/7",
                language="en",
            ),
        ),
        (Speaker("g", "B"), Speaker("small-3", "A"), Speaker("small-speaker-1", "C")),
        named={
            "small-3": Named("small-3", "number"),
            "small-speaker-1": Named(id_from_name("C"), "name"),
        },
    )  # fmt: skip


def test_pentabarf_of_a_night_belongs_to_the_day_before() -> None:
    late = event(start="01:30", id="1")
    conference = "<title>Nights</title><day_change>04:00:00</day_change>"
    found = read(xml(late, conference=conference), timezone="Europe/Brussels")
    assert found.items[0].start_time == datetime(2026, 2, 2, 0, 30, tzinfo=UTC)


def test_frab_is_read_as_pentabarf_is() -> None:
    said = {"guid": "talk-1", "id": 7, "persons": [{"id": 3, "public_name": "Speaker 3"}]}
    assert read(frab(said)) == read(xml(EVENT))


def test_frab_takes_what_this_product_writes_itself() -> None:
    own = {"item_type": "party", "status": "tentative", "focus_areas": ["Music"], "track": "Data"}
    (item,) = read(frab({"id": 1, **own})).items
    assert (item.item_type, item.status, item.focus_areas) == ("party", "tentative", ("Music",))


@pytest.mark.parametrize("areas", ["Music", 5, {"a": 1}, [1, None]])
def test_focus_areas_that_are_no_texts_count_as_none_and_are_reported(areas: object) -> None:
    found = read(frab({"id": 1, "focus_areas": areas}))
    assert found.items[0].focus_areas == ()
    assert [odd.where for odd in found.odd] == ["$.schedule.conference.days[0].rooms['Hall'][0]"]


def test_frab_without_a_time_leaves_the_session_out_and_says_so() -> None:
    found = read(frab({"id": 1}, {"id": 2, "date": None, "start": None}))
    assert [item.id for item in found.items] == ["small-1"]
    assert found.odd == (Odd("the file", "has 1 sessions without a time: left out"),)


@pytest.mark.parametrize(
    ("kind", "item_type"),
    [
        *(
            (kind, "session")
            for kind in ("", "lecture", "Breakout", "BREAK-OUT Session", "Break out")
        ),
        *((kind, "session") for kind in ("Lunch talk", "Dinner keynote", "Lunch & Learn")),
        ("Workshop (registration required)", "session"),
        ("Lightning talk without registration", "session"),
        ("Session (after lunch)", "session"),
        ("Lunch break", "lunch"),
        ("Networking Lunch", "lunch"),
        ("Meal: Dinner", "meal"),
        ("Speakers' dinner", "dinner"),
        ("Coffee-Break", "break"),
        ("coffeeBreak 2", "break"),
        ("Coffee", "break"),
        ("Registration and badge pick-up", "registration"),
    ],
)
def test_what_is_no_session_is_told_by_its_whole_type(kind: str, item_type: str) -> None:
    found = read(frab({"id": 1, "type": kind}, {"id": 2, "type": kind}))
    assert {item.item_type for item in found.items} == {item_type}
    told = f"has 2 of the type {kind!r}: on the agenda, but not among the sessions"
    if "'" not in kind:
        assert [odd.what for odd in found.odd] == [told] * (item_type != "session")


@pytest.mark.parametrize(
    ("title", "status"),
    [
        ("CANCELLED: On queues", "cancelled"),
        ("[Canceled] On queues", "cancelled"),
        ("CANCELLED On queues", "cancelled"),
        ("Cancelled - On queues", "cancelled"),
        ("Cancelled", "cancelled"),
        ("*cancelled* On queues", "cancelled"),
        ("Cancelled flights: a data story", "scheduled"),
        ("CANCELLED FLIGHTS", "scheduled"),
        ("Cancelled-flight statistics", "scheduled"),
        ('"Cancelled" and other words', "scheduled"),
        ("Canceled by a bot, twice", "scheduled"),
        ("Cancelling jobs", "scheduled"),
        ("On queues (replaces cancelled talk)", "scheduled"),
    ],
)
def test_cancelled_is_told_by_the_title(title: str, status: str) -> None:
    assert read(frab({"id": 1, "title": title})).items[0].status == status


def test_open_event_reads_both_of_its_spellings() -> None:
    start, end = "2026-02-01T10:00:00+01:00", "2026-02-01T10:30:00+01:00"
    said = {
        "id": 1,
        "title": "On queues",
        "state": "accepted",
        "speakers": [{"id": 3, "name": "C"}],
    }
    older = tar(event={"name": "small"}, sessions=[{**said, "starts-at": start, "ends-at": end}])
    later = tar(event={"name": "small"}, sessions=[{**said, "start_time": start, "end_time": end}])
    assert read(older) == read(later)
    assert read(later).items[0] == AgendaItem(
        "small-1", "On queues", NINE, NINE + HALF, speaker_ids=("small-3",)
    )


PRETALX = AgendaItem(
    *("ABC123", "On queues", NINE, NINE + HALF, "Short.", "Hall", "Data", ("Data",)),
    status="confirmed",
    speaker_ids=("XYZ789",),
)
TALK = {"code": "ABC123", "title": "On queues", "abstract": "Short.", "state": "confirmed"}
SLOT = {"start": "2026-02-01T10:00:00+01:00", "end": "2026-02-01T10:30:00+01:00"}
BY = {"speakers": [{"code": "XYZ789", "name": "Speaker 3"}], "track": {"name": {"en": "Data"}}}


@pytest.mark.parametrize(
    "document",
    [
        {"results": [{**TALK, **BY, "slots": [{**SLOT, "room": {"name": {"en": "Hall"}}}]}]},
        {"results": [{**TALK, **BY, "slot": {**SLOT, "room": {"en": "Hall"}}}]},
        {"slots": [{**SLOT, "room": {"name": "Hall"}, "submission": {**TALK, **BY}}]},
        {
            "talks": [{**TALK, **SLOT, "speakers": ["XYZ789"], "room": 5, "track": 6}],
            "rooms": [{"id": 5, "name": {"en": "Hall"}}],
            "tracks": [{"id": 6, "name": {"en": "Data"}}],
            "speakers": [{"code": "XYZ789", "name": "Speaker 3"}],
        },
    ],
    ids=["submissions", "talks of older versions", "a schedule", "the widget"],
)
def test_pretalx_is_read_in_each_of_its_forms(document: object) -> None:
    found = read(msgspec.json.encode(document))
    assert (found.items, found.speakers) == ((PRETALX,), (Speaker("XYZ789", "Speaker 3"),))


def test_pretalx_one_page_of_several_is_refused() -> None:
    page = {"count": 90, "next": "https://example.org/?page=2", "results": [TALK]}
    with pytest.raises(Invalid, match="one page of several, of 90 in all"):
        read(msgspec.json.encode(page))


SESSION = {
    "id": "1",
    "title": "On queues",
    "description": "Short.",
    "startsAt": "2026-02-01T10:00:00",
    "endsAt": "2026-02-01T10:30:00",
}
PERSON = "0bd12f53-9d5b-4d1c-8a0e-111111111111"
DATA = {"name": "Topic", "categoryItems": [{"id": 8, "name": "Data"}]}
GROUPED = {
    **SESSION,
    "room": "Hall",
    "speakers": [{"id": PERSON, "name": "C"}],
    "categories": [DATA],
}


@pytest.mark.parametrize(
    "document",
    [
        {
            "sessions": [{**SESSION, "roomId": 5, "speakers": [PERSON], "categoryItems": [8]}],
            "speakers": [{"id": PERSON, "fullName": "C"}],
            "rooms": [{"id": 5, "name": "Hall"}],
            "categories": [{"id": 1, "items": [{"id": 8, "name": "Data"}]}],
        },
        [{"groupId": None, "sessions": [GROUPED]}],
        [{"date": "2026-02-01T00:00:00", "rooms": [{"id": 5, "sessions": [GROUPED]}]}],
    ],
    ids=["all", "sessions", "grid"],
)
def test_sessionize_is_read_in_each_of_its_views(document: object) -> None:
    found = read(msgspec.json.encode(document), timezone="Europe/Brussels")
    item = AgendaItem(*("sessionize-1", "On queues", NINE, NINE + HALF, "Short.", "Hall"))
    item = structs.replace(item, focus_areas=("Data",), speaker_ids=(PERSON,))
    assert (found.items, found.speakers) == ((item,), (Speaker(PERSON, "C"),))


def test_flat_list_says_what_is_what_in_its_own_way() -> None:
    times = {"Start Time": "2026-02-01T10:00:00+01:00", "ENDS_AT": "2026-02-01T10:30:00+01:00"}
    row = {"Name": "On queues", "Speakers": "C, D", "Topic": "Data", "Location": "Hall", **times}
    (item,) = read(msgspec.json.encode([row])).items
    assert (item.title, item.start_time, item.end_time) == ("On queues", NINE, NINE + HALF)
    assert (item.location, item.track) == ("Hall", "Data")
    assert item.speaker_ids == ("schedule-speaker-1", "schedule-speaker-2")


def zipped(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/schedule.xml", data)
    return made.getvalue()


@pytest.mark.parametrize("wrap", [gzip.compress, lzma.compress, zipped])
def test_what_is_wrapped_is_read_as_what_is_in_it(wrap: Any) -> None:
    assert read(wrap(xml(EVENT))) == read(xml(EVENT))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_xml_is_read_in_the_encoding_it_says(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    text = declared + xml(event("2026-02-01T10:00:00Z", title="Früh")).decode()
    assert read(text.encode(encoding)).items[0].title == "Früh"
