"""The workers' process: a projector for each capability, relay, reactions and upkeep, each leading
or standing by; and work, of which every process takes what it can."""

import asyncio
import signal
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

import uvloop
from opentelemetry.trace import SpanKind

from domain.aggregate import Recorded
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.recorder import open_recorder
from domain.store.writer import History
from projections.engine.election import run_again, run_elected
from projections.engine.projector import Projector
from projections.engine.shared_pages import SharedPages
from projections.live_feed import LIVE_FEED
from projections.read_models import CAPABILITIES, READ_MODELS
from sql import statements
from workers import telemetry
from workers.bus.relay import Relay
from workers.garbage import collect_rarely
from workers.kinds import KINDS
from workers.operations.renewal import renew
from workers.operations.upkeep import Upkeep
from workers.reactions import REACTIONS
from workers.servers.master_key import unlock
from workers.settings import Settings
from workers.work.reactor import Reactor
from workers.work.runner import run_work


class SameNameError(Exception):
    """Two of the workers' process would share a position, or a lead"""


async def run(database_url: str, nats_url: str) -> None:
    require_distinct(names())
    async with asyncio.TaskGroup() as group:
        for projector in projectors():
            group.create_task(run_elected(projector, database_url))
        group.create_task(run_elected(Relay(nats_url), database_url))
        group.create_task(run_elected(Upkeep(), database_url))
        group.create_task(renew(database_url, READ_MODELS))
        if KINDS or REACTIONS:
            group.create_task(run_again("work", lambda: _run_with_history(database_url)))


async def _run_with_history(database_url: str) -> None:
    recorder = await asyncio.to_thread(open_recorder, database_url, statements("history"))
    history = History(recorder, AGGREGATES, RENAMED)
    try:
        async with asyncio.TaskGroup() as group:
            for reaction in REACTIONS:
                group.create_task(run_elected(Reactor(reaction, history), database_url))
            if KINDS:
                group.create_task(run_work(database_url, KINDS, history))
    finally:
        await asyncio.to_thread(history.close)


def names() -> list[str]:
    """By these everything that runs here is known in views.positions, and leads."""
    read_models = [model.name for models in CAPABILITIES.values() for model in models]
    elected = [Relay.name, Upkeep.name, *(projector.name for projector in projectors())]
    reactions, kinds = [one.name for one in REACTIONS], [one.name for one in KINDS]
    return [*read_models, *elected, *reactions, *kinds]


def require_distinct(names: Sequence[str]) -> None:
    if twice := sorted(name for name, times in Counter(names).items() if times > 1):
        raise SameNameError(
            f"Read models, reactions and kinds of work need names of their own: {', '.join(twice)}."
        )


def projectors() -> list[Projector]:
    """One for each capability, by whose name it leads; and one for what the version before reads,
    where that has run."""
    pages = SharedPages()
    kept = [(f"projector {name}", models) for name, models in CAPABILITIES.items()]
    ours = [Projector(models, projecting, pages, name=name) for name, models in kept]
    before = Projector([LIVE_FEED], projecting, pages, name="projector live_feed", enrols=False)
    return [*ours, before]


def main(settings: Settings) -> None:
    telemetry.configure(settings, "workers")
    collect_rarely()
    if not settings.database_url or not settings.nats_url:
        raise SystemExit("Set DATABASE_URL and NATS_URL, or start everything with `make run`.")
    unlock(settings, settings.database_url)
    try:
        uvloop.run(_until_told(run(settings.database_url, settings.nats_url)))
    finally:
        telemetry.end()


def projecting(page: Sequence[Recorded]) -> AbstractContextManager[object]:
    """The span of one command's page is below it; that of many commands' is linked with each."""
    if not page or not telemetry.tracing():
        return nullcontext()
    traces = list(dict.fromkeys(recorded.trace for recorded in page if recorded.trace))
    parent, links = (traces[0], ()) if len(traces) == 1 else (None, traces)
    end = page[-1].position
    return telemetry.span(
        "project", parent, SpanKind.CONSUMER, links, position=end, events=len(page)
    )


async def _until_told(work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, _end, task)
    with suppress(asyncio.CancelledError):
        await task


def _end(work: asyncio.Task[None]) -> None:
    """Once a second until it has: the client of NATS may keep a cancellation to itself."""
    if not work.done():
        for task in asyncio.all_tasks():
            task.cancel()
        asyncio.get_running_loop().call_later(1, _end, work)
