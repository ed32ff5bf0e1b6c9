"""HTTP/1.1 as far as a load generator needs it. A client library would cost more than the server
that it measures."""

import asyncio
import re
from collections.abc import Callable
from typing import cast

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
MESSAGE = re.compile(rb"id: (\d+)\nevent: \w+\ndata: (.*)\n\n")
COMMENT = b":\n\n"


def request(method: str, path: str, token: str, body: bytes = b"", headers: str = "") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    ).encode() + body


class Connection(asyncio.Protocol):
    """Kept alive; one request at a time."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._came = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        head = self._came.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self._came, 0, head)
        if length is None or len(self._came) < head + 4 + int(length[1]):
            return
        status, self._came = int(self._came[9:12]), b""
        if self._answer and not self._answer.done():
            self._answer.set_result(status)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the server hung up"))

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        """The status."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer


class Feed(asyncio.Protocol):
    """One live feed; `heard(data)` is called with each message."""

    transport: asyncio.Transport

    def __init__(self, request: bytes, heard: Callable[[bytes], None]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.beats = -1  # the comment that opens it is none
        self._request = request
        self._heard = heard
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done() and not data.startswith(b"HTTP/1.1 200") and not self._came:
            self.opened.set_exception(ConnectionError(data[:200].decode()))
        if COMMENT in data:
            self.beats += data.count(COMMENT)
            if not self.opened.done():
                self.opened.set_result(None)
        self._came += data
        end = 0
        for message in MESSAGE.finditer(self._came):
            end = message.end()
            self._heard(message[2])
        self._came = self._came[end:] if end else self._came[-4096:]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("the server hung up"))


async def connect(port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        Connection, "127.0.0.1", port
    )
    return connection


async def listen(port: int, request: bytes, heard: Callable[[bytes], None]) -> Feed:
    _, feed = await asyncio.get_running_loop().create_connection(
        lambda: Feed(request, heard), "127.0.0.1", port
    )
    await feed.opened
    return feed


async def connections(port: int, count: int) -> "asyncio.Queue[Connection]":
    """So many, for whoever asks next."""
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(count):
        idle.put_nowait(await connect(port))
    return idle


async def ask_any(idle: "asyncio.Queue[Connection]", request: bytes) -> None:
    connection = await idle.get()
    status = await connection.ask(request)
    assert status == 200, status
    idle.put_nowait(connection)
