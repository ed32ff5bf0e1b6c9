"""The agenda as iCalendar, read back by another's parser."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from api.formats.ical import OCTETS, calendar, folded
from api.http.fields import ZONES
from projections.sessions.questions import Programme
from projections.sessions.rows import Agenda, Item, Speaker

AT = datetime(2026, 1, 1, 12, 30, 45, tzinfo=UTC)
SOME_ZONES = [
    *("Europe/Brussels", "Europe/Dublin", "America/New_York", "America/St_Johns", "UTC"),
    *("Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kathmandu", "Africa/Casablanca"),
    *("Pacific/Apia", "Pacific/Kiritimati", "America/Caracas", "Africa/Monrovia", "Asia/Gaza"),
]
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n,;\\:\"'")) | (
    st.sampled_from(["a\\nb", "a\\;b\\", "END:VEVENT\nBEGIN:VALARM", "🎉" * 60, "x" * 200, "\\\\n"])
)


def item(item_id: str = "s1", start: datetime = AT, end: datetime = AT, **more: Any) -> Item:
    facts: Any = {
        "title": "A talk",
        **dict.fromkeys(("description", "location", "track", "url", "language"), ""),
        **dict.fromkeys(("focus_areas", "speaker_ids"), ()),
        "item_type": "session",
        "status": "scheduled",
        "sequence": 0,
        "updated_at": AT,
    }
    return Item("evt_1", item_id, start_time=start, end_time=end, **facts | more)


def of(*items: Item, zone: str = "Europe/Brussels", name: str = "A conference") -> bytes:
    names = {"p1": "Ada", "p2": "Ben, Jr."}
    speakers = {id_: Speaker("evt_1", id_, called, ()) for id_, called in names.items()}
    return calendar(Programme(Agenda("evt_1", "A conference", zone), list(items), speakers), name)


def events(data: bytes) -> list[Any]:
    parsed = Calendar.from_ical(data)
    assert [error for component in parsed.walk() for error in component.errors] == []
    return list(parsed.events)


# Times
@st.composite
def moments(draw: Any) -> tuple[str, datetime]:
    """Any; or a few seconds or hours from where the clocks change."""
    zone = draw(st.sampled_from(SOME_ZONES) | st.sampled_from(sorted(ZONES)))
    year = draw(st.sampled_from([2011, 2026, 2027]) | st.integers(1971, 2098))
    changes = _changes(year, ZoneInfo(zone))
    if changes and draw(st.integers(0, 3)):
        near = draw(
            st.sampled_from([-86_400, -7_200, -3_600, -1_800, -1, 0, 1, 1_800, 3_600, 7_199])
        )
        return zone, draw(st.sampled_from(changes)) + timedelta(seconds=near)
    return zone, datetime(year, 1, 1, tzinfo=UTC) + timedelta(
        seconds=draw(st.integers(0, 31_536_000))
    )


def _changes(year: int, zone: ZoneInfo) -> list[datetime]:
    """To the quarter of an hour, looked for in another way than the calendar's own."""
    quarter, at = timedelta(minutes=15), datetime(year, 1, 1, tzinfo=UTC)
    days = (at + timedelta(days=n) for n in range(365))
    found = []
    for day in days:
        if _offset(day, zone) != _offset(day + timedelta(days=1), zone):
            steps = [day + n * quarter for n in range(1, 97)]
            found += [s for s in steps if _offset(s, zone) != _offset(s - quarter, zone)]
    return found


def _offset(at: datetime, zone: ZoneInfo) -> Any:
    return at.astimezone(zone).utcoffset()


def instant(field: Any, named: Any) -> datetime:
    """By the rules that stand in the calendar, not by those that this machine knows."""
    if "TZID" not in field.params:
        assert field.dt.tzinfo is not None
        return field.dt.astimezone(UTC)
    return field.dt.replace(tzinfo=named.get(field.params["TZID"]), fold=0).astimezone(UTC)


@settings(max_examples=300)
@given(st.lists(moments(), min_size=1, max_size=4), st.integers(0, 86_400 * 31))
def test_instants_read_back_are_those_that_were_written(
    drawn: list[tuple[str, datetime]], seconds: int
) -> None:
    zone = drawn[0][0]
    starts = [at.replace(microsecond=0) for _, at in drawn]
    items = [item(f"s{i}", at, at + timedelta(seconds=seconds)) for i, at in enumerate(starts)]
    data = of(*items, zone=zone)
    named = tzical(_file(data))
    read = {str(e["UID"]): e for e in events(data)}
    for one in items:
        event = read[f"{one.item_id}@evt_1"]
        assert event["DTSTART"].dt.astimezone(UTC) == one.start_time
        assert instant(event["DTSTART"], named) == one.start_time
        if seconds:
            assert event["DTEND"].dt.astimezone(UTC) == one.end_time
            assert instant(event["DTEND"], named) == one.end_time
        else:
            assert "DTEND" not in event


def _file(data: bytes) -> Any:
    """That reader wants its lines whole, and knows offsets in whole minutes only."""
    import io

    return io.StringIO(data.decode().replace("\r\n ", ""))


def test_time_that_comes_twice_is_written_so_that_it_is_clear() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    items = [item(f"s{n}", first + timedelta(hours=n), first + timedelta(hours=n)) for n in (0, 1)]
    lines = of(*items).decode().split("\r\n")
    assert [line for line in lines if line.startswith("DTSTART") and "2026" in line][-2:] == [
        "DTSTART;TZID=Europe/Brussels:20261025T023000",
        "DTSTART:20261025T013000Z",
    ]


def test_zone_says_when_its_clocks_change() -> None:
    (zone,) = Calendar.from_ical(of(item())).timezones
    assert [
        (type(o).__name__, o["DTSTART"].dt, o["TZOFFSETTO"].td) for o in zone.subcomponents
    ] == [
        ("TimezoneStandard", datetime(2026, 1, 1), timedelta(hours=1)),  # noqa: DTZ001
        ("TimezoneDaylight", datetime(2026, 3, 29, 2), timedelta(hours=2)),  # noqa: DTZ001
        ("TimezoneStandard", datetime(2026, 10, 25, 3), timedelta(hours=1)),  # noqa: DTZ001
    ]


@pytest.mark.parametrize("year", [1, 9999])
def test_edge_of_the_calendar_is_written_in_utc(year: int) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC)
    (event,) = events(of(item(start=at, end=at)))
    assert event["DTSTART"].dt == at


# Texts
@given(TEXTS, TEXTS, TEXTS, st.lists(TEXTS.filter(bool), max_size=3, unique=True))
def test_texts_read_back_are_those_that_were_written(
    title: str, description: str, location: str, areas: list[str]
) -> None:
    said = {"title": title, "description": description, "location": location}
    (event,) = events(of(item(**said, focus_areas=tuple(areas)), name=title))
    assert str(event["SUMMARY"]) == title
    assert str(event.get("DESCRIPTION", "")) == description
    assert str(event.get("LOCATION", "")) == location
    found = event.get("CATEGORIES")
    assert [str(area) for area in (found.cats if found else [])] == areas


@given(TEXTS, TEXTS)
def test_lines_are_short_and_end_within_no_character(title: str, name: str) -> None:
    data = of(item(title=title), name=name)
    lines = data.split(b"\r\n")
    assert lines.pop() == b""
    assert max(map(len, lines)) <= OCTETS
    for line in lines:
        line.decode()
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert (
        folded(title.replace("\n", "")).replace(b"\r\n ", b"")
        == title.replace("\n", "").encode() + b"\r\n"
    )


# Slots
def test_event_says_what_calendars_go_by() -> None:
    (event,) = events(
        of(
            item(
                sequence=3, url="https://example.org/?a=b;c", track="Main", speaker_ids=("p1", "p2")
            )
        )
    )
    assert {name: event[name].to_ical().decode() for name in event} == {
        "UID": "s1@evt_1",
        "DTSTAMP": "20260101T123045Z",
        "LAST-MODIFIED": "20260101T123045Z",
        "SEQUENCE": "3",
        "STATUS": "CONFIRMED",
        "DTSTART": "20260101T133045",
        "SUMMARY": "A talk",
        "DESCRIPTION": "Ada\\, Ben\\, Jr.",
        "URL": "https://example.org/?a=b;c",
        "CATEGORIES": "Main",
    }


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("scheduled", "CONFIRMED"),
        ("confirmed", "CONFIRMED"),
        ("tentative", "TENTATIVE"),
        ("cancelled", "CANCELLED"),
    ],
)
def test_status_is_one_that_calendars_know(status: str, said: str) -> None:
    (event,) = events(of(item(status=status)))
    assert event["STATUS"] == said


def test_calendar_without_an_event_is_one() -> None:
    parsed = Calendar.from_ical(of())
    assert (list(parsed.events), str(parsed["NAME"])) == ([], "A conference")
    assert of() == of()
