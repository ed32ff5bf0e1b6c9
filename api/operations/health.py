"""Is it alive, is it ready: `/health/live`, `/health/ready`."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import get
from msgspec import Struct
from psycopg import Error
from psycopg_pool import PoolTimeout

from api.http.problems import documented
from api.services import Request, Services, services
from domain.errors import Unavailable
from projections.engine import lag
from projections.engine.lag import Lag
from projections.live_feed import LIVE_FEED

TAGS = ["Operations"]
BEHIND = 5.0  # seconds that the first event it has not applied may be old
PATIENCE = 2.0  # seconds in which the store must answer

Answer = TypeVar("Answer")


class Health(Struct, frozen=True):
    status: str
    reasons: list[str] = []
    remarks: list[str] = []  # what somebody should look at, though it serves


async def soon(work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """What the store says; None where it is away. One that hangs is not waited for, not even for
    the end of what was asked of it."""
    asked = asyncio.create_task(work)
    await asyncio.wait({asked}, timeout=PATIENCE)
    if not asked.done():
        asked.add_done_callback(lambda late: late.cancelled() or late.exception())
        asked.cancel()
        return None
    try:
        return asked.result()
    except (Error, PoolTimeout, OSError):
        return None


async def followers(at_home: Services) -> list[Lag]:
    async with at_home.pool.connection() as connection:
        return await lag.read(connection)


def why_not(follower: Lag) -> str | None:
    who, after = follower.who, f"after position {follower.position}"
    match follower.word:
        case "dead":
            return f"{who} is dead: no sign of life for {follower.silent_for:.0f} s"
        case "stuck" if follower.problem:
            # Its kind only: the text may quote a row, and this is told to anyone.
            return f"{who} cannot go on {after}: {follower.problem.partition(':')[0]}"
        case "stuck":
            return f"{who} does not go on {after}, and does not say why"
    if follower.behind_by > BEHIND:
        return f"{who} is {follower.behind_by:.0f} s behind (events: {follower.events_behind})"
    return None


def remarks(known: list[Lag] | None) -> list[str]:
    renewed = [f"{f.name} is being renewed: {_meanwhile(f)}" for f in known or () if f.renewed]
    parked = [f"{f.name} has parked keys: {f.parked}" for f in known or () if f.parked]
    workers = [why_not(f) for f in known or () if f.kind == "worker"]
    return renewed + parked + [reason for reason in workers if reason]


def _meanwhile(follower: Lag) -> str:
    if follower.name == LIVE_FEED.name:
        return "live feeds wait"
    return "what it does not show yet is read from the log"


def why_not_ready(at_home: Services, known: list[Lag] | None) -> list[str]:
    """None is known where the store is away."""
    reasons = []
    if known is None:
        reasons.append("the store does not answer")
    else:
        serving = [f for f in known if f.kind != "worker" and not f.renewed]
        reasons += [reason for follower in serving if (reason := why_not(follower))]
        if at_home.watch.positions.keys() - {follower.name for follower in known}:
            reasons.append("the projector has not started yet")
        if "relay" not in {follower.name for follower in known}:
            reasons.append("the relay has not started yet")
    if not at_home.live.hears:
        reasons.append("NATS is away: live feeds wait")
    return reasons


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
    at_home = services(request)
    known = await soon(followers(at_home))
    if reasons := why_not_ready(at_home, known):
        raise NotReady(reasons)
    return Health("ready", remarks=remarks(known))


class NotReady(Unavailable):
    """It is not ready to serve"""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.errors = tuple(("", reason) for reason in reasons)


ROUTES: Any = (live, ready)
