"""The wire: a TCP proxy between a writer and Postgres that can lose or delay a COMMIT.

It parses the protocol as far as it takes to recognize a COMMIT:
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
from contextlib import suppress
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Fault = Literal["before", "after", "hold"]
READY = b"Z\x00\x00\x00\x05"


class Wire:
    """Armed with a fault, it applies it to the next COMMIT: `before` breaks the connection before
    Postgres gets it, `after` breaks it when Postgres has committed, before the writer is told,
    `hold` delays it until `release()`."""

    def __init__(self, database_url: str) -> None:
        self._to = conninfo_to_dict(database_url)
        self._from = database_url
        self._fault: Fault | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._go_on = asyncio.Event()
        self.held = asyncio.Event()
        self.struck = 0

    async def open(self) -> str:
        """Starts the proxy, and gives the URL to connect to."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return make_conninfo(
            self._from, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
        )

    async def close(self) -> None:
        self.release()
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await asyncio.gather(*filter(None, self._tasks), return_exceptions=True)

    def arm(self, fault: Fault) -> None:
        self._fault = fault
        self._go_on.clear()
        self.held.clear()

    def release(self) -> None:
        self._fault = None
        self._go_on.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks |= {task} if task else set()
        try:
            await self._join(reader, writer)
        except OSError:
            writer.close()  # Postgres does not answer now
        finally:
            self._tasks -= {task}

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = str(self._to["host"]), int(str(self._to.get("port", 5432)))
        far = await asyncio.open_connection(host, port)
        line = _Line(self, (reader, writer), far)
        self._writers |= line.writers
        try:
            await line.run()
        finally:
            self._writers -= line.writers

    async def at_commit(self) -> Fault | None:
        """The fault that is to strike this COMMIT, after the delay of `hold`."""
        fault, self._fault = self._fault, None
        self.struck += fault is not None
        if fault == "hold":
            self.held.set()
            await self._go_on.wait()
        return fault


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Line:
    """One connection through the proxy: the writer is near, Postgres is far."""

    def __init__(self, wire: Wire, near: Ends, far: Ends) -> None:
        self._wire = wire
        self._near, self._to_near = near
        self._far, self._to_far = far
        self._commits: set[bytes] = set()  # names of prepared statements
        self._silent = False
        self.writers = {self._to_near, self._to_far}

    async def run(self) -> None:
        """Passes messages on until either side is gone."""
        ways = [asyncio.create_task(way) for way in (self._up(), self._down())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for writer in self.writers:
            writer.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for writer in self.writers:
            with suppress(OSError):
                await writer.wait_closed()

    async def _up(self) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await self._near.readexactly(4)
            await self._pass_on(head + await self._near.readexactly(_length(head)))
            while True:
                head = await self._near.readexactly(5)
                body = await self._near.readexactly(_length(head[1:]))
                if self._is_commit(head[:1], body):
                    fault = await self._wire.at_commit()
                    self._silent = fault == "after"
                    if fault == "before":
                        return
                await self._pass_on(head + body)

    async def _pass_on(self, message: bytes) -> None:
        self._to_far.write(message)
        await self._to_far.drain()

    def _is_commit(self, kind: bytes, body: bytes) -> bool:
        if kind == b"P":  # Parse: a statement's name, and its text
            name, text, _ = body.split(b"\0", 2)
            is_commit = text.rstrip(b";").endswith(b"COMMIT")
            (self._commits.add if is_commit else self._commits.discard)(name)
        elif kind == b"B":  # Bind: a portal's name, and a statement's
            _, name, _ = body.split(b"\0", 2)
            return name in self._commits
        return False

    async def _down(self) -> None:
        with suppress(OSError):
            while data := await self._far.read(1 << 16):
                if not self._silent:
                    self._to_near.write(data)
                    await self._to_near.drain()
                elif READY in data:
                    return


def _length(head: bytes) -> int:
    return int.from_bytes(head, "big") - 4
