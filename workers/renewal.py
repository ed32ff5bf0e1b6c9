"""Read models of which we know a newer version than the tables are of are rebuilt beside the old
ones, which are read until they are swapped. Of many processes one does it; the others look again
later."""

import asyncio
import logging
from collections.abc import Sequence

import psycopg

from domain.errors import Problem, Refused
from projections.follower import connect, wanted
from projections.read_model import ReadModel
from projections.rebuild import Observer, rebuild
from projections.shadow import SQL

log = logging.getLogger(__name__)

LOOK = 5.0  # seconds


class Logged(Observer):
    def say(self, sentence: str) -> None:
        log.info(sentence)


async def renew(database_url: str, models: Sequence[ReadModel]) -> None:
    """Looks until it is cancelled."""
    while wanted():
        try:
            for model in await older(database_url, models):
                await _renew(database_url, model)
        except (psycopg.Error, OSError) as e:
            log.warning("cannot look for read models that are of an older version: %s", e)
        await asyncio.sleep(LOOK)


async def older(database_url: str, models: Sequence[ReadModel]) -> list[ReadModel]:
    versions = {"names": [m.name for m in models], "versions": [m.version for m in models]}
    async with await connect(database_url, "renewal") as connection:
        rows = await (await connection.execute(SQL["older"], versions)).fetchall()
    names = {name for (name,) in rows}
    return [model for model in models if model.name in names]


async def _renew(database_url: str, model: ReadModel) -> None:
    try:
        done = await rebuild(database_url, model, observer=Logged())
    except Refused as e:
        log.info("%s", e)  # somebody else is at it, or newer
    except Problem as e:
        log.warning("%s", e)
    else:
        log.info("%s is of version %s, at %s", model.name, model.version, done.position)
