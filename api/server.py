"""Runs the application in uvicorn, set up for many open streams."""

import asyncio
import resource
import sys
from typing import Any

import uvicorn

from api.app import create_app
from api.http.forwarded import Forwarded
from api.http.gradually import Gradually, is_stream
from api.http.headers import EVERYWHERE, BehindTls
from api.http.methods import Methods
from api.http.protocol import IDLE, Protocol, WithCycle
from api.live.feed import Live
from api.operations.instrumentation import Instrumented
from workers import telemetry
from workers.garbage import collect_rarely
from workers.settings import Settings

SWITCH = 0.0005  # seconds after which a busy event loop lets the writer's thread run


class Server(uvicorn.Server):
    """Ends the open streams first: uvicorn would wait for them."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self.live = live

    async def startup(self, sockets: Any = None) -> None:
        self.server_state.default_headers = self.config.encoded_headers  # before the first tick
        await super().startup(sockets)

    async def shutdown(self, sockets: Any = None) -> None:
        self.live.end()
        await super().shutdown(sockets)
        await asyncio.to_thread(telemetry.end)  # uvicorn ends by the signal: nothing runs after


def serve(settings: Settings) -> None:
    run(create_app(settings), settings)


def run(app: Any, settings: Settings) -> None:
    telemetry.configure(settings, "api")
    sys.setswitchinterval(SWITCH)
    collect_rarely()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    at_home = app.state.services
    app = Instrumented(Gradually(Methods(app), is_stream, at_home.identity.is_stranger))
    over_tls = (settings.public_url or "").startswith("https:")
    if over_tls or settings.trusted_proxy:
        app = BehindTls(app, always=over_tls)
    if settings.trusted_proxy:
        app = Forwarded(app, settings.trusted_proxy)
    config = uvicorn.Config(
        WithCycle(app),
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
        headers=list(EVERYWHERE.items()),
        proxy_headers=settings.trusted_proxy is not None,
        forwarded_allow_ips=settings.trusted_proxy or "",
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=2,
        backlog=4096,
    )
    Server(config, at_home.live).run()
