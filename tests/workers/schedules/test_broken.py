"""Files that are broken, hostile or in doubt: refused with the place and the reason, or read with
a remark; never in long, and never with anything from outside."""

import gzip
import io
import tarfile
import time
from datetime import UTC, datetime

import msgspec
import pytest

from domain.errors import Invalid
from tests.workers.schedules.files import EVENT, event, frab, tar, xml
from workers.schedules import Odd, read
from workers.schedules.archives import BYTES
from workers.schedules.draft import ITEMS
from workers.schedules.text import has_control

BERLIN = "Europe/Berlin"
REFERENCE = "&e{};"
BOMB = "".join(f"<!ENTITY e{i} '{10 * REFERENCE.format(i - 1)}'>" for i in range(1, 20))


def refused(data: bytes, timezone: str | None = None) -> tuple[str, str]:
    """Where, and why."""
    with pytest.raises(Invalid) as caught:
        read(data, timezone=timezone)
    (error,) = caught.value.errors
    return error


def doctype(declared: str, title: str = "&e9;") -> bytes:
    return f"<!DOCTYPE schedule {declared}>\n".encode() + xml(event("2026-02-01", title=title))


@pytest.mark.parametrize(
    "declared",
    [
        f'[<!ENTITY e0 "ha">{BOMB}]',
        '[<!ENTITY e9 SYSTEM "file:///etc/hostname">]',
        '[<!ENTITY e9 SYSTEM "http://127.0.0.1:9/">]',
        '[<!ENTITY % e9 SYSTEM "http://127.0.0.1:9/"> %e9;]',
    ],
    ids=["bomb", "a file", "an address", "a parameter"],
)
def test_entity_is_refused_where_it_is_declared(declared: str) -> None:
    where, why = refused(doctype(declared))
    assert where.startswith("line 1, column ")
    assert why == "declares an entity: that is refused"


def test_entity_of_a_doctype_elsewhere_is_refused() -> None:
    _, why = refused(doctype('SYSTEM "http://127.0.0.1:9/schedule.dtd"'))
    assert why == "names an entity that is not declared: that is refused"


def test_default_of_an_attribute_is_refused_as_every_element_would_have_it() -> None:
    declared = doctype("[<!ATTLIST event more CDATA 'x'>]", "On queues")
    assert refused(declared) == (
        "line 1, column 48",
        "gives an attribute a default: that is refused",
    )
    plain = doctype("[<!ATTLIST event guid CDATA #IMPLIED>]", "On queues")
    assert len(read(plain, timezone=BERLIN).items) == 1


def test_doctype_alone_does_no_harm() -> None:
    assert len(read(doctype('SYSTEM "schedule.dtd"', "On queues"), timezone=BERLIN).items) == 1


@pytest.mark.parametrize("length", range(1, len(xml(EVENT)) - 1, 7))
def test_xml_cut_off_anywhere_is_refused_with_its_line(length: int) -> None:
    where, why = refused(xml(EVENT)[:length])
    assert where.startswith("line ")
    assert why.startswith("is no XML: ")


@pytest.mark.parametrize("length", range(1, len(frab({"id": 1})), 5))
def test_json_cut_off_anywhere_is_refused_with_its_column(length: int) -> None:
    where, why = refused(frab({"id": 1})[:length])
    assert (where, why) == (f"line 1, column {length + 1}", "is no JSON: Input data was truncated")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"hello", "is neither XML nor JSON"),
        (b"%PDF-1.7", "is neither XML nor JSON"),
    ],
)
def test_file_that_can_be_no_schedule_is_not_taken_for_broken_json(data: bytes, why: str) -> None:
    assert refused(data) == ("the file", why)


def test_json_that_is_wrong_is_refused_with_its_line() -> None:
    assert refused(b'{"schedule":\n  {"conference": oops}}') == (
        "line 2, column 18",
        "is no JSON: JSON is malformed: invalid character",
    )


@pytest.mark.parametrize("data", [xml(event(title="Fr?h")), frab({"id": 1, "title": "Fr?h"})])
def test_wrong_encoding_is_refused_where_it_begins(data: bytes) -> None:
    data = data.replace(b"?", b"\xfc")
    before = data[: data.index(b"\xfc")].splitlines()
    place = f"line {len(before)}, column {len(before[-1]) + 1}"
    assert refused(data, BERLIN)[0] == place


@pytest.mark.parametrize("encoding", ["utf-7", "shift_jis", "no-such", "utf-32", "idna"])
def test_encoding_that_is_not_known_is_refused(encoding: str) -> None:
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    assert refused(declared + xml(EVENT))[0].startswith("line 1, column ")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"date": "2026-02-30T10:00:00+01:00"}, "is no date and time"),
        ({"date": "20008-02-24T10:00:00Z"}, "is no date and time"),
        ({"date": "0001-01-01T00:00:00+14:00"}, "is outside the years 1 to 9999"),
        ({"date": "", "start": "25:00"}, "is no time of day"),
        ({"date": "", "start": "tea time"}, "is no time of day"),
        ({"duration": "999999999999:00"}, "is no length"),
        ({"duration": "999:00"}, "is longer than 31 days"),
        ({"duration": "half an hour"}, "is no length"),
        ({"date": "9999-12-31T23:50:00Z", "duration": "00:30"}, "ends after the year 9999"),
    ],
)
def test_times_and_lengths_that_are_none_are_refused_in_xml_and_json(
    said: dict[str, str], why: str
) -> None:
    said = {"date": "2026-02-01T10:00:00+01:00", **said}
    where, reason = refused(xml(event(**said)), BERLIN)
    assert where.startswith("line 2, column ")
    assert why in reason
    where, reason = refused(frab({"id": 1, **said}), BERLIN)
    assert where.startswith("$.schedule.conference.days[0].rooms['Hall'][0]")
    assert why in reason


@pytest.mark.parametrize("number", ["1" * 5000, "1e999", "-" + "9" * 400])
def test_huge_number_is_an_id_or_refused(number: str) -> None:
    data = frab({"id": 1}).replace(b'"id":1', b'"id":' + number.encode())
    try:
        (item,) = read(data).items
        assert len(item.id) <= 128
    except Invalid as error:
        assert error.errors[0][0].startswith("$")  # noqa: PT017 - both are right


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"schedule":' * 100_000, b"<schedule>" * 60])
def test_what_is_nested_too_deeply_is_refused(deep: bytes) -> None:
    assert "nested" in refused(deep)[1]


def test_naive_time_that_does_not_exist_is_taken_an_hour_later_with_a_remark() -> None:
    data = xml(event("2026-03-29T02:30:00", id="1"))
    found = read(data, timezone=BERLIN)
    assert found.items[0].start_time == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    what = "2026-03-29 02:30:00 does not exist in Europe/Berlin: 2026-03-29 03:30:00 is taken"
    assert found.odd[-1].what == what


def test_naive_time_that_comes_twice_is_taken_the_first_time_with_a_remark() -> None:
    found = read(xml(event("2026-10-25T02:30:00", id="1")), timezone=BERLIN)
    assert found.items[0].start_time == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    what = "2026-10-25 02:30:00 comes twice in Europe/Berlin: the first is taken"
    assert found.odd[-1].what == what


def test_length_is_of_real_time_when_the_clocks_change() -> None:
    (item,) = read(xml(event("2026-03-29T01:30:00", duration="02:00")), timezone=BERLIN).items
    assert item.end_time == datetime(2026, 3, 29, 2, 30, tzinfo=UTC)


def test_zone_of_the_file_comes_before_the_one_given() -> None:
    conference = "<title>small</title><time_zone_name>Asia/Tokyo</time_zone_name>"
    found = read(xml(event(), conference=conference), timezone=BERLIN)
    assert found.timezone == "Asia/Tokyo"
    assert found.items[0].start_time == datetime(2026, 2, 1, 1, 0, tzinfo=UTC)


def test_zone_that_is_none_gives_way_to_the_one_given_with_a_remark() -> None:
    conference = "<title>small</title><time_zone_name>../../etc/passwd</time_zone_name>"
    found = read(xml(event(), conference=conference), timezone=BERLIN)
    assert (found.timezone, found.items[0].start_time.hour) == (None, 9)
    assert found.odd[0].what == "'../../etc/passwd' is not the name of an IANA time zone"


def test_zone_given_must_be_one() -> None:
    with pytest.raises(Invalid, match="timezone: is not the name of an IANA time zone"):
        read(xml(EVENT), timezone="Mars/Olympus")


def test_texts_lose_control_characters_and_what_is_too_much_with_remarks() -> None:
    at = "$.schedule.conference.days[0].rooms['Hall'][0]"
    found = read(frab({"id": 1, "title": "a\x00b" + "c" * 300, "abstract": "d\x1b[0m\ne" * 9000}))
    assert found.items[0].title == "ab" + "c" * 197 + "…"
    assert len(found.items[0].description) == 20_000
    assert found.odd == (
        Odd(at, "the title has control characters: taken out"),
        Odd(at, "the title is longer than 200 characters: cut"),
        Odd(at, "the description has control characters: taken out"),
        Odd(at, "the description is longer than 20000 characters: cut"),
    )


ESCAPE = "\x1b[7m"


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as into:
        for name in names:
            into.addfile(tarfile.TarInfo(name))
    return made.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        archive(f"{ESCAPE}a", "b"),
        archive(f"{ESCAPE}a", f"{ESCAPE}a"),
        msgspec.json.encode({"results": [], "next": "more", "count": ESCAPE}),
    ],
    ids=["names", "a name twice", "pages"],
)
def test_refusal_cannot_reach_for_the_terminal(data: bytes) -> None:
    assert not has_control("".join(refused(data)))


@pytest.mark.parametrize(
    "data",
    [
        tar(sessions=[{"id": 1, "state": ESCAPE}, {"id": 2, "start_time": "2026-02-01T10:00Z"}]),
        msgspec.json.encode(
            {"talks": [{"state": ESCAPE}, {"code": "ABCDEF", "start": "2026-02-01T10:00Z"}]}
        ),
    ],
    ids=["Open Event", "pretalx"],
)
def test_remark_cannot_reach_for_the_terminal(data: bytes) -> None:
    (one,) = (one.what for one in read(data).odd if "left out" in one.what)
    assert r"'\x1b[7m'" in one


@pytest.mark.parametrize(
    "data",
    [
        b'[{"title":"a","start":"2026-02-01","end":"2026-02-01T01:00"}]',
        msgspec.json.encode({"slots": [{"start": "2026-02-01", "submission": "ABCDEF"}]}),
        tar(sessions=[{"id": 1, "start_time": "2026-02-01"}]),
    ],
    ids=["a list", "pretalx", "Open Event"],
)
def test_date_alone_is_taken_for_its_midnight_with_a_remark(data: bytes) -> None:
    found = read(data, timezone=BERLIN)
    assert found.items[0].start_time == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert [one.what for one in found.odd].count("'2026-02-01' has no time: midnight is taken") == 1


@pytest.mark.parametrize("url", ["javascript:alert(1)", "../slides.pdf", "https://a b", "h" * 3000])
def test_address_that_no_browser_should_open_is_dropped(url: str) -> None:
    assert read(frab({"id": 1, "url": url})).items[0].url == ""


def test_session_that_ends_before_it_starts_has_no_length_and_a_remark() -> None:
    row = b'[{"title": "a", "start": "2026-02-01T10:00Z", "end": "2026-02-01T09:00Z"}]'
    found = read(row)
    assert found.items[0].end_time == found.items[0].start_time
    assert found.odd == (Odd("$[0]", "'a' ends before it starts"),)


@pytest.mark.parametrize(
    "empty", [xml(), b"<schedule/>", frab(), b"[]", b'{"results": []}', tar(sessions=[])]
)
def test_schedule_without_a_session_is_refused_as_it_would_cancel_all(empty: bytes) -> None:
    assert refused(empty)[1] == "holds no session that takes place"


def test_more_sessions_than_anyone_has_are_refused() -> None:
    row = event("2026-02-01T10:00:00Z")
    assert refused(xml(*[row] * (ITEMS + 1)))[1] == f"is one session more than {ITEMS}"


@pytest.mark.parametrize(
    "listed",
    [
        "{}," * (4 << 20) + "{}",
        "[]," * (4 << 20) + "[]",
        ",".join(['{"title": "a", "start": "2026-02-01T10:00Z"}'] * 250_000),
        '{"title": "a", "start": "2026-02-01T10:00Z", "speakers": [%s]}'
        % ('"b",' * 3_000_000 + '"b"'),
    ],
    ids=["objects", "lists", "the same session", "the same speaker"],
)
def test_more_of_anything_than_anyone_has_is_refused_soon(listed: str) -> None:
    """In the processor's own time: looking at each would take minutes of it."""
    data = f"[{listed}]".encode()
    began = time.thread_time()
    assert "more than" in refused(data)[1]
    assert time.thread_time() - began < 5


def test_focus_areas_beyond_any_number_are_not_looked_at() -> None:
    data = b'[{"title": "a", "start": "2026-02-01T10:00Z", "tags": [%s"b"]}]' % (
        b'"a",' * 3_000_000
    )
    began = time.thread_time()
    assert read(data).items[0].focus_areas == ("a",)
    assert time.thread_time() - began < 3


def test_remarks_are_as_many_as_a_person_reads() -> None:
    odd = read(frab(*({"id": i, "duration": None} for i in range(600)))).odd
    assert len(odd) == 501
    assert odd[-1] == Odd("the file", "has 100 odd things more")


def test_remark_names_a_room_however_long_in_short() -> None:
    days = [{"rooms": {"R" * 100_000: [{"id": 1, "start": "10:00", "date": "2026-02-01"}]}}]
    odd = read(frab(days=days), timezone=BERLIN).odd
    assert len(odd) > 1
    assert max(len(one.where) for one in odd) < 200


@pytest.mark.parametrize(
    "data", [b"", b"BEGIN:VCALENDAR", b"<html><body>", b"<", b'"text"', b"null", b"{}", b"\x1f\x8b"]
)
def test_what_is_no_schedule_is_refused(data: bytes) -> None:
    assert refused(data)[1]


def test_file_that_unpacks_to_too_much_is_refused() -> None:
    bomb = gzip.compress(b" " * (BYTES + 1))
    assert refused(bomb) == ("the file", "is larger than 16 MB, once unpacked")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name in ("sessions.json", "speakers.json"):
            member = tarfile.TarInfo(name)
            member.size = BYTES // 2 + 1
            archive.addfile(member, io.BytesIO(b" " * member.size))
    assert refused(made.getvalue()) == ("the file", "is larger than 16 MB, once unpacked")


def test_file_wrapped_in_itself_for_ever_is_refused() -> None:
    data = xml(EVENT)
    for _ in range(3):
        data = gzip.compress(data)
    assert len(read(data).items) == 1
    assert refused(gzip.compress(data)) == ("the file", "is wrapped more than 3 times")


def test_name_of_the_file_is_in_front_of_what_is_said() -> None:
    with pytest.raises(Invalid, match=r"^small\.xml: line 1, column 1: "):
        read(b"<?", "small.xml")


@pytest.mark.parametrize("text", ["<p ", "<!--", "<script", '<a href="', "&amp", "<p><pre>", " \n"])
def test_text_made_to_be_slow_is_not(text: str) -> None:
    began = time.process_time()
    read(frab(*({"id": i, "abstract": text * 30_000} for i in range(20))))
    assert time.process_time() - began < 5
