"""Is it alive, is it ready: `/health/live`, `/health/ready`."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import get
from msgspec import Struct
from psycopg import Error, rows
from psycopg_pool import PoolTimeout

from api.problems import documented
from api.services import Asked, Services, services
from domain.errors import Unavailable
from sql import statements

SQL = statements("health")
TAGS = ["Operations"]
SILENT = 5.0  # seconds without a sign of life after which a follower is dead
BEHIND = 5.0  # seconds that the first event it has not applied may be old
PATIENCE = 2.0  # seconds in which the store must answer

Answer = TypeVar("Answer")


class Follower(Struct, frozen=True):
    """A read model, or the relay: how far it is in the log."""

    name: str
    kind: str
    position: int
    problem: str | None
    silent_for: float
    log_end: int
    behind_by: float

    @property
    def who(self) -> str:
        return self.name if self.kind == "relay" else f"the projector of {self.name}"

    @property
    def why_not(self) -> str | None:
        if self.problem:  # its kind only: the text may quote a row, and this is told to anyone
            problem = self.problem.partition(":")[0]
            return f"{self.who} cannot go on after position {self.position}: {problem}"
        if self.silent_for > SILENT:
            return f"{self.who} is dead: no sign of life for {self.silent_for:.0f} s"
        if self.behind_by > BEHIND:
            events = self.log_end - self.position
            return f"{self.who} is {self.behind_by:.0f} s behind (positions: {events})"
        return None


class Health(Struct, frozen=True):
    status: str
    reasons: list[str] = []


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


async def followers(at_home: Services) -> list[Follower]:
    async with at_home.pool.connection() as connection:
        cursor = connection.cursor(row_factory=rows.class_row(Follower))
        return await (await cursor.execute(SQL["followers"])).fetchall()


def why_not_ready(at_home: Services, known: list[Follower] | None) -> list[str]:
    """None is known where the store is away."""
    reasons = []
    if known is None:
        reasons.append("the store does not answer")
    else:
        reasons += [reason for follower in known if (reason := follower.why_not)]
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
async def ready(request: Asked) -> Health:
    at_home = services(request)
    if reasons := why_not_ready(at_home, await soon(followers(at_home))):
        raise NotReady(reasons)
    return Health("ready")


class NotReady(Unavailable):
    """It is not ready to serve"""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.errors = tuple(("", reason) for reason in reasons)


ROUTES: Any = (live, ready)
