"""HTTP/1.1 beyond uvicorn: limits on requests that are not complete, and a problem+json as the
answer to what is no HTTP."""

import asyncio
import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.http.origin import of_host, origin
from api.http.problems import BROKE, CLASSES, MEDIA_TYPE, ProblemDetails

log = logging.getLogger(__name__)

LARGEST_HEAD = 65_536  # bytes of a request before its body
TIMEOUT = 30.0  # seconds until a request is complete, from its first byte
# Seconds for which a connection may be idle. Proxies keep theirs for 60 (nginx, ALB) to 120 (Caddy)
# and lose no request to us if it is they who hang up.
IDLE = 130
# A name or an address, and a port (RFC 3986, section 3.2). It may be empty.
HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")


class Protocol(HttpToolsProtocol):
    """Closes connections whose request is too long or takes too long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0  # of a head that is not complete; -1: it is complete
        self._unfinished = False
        self._is_new = True  # nothing has come yet
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(IDLE, self._time_out)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_new:
            self._is_new = False
            self._stop_timer()
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
        if not self.url.startswith(b"/"):
            self.scope["target"] = self.url.decode("latin-1")  # type: ignore[typeddict-unknown-key]
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
            headers, body = _problem(status, detail)
            # The server's own are what every answer has (api/http/headers.py).
            own = {
                name.decode(): value.decode() for name, value in self.server_state.default_headers
            }
            lines = "".join(f"{name}: {value}\r\n" for name, value in (own | headers).items())
            start = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            self.transport.write(f"{start}{lines}\r\n".encode() + body)
        self.transport.close()


class WithCycle:
    """Between uvicorn and the application. Passes uvicorn's request cycle on as `scope["cycle"]`:
    the transport in it is the only way to drop a client that does not read. Refuses a request
    without one Host. And answers where the application has not: uvicorn would with a bare 500."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        cycle = scope["cycle"] = getattr(send, "__self__", None)
        if wrong := wrong_host(scope):
            await say(send, 400, wrong)
            return
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            # uvicorn cancels what is still running when this process has to end.
            if cycle is None or cycle.response_started:
                raise
            log.warning("%s %s was given up: we end", scope["method"], scope["path"])
            await say(send, 503, "This process is ending. Sending it again is safe.")
        except Exception as e:
            if cycle is None or cycle.response_started:
                raise
            log.error("%s %s broke", scope["method"], scope["path"], exc_info=e)
            await say(send, 500, "It has been noted. Trying again may help.")


def wrong_host(scope: Any) -> str | None:
    """The fault of a request whose Host is none, or not one, or not the host of its target (RFC
    9112, section 3.2)."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1:
        if not hosts and scope["http_version"] == "1.0":
            return None
        return "A request must have one Host, and it has " + ("two." if hosts else "none.")
    if not HOST.fullmatch(hosts[0]):
        return "The Host of this request is none."
    return None if _names(scope, hosts[0]) else "The target of this request is on another host."


def _names(scope: Any, host: bytes) -> bool:
    """Whether the target of a request is a path, or an address (absolute-form) with this Host. Who
    reads the one must not find another site than who reads the other, a proxy, say."""
    if "target" not in scope or scope["target"] == "*":
        return True
    scheme, _, rest = scope["target"].partition("://")
    asked = origin(f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}")
    return asked is not None and asked == of_host(host.decode("latin-1"), asked.scheme)


async def say(send: Any, status: int, detail: str) -> None:
    """Answers with a problem, and hangs up."""
    headers, body = _problem(status, detail)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _problem(status: int, detail: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of a problem+json."""
    known = CLASSES.get(status)
    title = known.title() if known else (BROKE if status == 500 else HTTPStatus(status).phrase)
    body = msgspec.json.encode(ProblemDetails("about:blank", title, status, detail))
    headers = {
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
    }
    return headers | (
        {"Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    ), body
