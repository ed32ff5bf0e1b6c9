"""uvicorn, with what streams need."""

import asyncio
import gc
import resource
import sys
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.app import create_app
from api.live import Live
from api.methods import Methods
from api.observed import Observed
from api.problems import MEDIA_TYPE, ProblemDetails
from domain.errors import Invalid
from workers import telemetry
from workers.settings import Settings

COLLECT = 10_000  # objects between looks for circles of garbage, of which there are few
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


class Protocol(HttpToolsProtocol):
    """Says in our words too what is no HTTP at all."""

    def send_400_response(self, msg: str) -> None:
        problem = ProblemDetails("about:blank", Invalid.title(), 400, msg)
        body = msgspec.json.encode(problem)
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


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
    gc.set_threshold(COLLECT)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    config = uvicorn.Config(
        WithCycle(Observed(Methods(app))),
        host=settings.host,
        port=settings.port,
        http=Protocol,
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
