"""Everything that handlers share, made once a process."""

import asyncio
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from litestar import Litestar
from litestar import Request as LitestarRequest
from psycopg_pool import AsyncConnectionPool

from api.apart import Apart
from api.http.request import Request
from api.identity.tokens import Identity
from api.live.feed import Live
from api.live.watch import Watch
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.recorder import KEPT_ALIVE, open_recorder
from domain.store.writer import History
from projections.engine.batches import Batches
from projections.engine.event_log import SQL, Connection
from sql import statements
from workers.background import background
from workers.model import Model
from workers.servers.datadir import jwt_secret
from workers.settings import Settings

FOLDS = 2  # at once, of a whole scope as it was; and as many of a few streams that are long

__all__ = ["Request", "Services", "lifespan", "services", "signed_in"]


class Services:
    """Usable within `running()`. `exists` caches ids of events: once there, an event stays."""

    history: History

    def __init__(self, settings: Settings) -> None:
        if not settings.database_url or not settings.nats_url:
            raise SystemExit("Set DATABASE_URL and NATS_URL, or start everything with `make run`.")
        self.settings = settings
        self.database_url: str = settings.database_url
        own_tokens = settings.jwt_secret or not settings.jwt_jwks_url
        self.identity = Identity(settings, jwt_secret(settings) if own_tokens else None)
        self.pool = _pool(self.database_url, "rapport api", _configure, least=2, most=8)
        self.pasts = Apart(self.database_url, FOLDS, patience=2)
        self.long_folds = Apart(self.database_url, FOLDS, patience=10)
        # What asks Postgres for anybody takes no connection from reads.
        self.operations_pool = _pool(
            self.database_url, "rapport api operations", _configure, least=0, most=2
        )
        self.links_pool = _pool(self.database_url, "rapport api links", _configure, least=0, most=2)
        self.reads = Batches(self.pool)
        self.watch = Watch(self.database_url)
        self.live_pool = _pool(self.database_url, "rapport api feeds", _configure, least=1, most=3)
        self.live = Live(self.live_pool, settings.nats_url, self.watch)
        self.model = Model(settings)
        self.exists: set[str] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.history = await asyncio.to_thread(
            lambda: History(
                open_recorder(self.database_url, statements("history")), AGGREGATES, RENAMED
            )
        )
        self.watch.on_erased = self.history.refresh_soon
        pools = (self.pool, self.live_pool, self.operations_pool, self.links_pool)
        for pool in pools:
            await pool.open()
        try:
            async with background(self.watch.run(), self.live.run(), self.identity.run()):
                yield
        finally:
            await asyncio.to_thread(self.history.close)
            for apart in (self.pasts, self.long_folds):
                await asyncio.to_thread(apart.close)
            for pool in reversed(pools):
                await pool.close()
            await self.model.close()


Pool = AsyncConnectionPool[Connection]
Configure = Callable[[Connection], Awaitable[None]]


def _pool(url: str, name: str, configure: Configure, least: int, most: int) -> Pool:
    return AsyncConnectionPool(
        url,
        min_size=least,
        max_size=most,
        timeout=2,
        reconnect_timeout=1,  # who asks next tries again; the pool alone would wait ever longer
        open=False,
        kwargs=KEPT_ALIVE | {"autocommit": True, "application_name": name},
        configure=configure,
        check=_check_open,
    )


async def _check_open(connection: Connection) -> None:
    """Raises OperationalError where the server has ended a connection that nobody used meanwhile:
    the pool takes another. No round trip: nothing is there to be read, or the server's last word
    and then the end."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    while waiting.poll(0):
        connection.pgconn.consume_input()


async def _configure(connection: Connection) -> None:
    """For what a request waits for: a statement that hangs gives its connection back."""
    for name in ("in_utc", "no_jit", "at_most_5_seconds"):
        await connection.execute(SQL[name])


def services(request: LitestarRequest[Any, Any, Any]) -> Services:
    made: Services = request.app.state.services
    return made


async def signed_in(request: LitestarRequest[Any, Any, Any]) -> None:
    """Authenticates before anything else of the request is read."""
    request.scope["user"] = await services(request).identity.authenticate(cast(Request, request))


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    async with app.state.services.running():
        yield
