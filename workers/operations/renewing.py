"""The process in which a read model of an older version is rebuilt: `renewing.py NAME`."""

import logging
import os
import sys

import psycopg
import uvloop

from domain.errors import Problem
from projections.engine.rebuild import Busy, Observer, rebuild
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


async def renewed(database_url: str, model: ReadModel) -> bool:
    """Whether it was rebuilt. Where not, it is logged why."""
    try:
        done = await rebuild(database_url, model, observer=Logged())
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
