"""HTTP/1.1 beyond uvicorn: limits on requests that are not complete, and a problem+json as the
answer to what is no HTTP."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.problems import CLASSES, MEDIA_TYPE, ProblemDetails

LARGEST_HEAD = 65_536  # bytes of a request before its body
TIMEOUT = 30.0  # seconds until a request is complete, from its first byte or from connecting


class Protocol(HttpToolsProtocol):
    """Closes connections whose request is too long or takes too long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0  # of a head that is not complete; -1: it is complete
        self._unfinished = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(TIMEOUT, self._time_out)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._unfinished:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self.loop.call_later(TIMEOUT, self._time_out)
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
            if self._unfinished and self._head_bytes > LARGEST_HEAD:
                self._refuse(431, f"Before its body a request may have {LARGEST_HEAD:,} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unfinished, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        self._head_bytes = -1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._unfinished = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        self._timer = None
        self._refuse(408, f"A request must be whole within {TIMEOUT:.0f} seconds.")

    def _refuse(self, status: int, detail: str) -> None:
        """No problem is written into a response that has begun, or to a client that has sent no
        request."""
        cycle = self.cycle
        answering = cycle and cycle.response_started and not cycle.response_complete
        has_request = self._unfinished or status == HTTPStatus.BAD_REQUEST
        if has_request and not answering and not self.transport.is_closing():
            self.transport.write(_answer(HTTPStatus(status), detail))
        self.transport.close()


def _answer(status: HTTPStatus, detail: str) -> bytes:
    known = CLASSES.get(status)
    title = known.title() if known else status.phrase
    problem = ProblemDetails("about:blank", title, int(status), detail)
    body = msgspec.json.encode(problem)
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body


class WithCycle:
    """Passes uvicorn's request cycle on as `scope["cycle"]`: the transport in it is the only way to
    drop a client that does not read."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["cycle"] = getattr(send, "__self__", None)
        await self.app(scope, receive, send)
