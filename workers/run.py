"""The workers' process: projector and relay, each leading or standing by."""

import asyncio
import signal
from collections.abc import Coroutine

from projections.follower import follow
from projections.projector import Projector
from projections.read_models import READ_MODELS
from workers import telemetry
from workers.relay import Relay
from workers.settings import Settings


async def run(database_url: str, nats_url: str) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(follow(Projector(READ_MODELS), database_url))
        group.create_task(follow(Relay(nats_url), database_url))


def main(settings: Settings) -> None:
    telemetry.configure(settings, "workers")
    if not settings.database_url or not settings.nats_url:
        raise SystemExit("Set DATABASE_URL and NATS_URL, or start everything with `make run`.")
    asyncio.run(_until_told(run(settings.database_url, settings.nats_url)))


async def _until_told(work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass
