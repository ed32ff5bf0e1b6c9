"""The words that every read model is written in.

`project(recorded)` gives changes of keyed rows; a change is a pure function of the row as it
was, and of other rows of the same read model that it names. A FanOut writes one row per member
listed in the rows it reads. So a read model is a fold of the log: the projector folds a page and
writes the touched rows, a rebuild folds all of it, a test folds into a dict, and a reader who
cannot wait folds one member's streams.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from msgspec import Struct

from domain.aggregate import Recorded

RowKey = tuple[str | int, ...]
RowOf = tuple["Table", RowKey]


class Table(Struct, frozen=True, eq=False):
    """A table of schema `views`. `row`'s fields are the columns that we know, of which the first
    `keys` (a number) are its key. Its statements are worded from that: see `engine/tables.py`.

    `overwrites`: each change is a whole new row, whatever the old one was, so the old row is not
    read. Only a table that overwrites can be written by a FanOut."""

    name: str
    row: type[Struct]
    keys: int
    overwrites: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in Postgres and JSON: `field(name=...)` can differ from the attribute."""
        return self.row.__struct_encode_fields__

    @property
    def key_columns(self) -> tuple[str, ...]:
        return self.columns[: self.keys]

    @property
    def append_only(self) -> bool:
        """Keyed by position: a row comes once, with its event, and is never read by a change."""
        return self.overwrites and "position" in self.key_columns

    def key_of(self, row: Struct) -> RowKey:
        return tuple(getattr(row, name) for name in row.__struct_fields__[: self.keys])


class Change(Struct, frozen=True):
    """`fold(old, *those it reads)` is the new row; None is no row."""

    table: Table
    key: RowKey
    fold: Callable[..., Struct | None]
    reads: tuple[RowOf, ...] = ()


class FanOut(Struct, frozen=True):
    """New rows of a table that overwrites, as many as the rows in `reads` say: `fold(*those rows)`
    gives each with its key. `size(*those rows)` is how many it may be, at most; `position` that
    of its event."""

    table: Table
    fold: Callable[..., Iterable[tuple[RowKey, Struct]]]
    reads: tuple[RowOf, ...]
    size: Callable[..., int] = lambda *rows: 0
    position: int = 0


class ReadModel(Struct, frozen=True):
    """`views.positions` has a row of this name. Where `project` changes in what it makes of events
    that are in the log already, `version` rises, and the tables are rebuilt beside the old ones.
    """

    name: str
    tables: tuple[Table, ...]
    project: Callable[[Recorded], Iterable[Change | FanOut]]
    version: int = 1


Rows = dict[Table, dict[RowKey, Any]]


def looked_up(changes: Iterable[Change | FanOut]) -> dict[Table, set[RowKey]]:
    """The rows that must be known before these changes can be folded."""
    wanted: dict[Table, set[RowKey]] = defaultdict(set)
    for change in changes:
        if isinstance(change, Change) and not change.table.overwrites:
            wanted[change.table].add(change.key)
        for table, key in change.reads:
            wanted[table].add(key)
    return wanted


def fold(rows: Rows, changes: Iterable[Change | FanOut]) -> dict[Table, set[RowKey]]:
    """Folds into `rows`, in order, and says which of them are new or changed."""
    touched: dict[Table, set[RowKey]] = defaultdict(set)
    fold_all(rows, changes, touched)
    return touched


def fold_all(
    rows: Rows, changes: Iterable[Change | FanOut], touched: dict[Table, set[RowKey]] | None = None
) -> None:
    """Folds into `rows` and adds to `touched`; for those who have all rows, and need no list."""
    for change in changes:
        table = change.table
        of_table = rows.get(table)
        if of_table is None:
            of_table = rows[table] = {}
        others = [rows.get(t, {}).get(k) for t, k in change.reads] if change.reads else ()
        if isinstance(change, FanOut):
            new_rows = dict(change.fold(*others))
            of_table |= new_rows
            if touched is not None:
                touched[table] |= new_rows.keys()
            continue
        key = change.key
        new = change.fold(None if table.overwrites else of_table.get(key), *others)
        if new is not None:
            of_table[key] = new
            if touched is not None:
                touched[table].add(key)


def folded(model: ReadModel, log: Iterable[Recorded]) -> Rows:
    """The read model of a log, in memory."""
    rows: Rows = {table: {} for table in model.tables}
    fold_all(rows, chain.from_iterable(map(model.project, log)))
    return rows
