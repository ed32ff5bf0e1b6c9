"""Is it alive, is it ready: `/health/live`, `/health/ready`."""

import asyncio
from typing import Any

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
    def dead(self) -> bool:
        return self.silent_for > SILENT

    @property
    def why_not(self) -> str | None:
        if self.problem:
            return f"{self.name} cannot go on after position {self.position}: {self.problem}"
        if self.dead:
            return f"{self.name} is dead: nobody has kept it for {self.silent_for:.0f} s"
        if self.behind_by > BEHIND:
            events = self.log_end - self.position
            return f"{self.name} is {self.behind_by:.0f} s behind (positions: {events})"
        return None


class Health(Struct, frozen=True):
    status: str
    reasons: list[str] = []


async def followers(at_home: Services) -> list[Follower]:
    async with at_home.pool.connection() as connection:
        cursor = connection.cursor(row_factory=rows.class_row(Follower))
        return await (await cursor.execute(SQL["followers"])).fetchall()


async def why_not_ready(at_home: Services) -> list[str]:
    try:
        async with asyncio.timeout(2):
            known = await followers(at_home)
    except (Error, PoolTimeout, OSError, TimeoutError):
        reasons = ["the store does not answer"]
    else:
        reasons = [reason for follower in known if (reason := follower.why_not)]
        if len({f.name for f in known} & at_home.watch.positions.keys()) < len(
            at_home.watch.positions
        ):
            reasons.append("the projector has not started yet")
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
    if reasons := await why_not_ready(services(request)):
        raise NotReady(reasons)
    return Health("ready")


class NotReady(Unavailable):
    """It is not ready to serve"""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.errors = tuple(("", reason) for reason in reasons)


ROUTES: Any = (live, ready)
