"""An agenda out as schedule.json, and in again: nothing of it is lost, nothing changes."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from api.formats.frab import schedule_file
from api.sessions import ItemBody
from domain.agenda import STATUSES, Speaker
from domain.agenda_items import AgendaItem
from projections.sessions import rows as sessions
from projections.sessions.questions import Programme
from tests.workers.schedules.files import REAL, frab, of_revisions, read_real, real
from workers.schedules import Schedule, read

AT = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = [
    *("Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"),
    *("Africa/Casablanca", "Pacific/Apia", "Pacific/Kiritimati", "Africa/Monrovia"),
]
TEXTS = st.sampled_from(["", "Hall", "1 < 2 &amp; more", "<p>a</p>\n\n\n b", "Zoë 🎉", "a\r\n  b"])
TEXTS |= st.text(max_size=30)
FEW_TIMES = st.sampled_from(
    ["2026-03-29T00:59:59Z", "2026-10-25T00:30:00Z", "2026-01-31T23:00:00Z"]
)
TIMES = FEW_TIMES | st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(9999, 10, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(datetime.isoformat)
LENGTHS = st.sampled_from(["00:30", "01:00", "23:59", "00:00", "0:15:30", "743:00"])
PEOPLE = st.fixed_dictionaries(
    {"public_name": TEXTS, "focus_areas": st.lists(TEXTS, max_size=2) | st.just(7)},
    optional={"id": st.integers(1, 9), "guid": TEXTS, "email": st.just("ada@example.org")},
)
EVENTS = st.fixed_dictionaries(
    {"date": TIMES, "duration": LENGTHS, "title": TEXTS},
    optional={
        "guid": st.sampled_from(["a", "b", "a.2", "with space"]),
        "id": st.integers(0, 3),
        **dict.fromkeys(("room", "subtitle", "abstract", "description", "track"), TEXTS),
        "type": TEXTS | st.sampled_from(["lunch", "Meal: Dinner"]),
        "language": TEXTS,
        "url": st.sampled_from(["https://example.org/a?b=c&d", "javascript:x"]),
        "status": st.sampled_from(STATUSES) | TEXTS,
        "persons": st.lists(PEOPLE, max_size=3),
        "focus_areas": st.lists(TEXTS, max_size=3) | st.none(),
    },
)


def programme(items: Any, speakers: Any, zone: str) -> Programme:
    """The programme as an import leaves it."""
    rows = [
        sessions.Item(
            "evt_1", item.id, 0, AT, **{k: v for k, v in asdict(item).items() if k != "id"}
        )
        for item in items
    ]
    people = {
        s.id: sessions.Speaker("evt_1", s.id, s.name, s.focus_areas, s.email) for s in speakers
    }
    return Programme(sessions.Agenda("evt_1", "A conference", zone), rows, people)


def again(found: Schedule, zone: str) -> Schedule:
    file = schedule_file(programme(found.items, found.speakers, zone), emails=True)
    return read(msgspec.json.encode(file))


def same(one: Schedule, other: Schedule) -> bool:
    """Also for what is only in the order of what starts at once in one place."""
    items = {item.id: item for item in one.items} == {item.id: item for item in other.items}
    return items and one.speakers == other.speakers


@settings(max_examples=300)
@given(st.lists(EVENTS, min_size=1, max_size=6), st.sampled_from(ZONES))
def test_what_was_imported_goes_out_and_in_again_unchanged(
    events: list[dict[str, object]], zone: str
) -> None:
    found = read(frab(*events, time_zone_name=zone))
    out = again(found, zone)
    assert same(out, found)
    assert (out.source, out.timezone, out.odd, out.slots) == ("evt_1", zone, (), {})


BODIES = st.builds(
    lambda title, start, seconds, **more: {
        "title": title.replace("\x00", "") or "x",
        "start_time": start,
        "end_time": (datetime.fromisoformat(start) + timedelta(seconds=seconds)).isoformat(),
        **more,
    },
    st.sampled_from(["A", "Zoë 🎉", " x\n y"]),
    TIMES,
    st.sampled_from([0, 1, 0.5, 1800, 86_400 * 31, 86_400 * 31 + 60]),
    description=st.sampled_from(["", "1 < 2", "<b>a</b>\n\n\nb &amp; c"]),
    status=st.sampled_from(STATUSES),
    location=st.sampled_from(["", "K.1", "\n"]),
)


@given(st.lists(BODIES, min_size=1, max_size=4), st.sampled_from(ZONES))
def test_what_was_put_by_hand_goes_out_and_is_found_again(
    bodies: list[dict[str, Any]], zone: str
) -> None:
    """Its texts may be tidied by an import, which leaves such items alone."""
    put = [
        AgendaItem(id=f"s{i}", **asdict(msgspec.convert(body, ItemBody)))
        for i, body in enumerate(bodies)
    ]
    out = read(msgspec.json.encode(schedule_file(programme(put, (), zone), emails=True)))
    slots = {item.id: (item.start_time, item.end_time, item.status) for item in out.items}
    assert slots == {item.id: (item.start_time, item.end_time, item.status) for item in put}


def test_days_are_those_of_the_zone_and_rooms_are_in_their_order() -> None:
    late, half = datetime(2026, 2, 1, 22, 45, tzinfo=UTC), timedelta(minutes=30)
    items = [
        AgendaItem("c", "C", late + half, late + half),
        AgendaItem("a", "A", late, late + half, location="K.1"),
        AgendaItem("b", "B", late, late + half, location="A"),
    ]
    file = schedule_file(programme(items, (), "Europe/Brussels"), emails=True)
    days = file.schedule.conference.days
    assert [(day.index, day.date) for day in days] == [
        (1, date(2026, 2, 1)),
        (2, date(2026, 2, 2)),
    ]
    assert [[(room, [e.guid for e in of]) for room, of in day.rooms.items()] for day in days] == [
        [("A", ["b"]), ("K.1", ["a"])],
        [("", ["c"])],
    ]
    assert days[0].day_start == late.astimezone(ZoneInfo("Europe/Brussels"))


# What https://c3voc.de/schedule/schema.json requires, by the object that has it.
REQUIRED = {
    "schedule": "version base_url conference",
    "conference": "title acronym days daysCount start end timeslot_duration",
    "day": "date day_end day_start index rooms",
    "event": "abstract date duration guid id language links persons room slug start subtitle title "
    "track type url",
    "person": "public_name id",
}


@given(st.lists(EVENTS, max_size=4), st.sampled_from(ZONES))
def test_every_key_that_the_schema_of_the_form_requires_is_there(
    events: list[dict[str, object]], zone: str
) -> None:
    found = read(frab(*events, time_zone_name=zone)) if events else None
    of = programme(found.items, found.speakers, zone) if found else programme((), (), zone)
    file = msgspec.json.decode(
        msgspec.json.encode(schedule_file(of, emails=False, base_url="https://example.org/"))
    )
    schedule = file["schedule"]
    conference = schedule["conference"]
    days = conference["days"]
    said = [event for day in days for room in day["rooms"].values() for event in room]
    people = [person for event in said for person in event["persons"]]
    objects = {
        "schedule": [schedule],
        "conference": [conference],
        "day": days,
        "event": said,
        "person": people,
    }
    for name, required in REQUIRED.items():
        for one in objects[name]:
            assert one.keys() >= set(required.split()), name
            assert None not in one.values()
    assert [e["slug"] for e in said if not re.fullmatch("[a-z0-9_-]+[a-z0-9]", e["slug"])] == []
    assert [number for number in (one["id"] for one in (*said, *people)) if number < 1] == []
    assert file["$schema"].endswith("/schema.json")
    date.fromisoformat(conference["start"])


@given(st.lists(EVENTS, min_size=1, max_size=6), st.sampled_from(ZONES))
def test_day_ends_after_the_last_of_its_sessions(
    events: list[dict[str, object]], zone: str
) -> None:
    found = read(frab(*events, time_zone_name=zone))
    ends = {item.id: item.end_time for item in found.items}
    of = programme(found.items, found.speakers, zone)
    for day in schedule_file(of, emails=False).schedule.conference.days:
        said = [event for room in day.rooms.values() for event in room]
        assert day.day_start.astimezone(UTC) == min(e.date.astimezone(UTC) for e in said)
        assert day.day_end.astimezone(UTC) == max(ends[event.guid] for event in said)


def test_address_of_a_speaker_is_only_there_when_it_is_asked_for() -> None:
    item = AgendaItem("a", "A", AT, AT, speaker_ids=("p1",))
    of = programme([item], [Speaker("p1", "Ada", "ada@example.org")], "UTC")
    said = [msgspec.json.encode(schedule_file(of, emails=emails)) for emails in (True, False)]
    assert [b"ada@example.org" in file for file in said] == [True, False]


FILES = sorted(path.name for path in REAL.glob("*")) if REAL.is_dir() else []


@real
@pytest.mark.parametrize("name", [name for name in FILES if "revisions" not in name])
def test_real_schedule_goes_out_and_in_again_unchanged(name: str) -> None:
    zone = "Europe/Brussels"
    found = read_real(name, zone)
    assert same(again(found, found.timezone or zone), found)


@real
def test_every_revision_of_fosdem_2025_goes_out_and_in_again_unchanged() -> None:
    for file in of_revisions().values():
        found = read(file)
        assert same(again(found, "Europe/Brussels"), found)
