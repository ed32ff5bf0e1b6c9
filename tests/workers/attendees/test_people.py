"""Rows as people: each row is of one, however the file says so; and out again as a file."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from domain.addresses import Said
from domain.attendees import Profile
from tests.workers.attendees.files import as_csv, pretix
from workers.attendees import cells
from workers.attendees.export import Entry, written
from workers.attendees.people import People, member_id, people
from workers.attendees.reading import read

SALT, ANOTHER = "aa" * 32, "bb" * 32
emails = st.sampled_from(["", "a@b.c", "A@B.C ", "d@e.f", "no address"])
ids = st.sampled_from(["", "m1", "m2", "no id"])
KNOWN = {"a@b.c": {"m1"}, "d@e.f": {"m1", "m3"}}


def meant(file: bytes, known: Any = {}) -> People:  # noqa: B006 - never changed
    return people(read(file), "evt_1", SALT, known)


@given(
    st.lists(st.tuples(ids, emails, st.sampled_from(["", "Ada", "Ben"])), max_size=8),
    st.sampled_from([KNOWN, {}]),
)
def test_each_row_is_accepted_rejected_or_repeated(rows: Sequence[Any], known: Any) -> None:
    found = meant(as_csv(["id", "email", "name"], *rows), known)
    there = [row for row in rows if any(cell.strip() for cell in row)]
    assert found.total == len(there)
    assert found.total == len(found.commands) + len(found.rejected) + len(found.repeated)
    members = [command.member_id for command in found.commands]
    assert len(set(members)) == len(members) == len(found.lines)


def test_id_of_an_address_is_the_same_each_time_and_says_nothing() -> None:
    id_ = member_id(SALT, "Ada@Example.org")
    assert id_ == member_id(SALT, " ada@example.ORG")
    assert cells.MEMBER_ID.fullmatch(id_)
    assert len({id_, member_id(ANOTHER, "ada@example.org"), member_id(SALT, "ben@b.c")}) == 3


def test_row_is_of_whom_its_id_or_else_its_address_says() -> None:
    file = as_csv(
        ["id", "email", "name"],
        ["m7", "a@b.c", "By id"],
        ["", "A@b.c", "By the address of line 2"],
        ["", "known@b.c", "Known"],
        ["", "two@b.c", "Two have it"],
        ["", "new@b.c", "New"],
        ["m8", "two@b.c", "Another"],
    )
    found = meant(file, {"known@b.c": {"m5"}, "two@b.c": {"m1", "m2"}})
    assert [c.member_id for c in found.commands] == ["m7", "m5", member_id(SALT, "new@b.c"), "m8"]
    (rejected,) = found.rejected
    assert rejected.message.startswith("has an address that several have here (`m1`, `m2`, `m8`)")
    assert [one.message for one in found.repeated] == [
        "is the same person as line 3, which comes later and counts"
    ]
    assert [one.where for one in found.odd] == ["line 7"]


def test_of_a_person_who_comes_twice_the_later_row_counts_but_for_its_empty_cells() -> None:
    header = ["email", "name", "company", "interests"]
    file = as_csv(header, ["a@b.c", "Ada", "Engines", "x"], ["a@b.c", "Ada L.", "", "y"])
    (command,) = meant(file).commands
    assert command.said == Said(name="Ada L.", company="Engines", interests=("y",))


def test_address_of_an_order_is_that_of_who_is_alone_in_it() -> None:
    def position(order: str, **more: str) -> dict[str, str]:
        return {"Order code": order, "Email": f"{order}@b.c", "Attendee name": "Ada"} | more

    family = [position("B"), position("B", **{"Attendee email": "x@b.c"})]
    found = meant(pretix(position("A"), *family, position("C", Email="")))
    assert [c.email for c in found.commands] == ["A@b.c", "x@b.c"]
    shared, unknown = found.rejected
    assert (shared.line, unknown.line) == (3, 5)
    assert "its order has several people: fill in `Attendee email`" in shared.message
    assert unknown.message.startswith("has neither an id nor an e-mail address")


# Out again
def is_tidy(text: str) -> bool:
    return cells.tidy(text) == text and not cells.CONTROL.search(text)


chars = st.characters(exclude_categories=["Cc", "Cs"])
texts = (st.text("'=+-@ab;,|\\\n", max_size=6) | st.text(chars, max_size=6)).filter(is_tidy)
tags = st.lists(texts.filter(bool), max_size=3, unique=True).map(tuple)
lists = dict.fromkeys(("interests", "industries", "focus_areas", "goals", "offers", "seeks"), tags)
profiles = st.builds(
    Profile,
    name=texts.filter(bool),
    headline=texts,
    company=texts,
    role=texts,
    avatar_url=st.sampled_from(["", "https://a.b/=c"]),
    **lists,
    visibility=st.sampled_from(["listed", "hidden"]),
    on_leaderboard=st.booleans(),
)


@given(st.lists(profiles, max_size=3))
def test_export_imports_again_without_a_change(known: list[Profile]) -> None:
    entries = [Entry(f"-m{n}", f"+{n}@b.c", profile) for n, profile in enumerate(known)]
    found = meant(written(entries))
    assert (found.rejected, found.repeated, found.odd) == ((), (), ())
    assert [(c.member_id, c.email) for c in found.commands] == [
        (entry.member_id, entry.email) for entry in entries
    ]
    for command, profile in zip(found.commands, known, strict=True):
        said = {name: value for name, value in asdict(profile).items() if value not in ("", ())}
        assert command.said.values() == said


def test_export_defuses_formulas() -> None:
    rows = written([Entry("m1", "a@b.c", Profile("=cmd|' /C calc'!A0", headline="'=1"))])
    name, headline = rows.decode("utf-8-sig").splitlines()[1].split(",")[2:4]
    assert (name, headline) == ("'=cmd|' /C calc'!A0", "''=1")
