"""The plants of `workers/proof/plants.py`, where the machine can see them: it opens no feed over
HTTP. Pages are small: the fewer events, the more places to crash in between."""

from projections import log as events
from projections.log import SQL
from projections.projector import Pages
from workers.proof import plants
from workers.proof.plants import NOTHING, Plant

__all__ = ["NOTHING", "PLANTS", "Plant", "small_pages"]

MOST = 4
PLANTS = {name: plant for name, plant in plants.PLANTS.items() if not plant.window}


def small_pages(plant: Plant) -> Pages:
    """As the plant has them read."""

    async def page(
        connection: events.Connection, after: int, most: int, until: int
    ) -> list[events.Recorded]:
        return await events.page(
            connection, after, min(most, MOST), until, plant.page or SQL["page"]
        )

    return page
