"""HEAD and OPTIONS, which the framework lacks: HEAD is GET without a body, and Allow lists every
method of a path."""

from collections.abc import Iterable
from typing import Any

from litestar import Litestar
from litestar.routes import HTTPRoute


def allow(methods: Iterable[str]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


class Methods:
    def __init__(self, app: Litestar) -> None:
        self.app = app
        self._allowed = {
            route.path_format: allow(route.methods)
            for route in app.routes
            if isinstance(route, HTTPRoute)
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        match scope.get("method"):
            case "HEAD":
                await self._head(scope, receive, send)
            case "OPTIONS":
                await self._options(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _head(self, scope: Any, receive: Any, send: Any) -> None:
        """Runs GET; the server leaves the body out. `headers_only` tells a feed not to begin."""
        as_get = scope | {"method": "GET", "headers_only": True}

        async def answer(message: Any) -> None:
            scope["path_template"] = as_get.get("path_template")
            await send(message)

        await self.app(as_get, receive, answer)

    async def _options(self, scope: Any, receive: Any, send: Any) -> None:
        async def answer(message: Any) -> None:
            allowed = self._allowed.get(scope.get("path_template", ""))
            if allowed and message["type"] == "http.response.start":
                others = [header for header in message["headers"] if header[0] != b"allow"]
                message["headers"] = [*others, (b"allow", allowed.encode())]
            await send(message)

        await self.app(scope, receive, answer)
