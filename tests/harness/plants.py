"""The plants of `workers/proof/plants.py`, as far as the machine can find them soon: it opens no
feed over HTTP, and seldom breaks a connection between two transactions."""

from domain.aggregate import Recorded
from projections.engine import event_log
from projections.engine.event_log import SQL, Pages
from sql import statements
from workers.proof import plants
from workers.proof.plants import NOTHING, Plant

__all__ = ["NOTHING", "PLANTS", "Plant", "small_pages"]

MOST = 4  # events a page: the fewer, the more places to crash in between
PLANTS = {
    "lock": plants.PLANTS["lock"],
    "cursor": plants.PLANTS["cursor"],
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


def small_pages(plant: Plant) -> Pages:
    """Reads small pages of the log, by the statement of the plant."""
    statement = plant.page or SQL["page"]

    async def page(
        connection: event_log.Connection, after: int, most: int, until: int
    ) -> list[Recorded]:
        return await event_log.page(connection, after, min(most, MOST), until, statement)

    return page
