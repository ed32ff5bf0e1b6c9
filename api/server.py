"""uvicorn, with what streams need."""

import asyncio
import resource
import sys
from typing import Any

import uvicorn

from api.app import create_app
from api.live import Live
from api.observed import Observed
from workers import telemetry
from workers.settings import Settings

SWITCH = 0.0005  # seconds until the writer's thread gets its turn when the web is busy


class Server(uvicorn.Server):
    """Ends the open streams first: uvicorn would wait for them."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self.live = live

    async def shutdown(self, sockets: Any = None) -> None:
        self.live.end()
        await super().shutdown(sockets)
        await asyncio.to_thread(telemetry.end)  # uvicorn ends by the signal: nothing runs after


class WithCycle:
    """Hands uvicorn's request cycle on: who does not read can only be dropped by its transport."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["cycle"] = getattr(send, "__self__", None)
        await self.app(scope, receive, send)


def serve(settings: Settings) -> None:
    run(create_app(settings), settings)


def run(app: Any, settings: Settings) -> None:
    telemetry.configure(settings, "api")
    sys.setswitchinterval(SWITCH)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    config = uvicorn.Config(
        WithCycle(Observed(app)),
        host=settings.host,
        port=settings.port,
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        backlog=4096,
    )
    Server(config, app.state.services.live).run()
