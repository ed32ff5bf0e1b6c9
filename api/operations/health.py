"""Is it alive, is it ready: `/health/live`, `/health/ready`.

Ready is what a balancer needs to know: whether requests to this process can be answered. A read
model that is behind, stuck or dead is the same for every process, and reads are folded meanwhile:
to say 503 for it would take all of them away at once. So it is listed in a 200, as `degraded`, and
alerts tell of it (workers/alerts.yml). Its names and reasons are for operators (door.py): anybody
else is told the status, and of how many parts there would be more to say.

Both are open to everyone, so they ask Postgres once a second at most, on connections of their own.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import get
from msgspec import Struct
from psycopg import Error
from psycopg_pool import PoolTimeout

from api.http.problems import documented
from api.operations.door import is_operator
from api.operations.kept import Kept
from api.services import Request, Services
from domain.errors import Unavailable
from projections.engine import lag
from projections.engine.lag import Lag
from projections.read_models import FEEDS, READ_MODELS

TAGS = ["Operations"]
BEHIND = 5.0  # seconds that the first event it has not applied may be old
PATIENCE = 2.0  # seconds in which the store must answer

Answer = TypeVar("Answer")


class Health(Struct, frozen=True):
    status: str
    reasons: list[str] = []
    degraded: list[str] = []  # what somebody should look at, though it serves


class Looked(Struct, frozen=True):
    """Why this process cannot serve, and what else does not go as it should."""

    reasons: list[str]
    degraded: list[str]


def kept_look(at_home: Services) -> Kept[Looked]:
    async def look() -> Looked:
        known = await soon(readers(at_home))
        return Looked(why_not_ready(known), degraded(at_home, known))

    return Kept(look)


async def soon(work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """The store's answer; None where it is away, or does not answer within PATIENCE. Then the query
    is cancelled, and whether that succeeds is not waited for."""
    query = asyncio.create_task(work)
    await asyncio.wait({query}, timeout=PATIENCE)
    if not query.done():
        query.add_done_callback(lambda late: late.cancelled() or late.exception())
        query.cancel()
        return None
    try:
        return query.result()
    except (Error, PoolTimeout, OSError):
        return None


async def readers(at_home: Services) -> list[Lag]:
    async with at_home.operations_pool.connection() as connection:
        return await lag.read(connection)


def trouble(reader: Lag) -> str | None:
    """Why a reader of the log does not keep up: dead, stuck or behind."""
    who, after = reader.who, f"after position {reader.position}"
    match reader.word:
        case "dead":
            return f"{who} is dead: no sign of life for {reader.silent_for:.0f} s"
        case "stuck" if reader.problem:
            # Not why: the text may quote a row, and this is told to anyone.
            return f"{who} cannot go on {after}: `python -m workers lag` says why"
        case "stuck":
            return f"{who} does not go on {after}, and does not say why"
    if reader.behind_by > BEHIND and reader.kind != "work":  # which may take its time
        return f"{who} is {reader.behind_by:.0f} s behind (events: {reader.events_behind})"
    return None


def degraded(at_home: Services, known: list[Lag] | None) -> list[str]:
    """The parts that do not go as they should, though requests are answered."""
    known = known or []
    names = {reader.name for reader in known}
    found = [trouble(reader) for reader in known if reader.kind == "worker" or not reader.renewed]
    found += [
        f"the projector of {model.name} has not started yet"
        for model in READ_MODELS
        if model.name not in names
    ]
    if "relay" not in names:
        found.append("the relay has not started yet")
    found += [
        f"{reader.name} is being renewed: {_meanwhile(reader)}"
        for reader in known
        if reader.renewed
    ]
    found += [
        f"{reader.name} has parked keys: {reader.parked}" for reader in known if reader.parked
    ]
    found += [
        f"{reader.name} waits for a newer version of this program with keys: {reader.waiting}"
        for reader in known
        if reader.waiting
    ]
    if not at_home.live.hears:
        found.append("NATS is away: live feeds wait")
    return [reason for reason in found if reason]


def _meanwhile(reader: Lag) -> str:
    if reader.name in {feed.name for feed in FEEDS}:
        return "its live feed waits"
    return "what it does not show yet is read from the log"


def why_not_ready(known: list[Lag] | None) -> list[str]:
    """Why this process cannot serve. `known` is None where the store is away."""
    return ["the store does not answer"] if known is None else []


@get("/health/live", tags=TAGS, summary="The process answers", security=[{}])
async def live() -> Health:
    return Health("alive")


@get(
    "/health/ready",
    tags=TAGS,
    summary="It can serve; if not, why",
    security=[{}],
    responses=documented(503),
)
async def ready(request: Request) -> Health:
    looked: Looked = await request.app.state.health.get()
    if looked.reasons:
        raise NotReady(looked.reasons)
    if not looked.degraded or await is_operator(request):
        return Health("ready", degraded=looked.degraded)
    return Health("ready", degraded=[_number_of(looked.degraded)])


def _number_of(degraded: list[str]) -> str:
    parts = "one part does" if len(degraded) == 1 else f"{len(degraded)} parts do"
    return f"{parts} not go as they should: operators are told which"


class NotReady(Unavailable):
    """It is not ready to serve"""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.errors = tuple(("", reason) for reason in reasons)


ROUTES: Any = (live, ready)
