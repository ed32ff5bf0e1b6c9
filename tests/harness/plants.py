"""Bugs to be found: what a plant takes away, and what the product then does without. Statements
and the way to read the log are parameters, so nothing of the product is patched."""

from collections.abc import Mapping

from msgspec import Struct

from domain.aggregate import Recorded
from projections import log as events
from projections.log import SQL, Connection
from projections.projector import Pages
from sql import statements

MOST = 4  # events a page: the fewer, the more places to crash in between


async def small_pages(connection: Connection, after: int, most: int, until: int) -> list[Recorded]:
    return await events.page(connection, after, min(most, MOST), until)


async def _skipping(connection: Connection, after: int, most: int, until: int) -> list[Recorded]:
    statement = SQL["page"].replace("> %(after)s", "> %(after)s + 1")
    return await events.page(connection, after, min(most, MOST), until, statement)


class Plant(Struct, frozen=True):
    """`history` replaces statements of `sql/history.sql`."""

    says: str
    history: Mapping[str, str] = {}
    pages: Pages = small_pages


NOTHING = Plant("nothing is planted")
PLANTS = {
    "lock": Plant("writers do not take turns", {"lock": "SELECT 1"}),
    "cursor": Plant("the projector's cursor skips an event", pages=_skipping),
    "key": Plant(
        "nobody looks whether an Idempotency-Key came before",
        {
            "keys": "SELECT NULL, NULL, NULL, NULL, NULL, 0"
            " WHERE false AND %(principals)s::text[] = %(keys)s::text[]",
            "remember_keys": statements("history")["remember_keys"].removesuffix(";")
            + " ON CONFLICT DO NOTHING;",
        },
    ),
}
