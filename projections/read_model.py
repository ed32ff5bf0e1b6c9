"""The words that every read model is written in.

`project(recorded)` gives changes of keyed rows; a change is a pure function of the row as it
was, and of other rows of the same read model that it names. A spread is a change of as many rows
as these name. So a read model is a fold of the
log: the projector folds a page and writes the touched rows, a rebuild folds all of it, a test
folds into a dict, and a reader who cannot wait folds one member's streams.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from msgspec import Struct

from domain.aggregate import Recorded

RowKey = tuple[str | int, ...]
RowOf = tuple["Table", RowKey]


class Table(Struct, frozen=True, eq=False):
    """`row`'s fields are the table's columns, of which the first `keys` are its key. Its
    statements are `<name>_read` and `<name>_write` in `sql/<sql>.sql`. Where each change is a
    `whole` row, whatever the old one was, the old one is not looked up."""

    name: str
    row: type[Struct]
    keys: int
    sql: str
    overwrites: bool = False


class Change(Struct, frozen=True):
    """`fold(old, *those it reads)` is the new row; None is no row."""

    table: Table
    key: RowKey
    fold: Callable[..., Struct | None]
    reads: tuple[RowOf, ...] = ()


class FanOut(Struct, frozen=True):
    """New rows of a `whole` table, as many as the rows say that it reads: `fold(*those it reads)`
    gives each with its key."""

    table: Table
    fold: Callable[..., Iterable[tuple[RowKey, Struct]]]
    reads: tuple[RowOf, ...]


class ReadModel(Struct, frozen=True):
    """`views.positions` has a row of this name. Where `project` changes in what it makes of events
    that are in the log already, `version` rises, and the tables are rebuilt beside the old ones."""

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
    """The same for whoever has all the rows at hand, and need not know which of them are new."""
    for change in changes:
        table = change.table
        of_table = rows.get(table)
        if of_table is None:
            of_table = rows[table] = {}
        others = [rows.get(t, {}).get(k) for t, k in change.reads] if change.reads else ()
        if isinstance(change, FanOut):
            spread = dict(change.fold(*others))
            of_table |= spread
            if touched is not None:
                touched[table] |= spread.keys()
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


def as_columns(keys: Iterable[RowKey], table: Table) -> Mapping[str, list[str | int]]:
    """Keys as one list a column, named as the column: what `unnest` takes."""
    names = table.row.__struct_fields__[: table.keys]
    columns = list(zip(*keys, strict=True)) or [() for _ in names]
    return {name: list(column) for name, column in zip(names, columns, strict=True)}
