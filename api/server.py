"""uvicorn, with what streams need."""

import resource
import sys
from typing import Any

import uvicorn

from api.app import create_app
from workers import telemetry
from workers.settings import Settings

SWITCH = 0.0005  # seconds until the writer's thread gets its turn when the web is busy


class Server(uvicorn.Server):
    """Ends the open streams first: uvicorn would wait for them."""

    async def shutdown(self, sockets: Any = None) -> None:
        self.config.loaded_app.live.end()
        await super().shutdown(sockets)


class WithCycle:
    """Hands uvicorn's request cycle on: who does not read can only be dropped by its transport."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.live = app.state.services.live

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["cycle"] = getattr(send, "__self__", None)
        await self.app(scope, receive, send)


def serve(settings: Settings) -> None:
    telemetry.configure(settings, "api")
    sys.setswitchinterval(SWITCH)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    config = uvicorn.Config(
        WithCycle(create_app(settings)),
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
        timeout_graceful_shutdown=3,
        backlog=4096,
    )
    Server(config).run()
