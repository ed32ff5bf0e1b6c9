"""Rebuilds read models whose tables are of an older version than the code; and those that a
migration says are to be built anew once, under the version that they have (`views.outdated`). The
old tables are read until the new ones take their place. Of many processes one rebuilds, the others
try again later."""

import asyncio
import logging
from collections.abc import Sequence

import psycopg

from domain.errors import Problem
from projections.engine import event_log
from projections.engine.election import connect, not_cancelled
from projections.engine.rebuild import Busy, Different, Observer, Rebuilt, rebuild
from projections.engine.shadow import SQL
from projections.read_model import ReadModel

log = logging.getLogger(__name__)

POLL_SECONDS, LONGEST = 5.0, 300.0


class Logged(Observer):
    def say(self, sentence: str) -> None:
        log.info(sentence)


async def renew(database_url: str, models: Sequence[ReadModel]) -> None:
    """Polls until it is cancelled. The interval grows up to LONGEST while something cannot be
    rebuilt."""
    pause = POLL_SECONDS
    while not_cancelled():
        try:
            rebuilt = [
                await _renewed(database_url, model, accept)
                for accept, find in ((False, older), (True, outdated))
                for model in await find(database_url, models)
            ]
            pause = POLL_SECONDS if all(rebuilt) else min(2 * pause, LONGEST)
        except (psycopg.Error, OSError) as e:
            log.warning("cannot look for read models that are of an older version: %s", e)
        await asyncio.sleep(pause)


async def older(database_url: str, models: Sequence[ReadModel]) -> list[ReadModel]:
    versions = {"names": [m.name for m in models], "versions": [m.version for m in models]}
    async with await connect(database_url, "renewal") as connection:
        rows = await (await connection.execute(SQL["older"], versions)).fetchall()
    names = {name for (name,) in rows}
    return [model for model in models if model.name in names]


async def outdated(database_url: str, models: Sequence[ReadModel]) -> list[ReadModel]:
    """Of the version that we know, and kept by no program of before."""
    about = {"names": [m.name for m in models], "versions": [m.version for m in models]}
    async with await connect(database_url, "renewal") as connection:
        events = {"events": len(event_log.mapper.topics)}
        rows = await (await connection.execute(SQL["outdated"], about | events)).fetchall()
    names = {name for (name,) in rows}
    return [model for model in models if model.name in names]


async def _rebuilt(database_url: str, model: ReadModel, accept: bool) -> Rebuilt:
    """What is meant to differ is accepted; that more of its streams are parked then is not."""
    try:
        done = await rebuild(database_url, model, observer=Logged())
    except Different as e:
        if not accept:
            raise
        log.info(
            "%s is built anew once, and differs in %s rows or more", model.name, len(e.differences)
        )
        done = await rebuild(database_url, model, accept=True, observer=Logged())
    if accept:
        async with await connect(database_url, "renewal") as connection:
            await connection.execute(SQL["renewed"], {"name": model.name})
    return done


async def _renewed(database_url: str, model: ReadModel, accept: bool = False) -> bool:
    try:
        done = await _rebuilt(database_url, model, accept)
    except Busy as e:
        log.info("%s", e)
    except Problem as e:
        log.warning("%s", e)
    except (psycopg.Error, OSError):
        raise
    except Exception as e:
        log.error("%s cannot be rebuilt: %s", model.name, e, exc_info=e)
    else:
        log.info("%s is of version %s, at %s", model.name, model.version, done.position)
        return True
    return False
