"""Files as rows: the same ones however they are written."""

import csv
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import Said
from domain.errors import Invalid
from tests.workers.attendees.files import as_csv, pretix
from workers.attendees import headers
from workers.attendees.decoding import BYTES, WINDOWS
from workers.attendees.headers import SPELLINGS
from workers.attendees.reading import Reading, read
from workers.attendees.remarks import Oddity, Remark
from workers.attendees.rows import Row

# Letters that both encodings have; what begins like an apostrophe before a formula is tried apart.
LETTERS = "aZ é€,;|\t\"'.x"
FIELDS = ("name", "headline", "company", "role")
words = st.text(LETTERS, max_size=12).map(str.strip).filter(lambda word: word[:1] != "'")
persons = st.fixed_dictionaries(
    {"email": st.sampled_from(["a@b.c", "Zoé@x.org", "+d@e.f"])} | dict.fromkeys(FIELDS, words)
)


def as_read(person: dict[str, str], line: int) -> Row:
    said = {name: value for name, value in person.items() if name != "email" and value}
    return Row(line, None, person["email"], Said(**said))  # type: ignore[arg-type]


def spelled(draw: Any, name: str) -> str:
    spelling = draw(st.sampled_from(SPELLINGS[name]))
    return str(draw(st.sampled_from([spelling, spelling.upper(), spelling.title()])))


@given(st.lists(persons, min_size=1, max_size=4), st.data())
def test_order_spelling_separator_quotes_and_encoding_change_nothing(
    people: list[dict[str, str]], data: Any
) -> None:
    order = data.draw(st.permutations(["email", *FIELDS]))
    separator = data.draw(st.sampled_from(",;\t|"))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", WINDOWS]))
    header = [spelled(data.draw, name) for name in order]
    rows = [[person[name] for name in order] for person in people]
    file = as_csv(header, *rows, separator=separator, quoting=quoting).decode().encode(encoding)
    found = read(file, WINDOWS if encoding == WINDOWS else "utf-8")
    assert [*found.rows] == [as_read(one, line) for line, one in enumerate(people, 2)]
    assert (found.total, found.rejected, found.odd) == (len(people), (), ())
    listed = json.dumps([dict(zip(order, row, strict=True)) for row in rows]).encode()
    assert [*read(listed).rows] == [as_read(one, line) for line, one in enumerate(people, 1)]


cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.lists(cells, max_size=6), max_size=5), st.sampled_from([",", ";"]))
def test_each_row_is_taken_or_rejected_whatever_is_in_it(
    rows: list[list[str]], separator: str
) -> None:
    file = as_csv(["email", "name", "interests", "avatar", "visible"], *rows, separator=separator)
    found = read(file)
    assert found.total == len(found.rows) + len(found.rejected)
    lines = [one.line for one in (*found.rows, *found.rejected)]
    assert len(set(lines)) == found.total


@given(st.binary(max_size=200), st.sampled_from(["utf-8", WINDOWS]))
def test_broken_file_is_invalid_and_never_worse(data: bytes, encoding: str) -> None:
    for file in (data, b"email,name\n" + data):
        with suppress(Invalid):
            assert isinstance(read(file, encoding), Reading)


def test_every_field_has_a_spelling_of_its_own() -> None:
    words = [word for spellings in SPELLINGS.values() for word in spellings]
    assert len(set(words)) == len(words)
    assert [word for word in words if headers.plain(word) not in headers.BY_SPELLING] == []


# pretix
def test_pretix_export_is_read_with_its_names_questions_and_companies() -> None:
    ada = {
        "Order code": "ABCDE",
        "Position ID": "1",
        "Status": "Paid",
        "Email": "buyer@example.org",
        "Product": "Ticket",
        "Attendee name": "Ada Lovelace",
        "Attendee name: Given name": "Ada",
        "Attendee name: Family name": "Lovelace",
        "Attendee email": "ada@example.org",
        "Company": "Engines",
        "Company 2": "Byron Estate",
        "Job title": "Analyst",
        "Topics of interest": "Poetry, Numbers",
        "Looking for \u2013 Peers": "Yes",
        "Looking for \u2013 Money": "No",
        "T-shirt size": "M",
    }
    parts = {name: value for name, value in ada.items() if name != "Attendee name"}
    gone = ada | {"Status": "Canceled", "Attendee email": "gone@example.org"}
    found = read(pretix(ada, parts | {"Company": ""}, gone))
    said = Said(
        name="Ada Lovelace",
        company="Engines",
        role="Analyst",
        interests=("Poetry", "Numbers"),
        seeks=("Peers",),
    )
    first, second = found.rows
    assert first == Row(2, None, "ada@example.org", said, "ABCDE", "buyer@example.org")
    assert (second.said.name, second.said.company) == ("Ada Lovelace", "Byron Estate")
    what = "says `Canceled`, so nobody comes by this order: leave the row out"
    assert found.rejected == (Remark(4, "Status", what),)
    not_understood, of_pretix = found.odd
    assert not_understood == Oddity("column `T-shirt size`", headers.NOT_UNDERSTOOD)
    assert "`Event slug`, `Position ID`" in of_pretix.where
    assert "`Payment providers`" in of_pretix.where


def test_pretix_api_positions_have_parts_of_names() -> None:
    position = {
        "order": "ABCDE",
        "positionid": 1,
        "attendee_name_parts": {
            "_scheme": "given_family",
            "given_name": "Ada",
            "family_name": "L.",
        },
        "attendee_email": "ada@example.org",
        "company": None,
    }
    (row,) = read(json.dumps([position]).encode()).rows
    assert (row.said, row.email, row.order) == (Said(name="Ada L."), "ada@example.org", "ABCDE")


# Cells
NO_URL = "is no address that begins with https://: correct it, or leave it empty"
TOO_MANY = "lists 101, of which 100 are the most: keep those that matter"


@pytest.mark.parametrize("cell", ["a; b", "a;b;", "a | b", "a,b", "a,, b,a", "a\nb"])
def test_list_in_a_cell_is_cut_where_it_is_meant(cell: str) -> None:
    (row,) = read(as_csv(["email", "interests"], ["a@b.c", cell])).rows
    assert row.said.interests == ("a", "b")


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("Mail", "ada", "is no e-mail address: write it as name@example.org, one in a cell"),
        ("name", "A" * 201, "has 201 characters, of which 200 are the most: shorten it"),
        ("name", "a\x07", "holds the control character U+0007: remove it"),
        ("Photo", "javascript:alert(1)", NO_URL),
        ("visible", "perhaps", "is neither `listed` nor `hidden`: write one of these"),
        ("ID", "a b", "is no id, which is 1 to 128 of A-Z a-z 0-9 _ - . : correct it"),
        ("tags", ";".join(map(str, range(101))), TOO_MANY),
    ],
)  # fmt: skip
def test_wrong_cell_is_rejected_by_line_and_column(column: str, cell: str, message: str) -> None:
    header = ["Attendee E-Mail", "company"] if column != "Mail" else ["company"]
    rows = [["a@b.c", "two\nlines"], ["b@b.c", "x"]] if column != "Mail" else [["a"], ["b"]]
    file = as_csv([*header, column], [*rows[0], ""], [*rows[1], cell])
    line = 4 if column != "Mail" else 3
    assert read(file).rejected == (Remark(line, column, message),)


def test_row_with_more_cells_than_the_header_is_rejected_and_with_fewer_is_not() -> None:
    found = read(b"email,name,company\na@b.c,Ada,x,y\nb@b.c\n\n,,,\nc@b.c,C,,,\n")
    assert [row.line for row in found.rows] == [3, 6]
    (remark,) = found.rejected
    assert (remark.line, remark.column) == (2, "")
    assert remark.message.startswith("has 4 cells, where the header has 3: `y` is under no column.")


# Files that cannot be read
@pytest.mark.parametrize(
    ("file", "where", "what"),
    [
        (b"", "the file", "is empty"),
        (b"\xff\xfee\0m\0", "the file", "is in UTF-16"),
        (b"email\na@b.c\nb\0@b.c", "line 3", "holds a NUL byte"),
        (b"email,name\r\na@b.c,Zo\xe9", "line 2", "is not utf-8 (byte 0xe9): save it as UTF-8, or"),
        (b'email,name\na@b.c,"Ada\nb@b.c,Ben\n', "line 2", "has a cell that begins with a quote"),
        (b'email,name\na@b.c,"A"da\n', "line 2", "has a quote in the wrong place"),
        (b"first,company\na,b\n", "line 1", "has no column by which a person is known"),
        (b"a," * 1_000_000 + b"b\n", "the file", "has 1,000,001 columns, of which"),
        (b'{"email": "a"}', "the file", "is JSON, but no list"),
        (b'[{"email": "a"', "the file", "is no JSON"),
        (b"[" * 100_000, "the file", "is no JSON"),
        (b"a" * (BYTES + 1), "the file", "is larger than 16 MB"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_read_says_where_and_why(file: bytes, where: str, what: str) -> None:
    with pytest.raises(Invalid) as raised:
        read(file)
    ((path, message),) = raised.value.errors
    assert (path, message[: len(what)]) == (where, what)
