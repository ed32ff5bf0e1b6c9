"""The process in which a read model is rebuilt that is of an older version, or that a migration
says is to be built anew once: `renewing.py NAME`."""

import logging
import os
import sys
from collections.abc import Sequence

import psycopg
import uvloop

from domain.errors import Problem
from projections.engine import event_log
from projections.engine.election import connect
from projections.engine.rebuild import Busy, Different, Observer, Rebuilt, rebuild
from projections.engine.shadow import SQL
from projections.read_model import ReadModel
from projections.read_models import READ_MODELS
from workers import settings, telemetry
from workers.garbage import collect_rarely
from workers.servers.master_key import unlock
from workers.servers.signals import interrupted

log = logging.getLogger(__name__)

NICE = 10  # below those whom somebody waits for


class Logged(Observer):
    def say(self, sentence: str) -> None:
        log.info(sentence)


async def outdated(database_url: str, models: Sequence[ReadModel]) -> list[ReadModel]:
    """To be built anew once, of the version that we know, and kept by no program of before."""
    about = {"names": [m.name for m in models], "versions": [m.version for m in models]}
    async with await connect(database_url, "renewal") as connection:
        events = {"events": len(event_log.mapper.topics)}
        rows = await (await connection.execute(SQL["outdated"], about | events)).fetchall()
    names = {name for (name,) in rows}
    return [model for model in models if model.name in names]


async def _rebuilt(database_url: str, model: ReadModel) -> Rebuilt:
    """Accepts a difference that a migration announces, but not that more streams are parked."""
    if not await outdated(database_url, [model]):
        return await rebuild(database_url, model, observer=Logged())
    try:
        done = await rebuild(database_url, model, observer=Logged())
    except Different as e:
        differ = len(e.differences)
        log.info("%s is built anew once, and differs in %s rows or more", model.name, differ)
        done = await rebuild(database_url, model, accept=True, observer=Logged())
    async with await connect(database_url, "renewal") as connection:
        await connection.execute(SQL["renewed"], {"name": model.name})
    return done


async def renewed(database_url: str, model: ReadModel) -> bool:
    """Whether it was rebuilt. Where not, it is logged why."""
    try:
        done = await _rebuilt(database_url, model)
    except Busy as e:
        log.info("%s", e)
    except Problem as e:
        log.warning("%s", e)
    except (psycopg.OperationalError, OSError) as e:
        log.warning("%s stays as it is: %s", model.name, e)
    except Exception as e:
        log.error("%s cannot be rebuilt: %s", model.name, e, exc_info=e)
    else:
        log.info("%s is of version %s, at %s", model.name, model.version, done.position)
        return True
    return False


def main(name: str) -> int:
    config = settings.read()
    telemetry.configure(config, "workers")
    collect_rarely()
    os.nice(NICE)
    assert config.database_url  # noqa: S101 - who starts us says so
    (model,) = (model for model in READ_MODELS if model.name == name)
    try:
        with interrupted():
            unlock(config, config.database_url)
            return int(not uvloop.run(renewed(config.database_url, model)))
    except KeyboardInterrupt:
        return 130
    finally:
        telemetry.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
