"""A small HTTP/1.1 client for load: requests one after another on a connection, and streams."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

from msgspec import Struct

PATIENCE = 20.0  # seconds for an answer: longer than the store's own
HEAD = 1 << 16


class LostError(Exception):
    """The connection is lost: whether the request was received is unknown."""


LOST = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError)


class Answer(Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Client:
    """A client with the token of one member. It connects with the first request, and again when the
    connection was lost."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Raises LostError."""
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._begin(method, path, body, headers)
                length = int(answer.headers.get("content-length", "0"))
                body = await self._reader.readexactly(length)
            return Answer(answer.status, answer.headers, body)
        except LOST as e:
            self.close()
            raise LostError(f"{type(e).__name__}: {e}") from None
        except BaseException:
            self.close()
            raise

    async def stream(self, path: str, last_id: str) -> AsyncGenerator[bytes, None]:
        """Server-sent events after the one with this id, as raw bytes. Raises LostError where the
        answer is not 200; ends with the connection."""
        try:
            try:
                async with asyncio.timeout(PATIENCE):
                    answer = await self._begin("GET", path, b"", {"Last-Event-ID": last_id})
            except LOST as e:
                raise LostError(f"{type(e).__name__}: {e}") from None
            if answer.status != 200:
                raise LostError(f"a stream was answered {answer.status}")
            heard = b""
            with suppress(*LOST):
                while size := int(await self._reader.readline(), 16):
                    heard += (await self._reader.readexactly(size + 2))[:-2]
                    *whole, heard = heard.split(b"\n\n")
                    for message in whole:
                        yield message
        finally:
            self.close()

    def close(self) -> None:
        if self._writer:
            self._writer.transport.abort()
        self._writer = None

    async def _begin(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self._port, limit=HEAD
            )
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
            "".encode()
            + body
        )
        status, *fields = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (field.partition(": ") for field in fields if field)
        return Answer(int(status.split()[1]), {name.lower(): value for name, _, value in pairs})
