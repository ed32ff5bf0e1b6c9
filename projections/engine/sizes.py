"""How much goes into one transaction of a projector, and what is said where that was too much."""

from collections import Counter
from collections.abc import Iterable, Sequence

from psycopg import errors

from domain.aggregate import Recorded
from projections.read_model import Change, FanOut, Rows

MOST = 100_000  # rows that a page may fan out to: some 30 MB as JSON, and a second or two to write

# Smaller pages may help, and the same page again does not.
TOO_LARGE = (errors.ProgramLimitExceeded, errors.OutOfMemory, MemoryError)


def written_together(
    page: Sequence[Recorded], changes: Iterable[Change | FanOut], rows: Rows
) -> Sequence[Recorded]:
    """The events of a page that are to be one transaction: at least one, and as many as fan out to
    MOST rows. `changes` are the page's, of one read model or of several; `rows` are as they were
    before it, so this is an estimate."""
    made: Counter[int] = Counter()
    for change in changes:
        if isinstance(change, FanOut):
            of = (rows.get(table, {}).get(key) for table, key in change.reads)
            made[change.position] += change.size(*of)
    total = 0
    for position in sorted(made):
        total += made[position]
        if total > MOST:
            before = [recorded for recorded in page if recorded.position < position]
            return before or page[:1]
    return page
