"""A CSV file as records (RFC 4180), with whichever separator it has."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from domain.errors import Invalid
from workers.attendees.remarks import broken, quoted

SEPARATORS = ",;\t|"
COLUMNS = 1_000  # at most
SAID = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)  # Excel's own first line


class Record(Struct, frozen=True):
    """`line` is that on which it begins."""

    line: int
    cells: list[str]


class CsvFile(Struct, frozen=True):
    separator: str
    header: list[str]
    records: Iterator[Record]


def opened(text: str, understood: Callable[[Sequence[str]], int]) -> CsvFile:
    """`understood(header)` says how many columns are: by that the separator is told. Records raise
    Invalid where a quote is wrong; lines without a text are none of them."""
    said = SAID.match(text)
    skipped = 1 if said else 0
    text = text[said.end() :] if said else text
    separator = said[1] if said else _separator(text, understood)
    records = _records(text, separator, skipped)
    header = next(records, None)
    if header is None:
        raise broken("is empty")
    if len(header.cells) > COLUMNS:
        raise broken(f"has {len(header.cells):,} columns, of which {COLUMNS:,} are the most")
    return CsvFile(separator, [_one_line(cell) for cell in header.cells], records)


def _separator(text: str, understood: Callable[[Sequence[str]], int]) -> str:
    def fits(separator: str) -> tuple[int, int]:
        try:
            first = next(_records(text, separator, 0), None)
        except Invalid:  # its quotes are wrong when it is cut so
            return (0, 0)
        cells = first.cells if first else []
        return (understood(cells[:COLUMNS]), min(len(cells), COLUMNS + 1))

    return max(SEPARATORS, key=fits)


def _records(text: str, separator: str, skipped: int) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as e:
            raise broken(_wrong(e), f"line {line + skipped}") from None
        if any(cell and not cell.isspace() for cell in cells):
            yield Record(line + skipped, cells)
        line = reader.line_num + 1


def _wrong(error: csv.Error) -> str:
    if "field larger" in str(error):
        return "has a cell of more than 131,072 characters: a closing quote may be missing"
    if "end of data" in str(error):
        return "has a cell that begins with a quote and never ends: add the closing quote"
    return (
        "has a quote in the wrong place: a cell with a separator, a quote or a new line in it "
        'stands in quotes, and a quote within it twice ("")'
    )


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def too_many_cells(cells: Sequence[str], header: Sequence[str]) -> str | None:
    """Why a row cannot be read, if cells are left over that hold something."""
    left = [cell for cell in cells[len(header) :] if cell.strip()]
    if not left:
        return None
    return (
        f"has {len(cells)} cells, where the header has {len(header)}: {quoted(left[0])} is under "
        "no column. Put texts with a separator in them into quotes"
    )
