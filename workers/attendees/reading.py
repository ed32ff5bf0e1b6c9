"""A file as rows: CSV or JSON, told by how it begins."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from workers.attendees import headers, rows, table
from workers.attendees.decoding import UTF_8, decoded
from workers.attendees.headers import Column
from workers.attendees.remarks import Oddity, Remark, broken
from workers.attendees.rows import Row

ROWS = 100_000  # of a file, at most
OnProgress = Callable[[int], None]


class Reading(Struct, frozen=True):
    """`total` rows, of which each is in `rows` or `rejected`."""

    total: int
    rows: tuple[Row, ...]
    rejected: tuple[Remark, ...]
    odd: tuple[Oddity, ...]
    of_json: bool = False


def read(
    data: bytes, encoding: str = UTF_8, on_progress: OnProgress = lambda done: None
) -> Reading:
    """`on_progress` is called with the rows read so far. Raises Invalid where the file cannot be
    read as a whole, with the line and what to do."""
    text = decoded(data, encoding)
    if text.lstrip()[:1] in {"[", "{"}:
        return _read_json(text, on_progress)
    file = table.opened(text, headers.understood)
    columns = headers.columns(file.header)
    _check(columns)
    of_pretix = headers.is_of_pretix(file.header)

    def found() -> Iterator[Row | Remark]:
        for record in file.records:
            if why := table.too_many_cells(record.cells, file.header):
                yield Remark(record.line, "", why)
            else:
                yield rows.read(record.line, columns, record.cells, of_pretix)

    return _gathered(found(), columns, on_progress)


def _read_json(text: str, on_progress: OnProgress) -> Reading:
    try:
        listed = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as e:
        raise broken(f"is no JSON: {e}") from None
    if not isinstance(listed, list):
        raise broken("is JSON, but no list: send a list of objects, one for each person")
    named = dict.fromkeys(n for one in listed if isinstance(one, dict) for n in rows.flattened(one))
    names = list(named)
    if len(names) > table.COLUMNS:
        raise broken(f"has {len(names):,} fields, of which {table.COLUMNS:,} are the most")
    columns = headers.columns(names)
    if listed:
        _check(columns)
    of_pretix = headers.is_of_pretix(names)

    def found() -> Iterator[Row | Remark]:
        for line, one in enumerate(listed, 1):
            yield _of_json(line, one, columns, of_pretix)

    return replace(_gathered(found(), columns, on_progress), of_json=True)


def _of_json(line: int, value: Any, columns: Sequence[Column], of_pretix: bool) -> Row | Remark:
    if not isinstance(value, dict):
        return Remark(line, "", "is no object: write a person as one")
    used = [column for column in columns if column.field != "unused"]
    values = rows.of_json(value, [column.header for column in used])
    if isinstance(values, tuple):
        return Remark(line, *values)
    return rows.read(line, used, values, of_pretix)


def _check(columns: Sequence[Column]) -> None:
    known = {column.field for column in columns}
    if not known & {"member_id", "email", "order_email"}:
        raise broken(
            "has no column by which a person is known: give one the header `email` or `member_id`",
            "line 1",
        )


def _gathered(
    found: Iterator[Row | Remark], columns: Sequence[Column], on_progress: OnProgress
) -> Reading:
    taken: list[Row] = []
    rejected: list[Remark] = []
    for number, one in enumerate(found, 1):
        if number > ROWS:
            raise broken(f"has more than {ROWS:,} rows: cut it into several")
        if isinstance(one, Remark):
            rejected.append(one)
        else:
            taken.append(one)
        if number % 500 == 0:
            on_progress(number)
    on_progress(len(taken) + len(rejected))
    return Reading(
        len(taken) + len(rejected), tuple(taken), tuple(rejected), tuple(headers.unused(columns))
    )
