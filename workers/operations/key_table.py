"""Whether the table of keys was written anew without what it must not have any more.

VACUUM FULL takes along what a transaction of before may still see, and leaves a table as it is that
our role may not rewrite. It fails with neither, and says so in notices alone.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.errors import Diagnostic

# "3 dead row versions cannot be removed yet.", in whatever language, and what else it took.
KEPT = re.compile(r"\d+")


@contextmanager
def notices(connection: Connection[Any] | AsyncConnection[Any]) -> Iterator[list[str]]:
    """The details of what the server says of its own accord while the block lasts."""
    heard: list[str] = []

    def hear(notice: Diagnostic) -> None:  # which can be read here, and no longer
        if notice.message_detail:
            heard.append(notice.message_detail)

    connection.add_notice_handler(hear)
    try:
        yield heard
    finally:
        connection.remove_notice_handler(hear)


def left_nothing(heard: Sequence[str]) -> bool:
    """By what was said of `vacuum_keys` (sql/people.sql): how many it took along."""
    counts = [KEPT.search(detail) for detail in heard]
    return bool(counts) and all(count is None or int(count[0]) == 0 for count in counts)
