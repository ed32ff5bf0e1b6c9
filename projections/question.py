"""The words that every read is written in.

    Ask      the parameters of a read: who asks about what
    Own      a question about a few streams of the asker: a board, a ledger, an agenda
    Wide     a question about a whole scope: a leaderboard, a directory
    Past     what a wide question would have answered at an earlier position
    FromLog  a question that no table answers, because none may be behind

A question says which rows it needs and has one pure function from these rows to the answer. Where
the rows come from is the engine's business (`projections.engine.reading`): tables, or a fold of
the streams. A fold gives all rows of the streams, a statement only those that are needed, so the
function takes its pick from what it gets.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from msgspec import Struct

from domain.aggregate import Recorded, StreamName
from projections.read_model import ReadModel, RowKey, Table

RESERVED = {"n", "concerns", "refolded"}  # what else a statement has of each ask

Found = Mapping[Table, Sequence[Any]]
"""Rows by table, in no order."""


class Ask(Struct, frozen=True):
    """Fields are `str`, `int` or `datetime`. Statements have them as parameters of these names,
    which are none of RESERVED."""

    event_id: str

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if taken := RESERVED & cls.__annotations__.keys():
            raise TypeError(f"{cls.__name__}: {', '.join(sorted(taken))} is of the statement's own")

    @property
    def scope_id(self) -> str:
        return self.event_id


class MemberAsk(Ask, frozen=True):
    member_id: str


# Which rows
class Select(Struct, frozen=True):
    """Rows of one table for one ask. See `keyed`, `chosen` and `named_by`, which make them."""

    table: Table
    keys: int = 0
    statement: tuple[str, str] | None = None
    naming: tuple[Table, str] | None = None


def keyed(table: Table, keys: int) -> Select:
    """Rows whose first `keys` key columns are the ask's fields of these names."""
    return Select(table, keys)


def chosen(table: Table, file: str, statement: str) -> Select:
    """Rows that a statement of `sql/<file>.sql` gives."""
    return Select(table, statement=(file, statement))


def named_by(table: Table, other: Table, column: str) -> Select:
    """Rows whose last key column is listed in an array column of the other table's rows, which an
    earlier select of the same question gives. Their other key columns are the ask's fields."""
    return Select(table, naming=(other, column))


AskT = TypeVar("AskT", bound=Ask)
Answer = TypeVar("Answer")


class Own(Struct, Generic[AskT, Answer], frozen=True, eq=False):
    """A question about a few streams. It can be folded from them: while the projector is away,
    while one of them is parked, and up to an earlier position or moment.

    `bound`: rows of the read model that the statement looks at for one ask, at most, in the largest
    event that is provided for: 50,000 members and 2,000 sessions. `together`: asks that one
    statement may answer, at most."""

    name: str
    read_model: ReadModel
    asks: type[AskT]
    streams: Callable[[AskT], Sequence[StreamName]]
    rows: tuple[Select, ...]
    answer: Callable[[AskT, Found], Answer]
    bound: int
    together: int = 64

    def stands_on(self, ask: AskT, stream: StreamName) -> bool:
        return stream in self.streams(ask)


class Wide(Struct, Generic[AskT, Answer], frozen=True, eq=False):
    """A question about a scope. It has no streams that could be folded, for they would be all of
    the scope's. While the projector is away, or some of the scope is parked, it is answered from
    the tables with the rows of `table` that are folded on: the asker's, those that are parked, and
    those of what was recorded since, as far as that is bounded (`projections.engine.tail`).

    `key` is the asker's row, and `streams` what the row of a key is folded from: names of streams
    that end with the last part of the key. The last event of the asker's is waited for.
    `statement`, of `sql/<file>.sql`, gives one row of `found`'s fields; its parameter `refolded` is
    a JSON array of rows that stand for those of the table. A row of it, once there, stays."""

    name: str
    read_model: ReadModel
    asks: type[AskT]
    table: Table
    key: Callable[[AskT], RowKey]
    streams: Callable[[RowKey], Sequence[StreamName]]
    statement: tuple[str, str]
    found: type[Struct]
    answer: Callable[[AskT, Any], Answer]
    bound: int
    together: int = 16

    def stands_on(self, ask: AskT, stream: StreamName) -> bool:
        """Whether a row of the table is folded from this stream."""
        key = tuple(stream.split(":")[1:])
        return len(key) == self.table.keys and stream in self.streams(key)

    def scope(self, ask: AskT) -> Sequence[str]:
        """The beginnings of the names of all streams that rows of the scope are folded from."""
        names = self.streams(self.key(ask))
        return [name.rpartition(":")[0] + ":" for name in names]


class Past(Struct, Generic[AskT, Answer], frozen=True, eq=False):
    """The answer that `question` would have given. All of the scope is folded for it, page by
    page, so it is asked for by itself, and served with bounds of its own.

    Statements of `sql/<file>.sql`: `pages` gives the scope's events after a position, `stamped_by`
    the last one after a position that was stamped by a moment. `parameters` are those of both.
    `find` picks from the folded rows what the wide question's statement picks from the table."""

    question: Wide[AskT, Answer]
    file: str
    pages: str
    stamped_by: str
    parameters: Callable[[AskT], Mapping[str, Any]]
    find: Callable[[AskT, Mapping[RowKey, Any]], Any]


class FromLog(Struct, Generic[AskT, Answer], frozen=True, eq=False):
    """A question about a few streams that is answered from the log itself, always."""

    name: str
    streams: Callable[[AskT], Sequence[StreamName]]
    answer: Callable[[AskT, Sequence[Recorded]], Answer]
