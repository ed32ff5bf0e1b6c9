from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from projections.engine.tables import key_lists
from projections.read_model import Change, RowKey, Rows, Table, fold, looked_up


class Sum(Struct, frozen=True):
    name: str
    total: int = 0


class Line(Struct, frozen=True):
    name: str
    number: int
    total: int


SUMS = Table("sums", Sum, keys=1)
LINES = Table("lines", Line, keys=2, overwrites=True)


@dataclass(frozen=True)
class Paid:
    name: str
    number: int
    amount: int


def project(paid: Paid) -> Iterator[Change]:
    """A total, and a line that says what the total was then."""
    key = (paid.name,)
    yield Change(SUMS, key, lambda old: Sum(paid.name, (old.total if old else 0) + paid.amount))
    yield Change(
        LINES,
        (paid.name, paid.number),
        lambda old, total: Line(paid.name, paid.number, total.total),
        ((SUMS, key),),
    )


logs = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5))).map(
    lambda pairs: [Paid(name, number, amount) for number, (name, amount) in enumerate(pairs)]
)


def changes(log: Iterable[Paid]) -> list[Change]:
    return [change for paid in log for change in project(paid)]


def in_pages(log: list[Paid], size: int) -> Rows:
    """Folds page by page, as the projector does: it reads only the rows that a page needs, and
    writes only those that it changed."""
    stored: Rows = {SUMS: {}, LINES: {}}
    for i in range(0, len(log), size):
        of_page = changes(log[i : i + size])
        at_hand: Rows = {
            table: {key: stored[table][key] for key in keys if key in stored[table]}
            for table, keys in looked_up(of_page).items()
        }
        for table, keys in fold(at_hand, of_page).items():
            stored[table] |= {key: at_hand[table][key] for key in keys}
    return stored


@given(logs, st.integers(1, 7))
def test_pages_of_any_size_fold_to_the_same_rows(log: list[Paid], size: int) -> None:
    at_once: Rows = {SUMS: {}, LINES: {}}
    fold(at_once, changes(log))
    assert in_pages(log, size) == at_once


@given(logs)
def test_row_that_is_always_written_whole_is_not_looked_up(log: list[Paid]) -> None:
    assert LINES not in looked_up(changes(log))


@given(st.sets(st.tuples(st.text(max_size=3), st.integers(0, 3))))
def test_columns_give_the_keys_back(keys: set[RowKey]) -> None:
    columns: Any = key_lists(keys, LINES)
    assert list(columns) == ["name", "number"]
    assert set(zip(*columns.values(), strict=True)) == keys


def test_change_to_nothing_leaves_no_row_and_touches_nothing() -> None:
    rows: Rows = {}
    assert fold(rows, [Change(SUMS, ("a",), lambda old: None)]) == {}
    assert rows == {SUMS: {}}
