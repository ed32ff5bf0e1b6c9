"""Programmes as they are in the world, each with what is odd about it."""

import time
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from domain.agenda_items import AgendaItem
from domain.errors import Invalid
from tests.workers.schedules.files import REAL, of_revisions, read_real, real
from workers.schedules import Odd, Schedule, read

pytestmark = real
BRUSSELS = "Europe/Brussels"


# Its source, its zone; items, speakers, rooms, tracks, items without a speaker.
FILES = {
    "fosdem-2008.xml.gz": ("FOSDEM 2008", None, (258, 338, 19, 27, 0)),
    "31c3-2014.xml.gz": ("31c3", None, (138, 198, 4, 8, 0)),
    "fosdem-2020.xml.gz": ("FOSDEM 2020", None, (872, 841, 35, 71, 19)),
    "fosdem-2024.xml.gz": ("fosdem-2024", BRUSSELS, (874, 948, 29, 65, 5)),
    "camp2019.frab.json": ("Camp2019", "Europe/Berlin", (79, 90, 2, 7, 1)),
    "openevent-MozillaAllHands17.tar.gz": (
        *("Mozilla All Hands 2017", "US/Pacific"),
        (367, 59, 62, 15, 181),
    ),
    "openevent-FOSSASIASummit2018.tar.gz": (
        *("FOSSASIA Summit", "Asia/Singapore"),
        (234, 215, 18, 14, 0),
    ),
    "scale-20x-2023.json": ("schedule", None, (181, 176, 16, 20, 13)),
}


@pytest.mark.parametrize("name", FILES)
def test_real_schedule_is_read_whole_and_the_same_twice(name: str) -> None:
    found = read_real(name, BRUSSELS)
    assert (found.source, found.timezone, _counts(found)) == FILES[name]
    assert len({item.id for item in found.items}) == len(found.items)
    assert {one for item in found.items for one in item.speaker_ids} == _ids(found)
    assert read_real(name, BRUSSELS) == found


def test_fosdem_2024_is_read_in_much_less_than_a_second() -> None:
    data = (REAL / "fosdem-2024.xml.gz").read_bytes()
    took = []
    for _ in range(3):
        began = time.process_time()
        read(data)
        took.append(time.process_time() - began)
    assert min(took) < 0.8


def test_fosdem_2024_has_no_html_in_its_texts() -> None:
    found = read_real("fosdem-2024.xml.gz")
    assert [item.id for item in found.items if "<p>" in item.description] == []
    first = found.items[0]
    assert first.url.startswith("https://fosdem.org/")
    assert first.focus_areas == (first.track,)


def test_fosdem_2008_says_that_its_end_is_no_date_and_where() -> None:
    found = read_real("fosdem-2008.xml.gz", BRUSSELS)
    assert found.odd == (
        Odd(
            "line 9, column 5",
            "of the conference's end, '20008-02-24' is no date (as in 2026-01-31)",
        ),
        Odd("the file", "names no time zone: Europe/Brussels is taken"),
    )
    zeroth = _by_id(found)["fosdem-2008-0"]
    assert zeroth.start_time == datetime(2008, 2, 23, 14, 0, tzinfo=UTC)
    assert (zeroth.location, zeroth.track) == ("Janson", "Languages")


@pytest.mark.parametrize("name", ["fosdem-2008.xml.gz", "fosdem-2020.xml.gz"])
def test_schedule_of_local_times_is_refused_where_no_zone_is_known(name: str) -> None:
    with pytest.raises(Invalid, match=r"line \d+, column \d+: .* no time zone is named anywhere"):
        read_real(name)


def test_fosdem_2020_has_35_at_once_and_says_what_is_cancelled() -> None:
    found = read_real("fosdem-2020.xml.gz", BRUSSELS)
    edges = [(item.start_time, 1) for item in found.items]
    edges += [(item.end_time, -1) for item in found.items]
    running = most = 0
    for _, step in sorted(edges):
        running += step
        most = max(most, running)
    assert most == 35
    assert [item.title[:9] for item in found.items if item.status == "cancelled"] == 3 * [
        "CANCELLED"
    ]


def test_31c3_crosses_midnight_eleven_times_in_two_languages() -> None:
    found = read_real("31c3-2014.xml.gz")
    assert sum(_crosses_midnight(item, "Europe/Berlin") for item in found.items) == 11
    assert {item.language for item in found.items} == {"de", "en"}


def test_camp_2019_crosses_midnight_once() -> None:
    found = read_real("camp2019.frab.json")
    assert sum(_crosses_midnight(item, "Europe/Berlin") for item in found.items) == 1


def test_mozilla_keeps_overlaps_and_says_what_was_there_twice() -> None:
    found = read_real("openevent-MozillaAllHands17.tar.gz")
    assert found.odd == (
        Odd(
            "sessions.json $[32]",
            "'Firefox Add-Ons Engineering Homeroom' was there before: left out",
        ),
        Odd(
            "sessions.json $[80].end_time",
            "is not after its start: its type's length, 07.00, is taken",
        ),
        Odd(
            "sessions.json $[254].speakers[0]",
            "has an id, 'mozilla-all-hands-2017-17', that another name has too: "
            "taken for two people",
        ),
        Odd(
            "the file",
            "has 5 of the type 'Registration': on the agenda, but not among the sessions",
        ),
        Odd("the file", "has 8 of the type 'Meal': on the agenda, but not among the sessions"),
    )
    overlaps = [
        (one.id, other.id)
        for one in found.items
        for other in found.items
        if one.location == other.location
        and one.start_time <= other.start_time < one.end_time
        and (one.start_time, one.id) < (other.start_time, other.id)
    ]
    assert len(overlaps) == 58
    kinds = [item.item_type for item in found.items]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "session": 354,
        "meal": 8,
        "registration": 5,
    }


def test_fossasia_leaves_out_what_was_not_accepted_and_counts_it() -> None:
    found = read_real("openevent-FOSSASIASummit2018.tar.gz")
    assert {odd.what for odd in found.odd if odd.where == "the file"} == {
        "has 131 sessions that are 'rejected': left out",
        "has 4 sessions that are 'pending': left out",
        "has 2 sessions that are 'draft': left out",
    }
    assert [item.title for item in found.items if item.end_time <= item.start_time] == []
    assert sum(not item.location for item in found.items) == 1


def test_scale_decides_by_instants_when_its_clocks_change() -> None:
    found = read_real("scale-20x-2023.json")
    zone = ZoneInfo("America/Los_Angeles")
    local = [item.start_time.astimezone(zone) for item in found.items]
    offsets = {(at.day, at.isoformat()[-6:]) for at in local}
    assert offsets == {(9, "-08:00"), (10, "-08:00"), (11, "-08:00"), (12, "-07:00")}
    assert {at.hour for at in local if at.day == 12} <= set(range(9, 18))


def test_revisions_of_fosdem_2025_differ_as_they_did() -> None:
    revisions = [read(data, name) for name, data in of_revisions().items()]
    assert [len(found.items) for found in revisions] == [904, 1085, 1102, 1104, 1105]
    assert {found.source for found in revisions} == {"fosdem-2025"}
    steps = [_difference(old, new) for old, new in pairwise(revisions)]
    assert steps == [(197, 16, 36), (39, 22, 73), (6, 4, 4), (1, 0, 0)]


def test_archive_of_several_schedules_is_refused_with_their_names() -> None:
    with pytest.raises(Invalid, match="holds 5 files, of which one is wanted: '2024-12-22"):
        read_real("fosdem-2025-revisions.tar.xz")


def _counts(found: Schedule) -> tuple[int, ...]:
    rooms = {item.location for item in found.items}
    tracks = {item.track for item in found.items}
    alone = sum(not item.speaker_ids for item in found.items)
    return len(found.items), len(found.speakers), len(rooms), len(tracks), alone


def _ids(found: Schedule) -> set[str]:
    return {speaker.id for speaker in found.speakers}


def _by_id(found: Schedule) -> dict[str, AgendaItem]:
    return {item.id: item for item in found.items}


def _crosses_midnight(item: AgendaItem, zone: str) -> bool:
    start, end = (at.astimezone(ZoneInfo(zone)) for at in (item.start_time, item.end_time))
    return start.date() != end.date()


def _difference(old: Schedule, new: Schedule) -> tuple[int, int, int]:
    """Added, removed, and moved: in time, length or room."""
    before, after = _by_id(old), _by_id(new)
    moved = sum(_place(before[id_]) != _place(after[id_]) for id_ in before.keys() & after.keys())
    return len(after.keys() - before.keys()), len(before.keys() - after.keys()), moved


def _place(item: AgendaItem) -> tuple[datetime, datetime, str]:
    return item.start_time, item.end_time, item.location
