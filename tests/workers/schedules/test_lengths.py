"""Durations that can be read in two ways."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.schedules.files import event, frab, xml
from workers.schedules import Schedule, read

DAY = timedelta(days=1)


def at(hour: int, minute: int, duration: str, room: str = "Hall", day: int = 1) -> str:
    date = f"2026-02-0{day}T{hour:02}:{minute:02}:00+01:00"
    return event(date, duration=duration, room=room, title=f"{hour}:{minute} {room} {day}")


def lasting(found: Schedule) -> list[str]:
    return [str(item.end_time - item.start_time) for item in found.items]


def guessed(found: Schedule) -> list[str]:
    return [odd.what for odd in found.odd if "taken for" in odd.what]


@pytest.mark.parametrize(
    ("duration", "long"),
    [
        ("0:45:00", "0:45:00"),
        ("1:30:00", "1:30:00"),
        ("01:30:00", "1:30:00"),
        ("0:15:30", "0:15:30"),
        ("1:00:00", "1:00:00"),
        ("2:10:00", "2:10:00"),
        ("00:45", "0:45:00"),
        ("1:30", "1:30:00"),
        ("10:00", "10:00:00"),
        ("45:00", "0:45:00"),
        ("90:00", "1:30:00"),
        ("00:00", "0:00:00"),
        ("743:00", "30 days, 23:00:00"),
    ],
)
def test_duration_alone_is_what_can_be_true(duration: str, long: str) -> None:
    assert lasting(read(xml(at(10, 0, duration)))) == [long]
    assert lasting(read(frab({"id": 1, "duration": duration}))) == [long]


@pytest.mark.parametrize(
    ("duration", "what"),
    [
        ("45:00", "has the duration '45:00' once: taken for minutes and seconds"),
        ("1:00:00", "has the duration '1:00:00' once: taken for hours, minutes and seconds"),
    ],
)
def test_guess_is_told_and_what_can_only_be_meant_so_is_not(duration: str, what: str) -> None:
    assert guessed(read(xml(at(10, 0, duration)))) == [what]
    assert guessed(read(xml(at(10, 0, "1:30:00"), at(12, 0, "0:45:00")))) == []
    assert guessed(read(xml(at(10, 0, "01:00"), at(12, 0, "10:00")))) == []


def test_file_of_minutes_and_seconds_is_read_so_where_rooms_say_it() -> None:
    file = xml(at(10, 0, "20:00"), at(10, 30, "05:00"), at(10, 40, "10:00"), at(11, 0, "60:00"))
    found = read(file)
    assert lasting(found) == ["0:20:00", "0:05:00", "0:10:00", "1:00:00"]
    assert len(guessed(found)) == 4


def test_session_of_hours_stays_one_beside_others_at_once() -> None:
    """A long workshop with talks in the same room: it does happen that rooms are shared."""
    file = xml(at(10, 0, "05:00"), at(10, 30, "00:30"), at(11, 0, "01:00"), at(11, 30, "00:45"))
    assert lasting(read(file)) == ["5:00:00", "0:30:00", "1:00:00", "0:45:00"]


def test_most_of_a_day_into_the_next_sessions_of_the_room_are_minutes() -> None:
    file = xml(at(10, 0, "20:00"), at(10, 30, "00:30"), at(11, 0, "01:00"))
    assert lasting(read(file)) == ["0:20:00", "0:30:00", "1:00:00"]
    elsewhere = xml(at(10, 0, "20:00", "Lounge"), at(10, 30, "00:30"), at(11, 0, "01:00"))
    assert lasting(read(elsewhere))[0] == "20:00:00"


def test_days_of_pretalx_are_days_where_nothing_speaks_against_it() -> None:
    talks = [at(10, 0, "00:30", day=day) for day in (1, 2, 3)]
    exhibition = at(11, 0, "2:04:00", "Foyer")
    found = read(xml(*talks, exhibition))
    assert lasting(found)[1] == "2 days, 4:00:00"
    assert guessed(found) == ["has the duration '2:04:00' once: taken for days, hours and minutes"]
    met = read(xml(*talks, at(11, 0, "2:04:00")))
    assert lasting(met)[1] == "2:04:00"
    short = xml(talks[0], talks[1], exhibition)
    assert lasting(read(short))[1] == "2:04:00"
    with_a_third_day = short.replace(b"</schedule>", b'<day date="2026-02-03"/></schedule>')
    assert lasting(read(with_a_third_day))[1] == "2 days, 4:00:00"


MINUTES = st.integers(5, 300)


@given(st.lists(MINUTES, min_size=1, max_size=8), st.booleans())
def test_programme_without_overlaps_is_read_as_it_is_in_every_writing(
    minutes: list[int], gap: bool
) -> None:
    """Session after session in one room: H:MM, H:MM:SS and, from two on, MM:SS."""
    writings = [lambda m: f"{m // 60:02}:{m % 60:02}", lambda m: f"{m // 60}:{m % 60:02}:00"]
    if len(minutes) > 1:
        writings.append(lambda m: f"{m:02}:00")
    for number, write in enumerate(writings):
        begins, events = 0, []
        for m in minutes:
            events.append(at(begins // 60 % 24, begins % 60, write(m), day=1 + begins // 1440))
            begins += m + 5 * gap
        after = at(begins // 60 % 24, begins % 60, write(30), day=1 + begins // 1440)
        found = read(xml(*events, after))
        expected = [timedelta(minutes=m) for m in (*minutes, 30)]
        assert [i.end_time - i.start_time for i in found.items] == expected, number
