"""A proxy on the loopback that loses a TCP connection at a chosen word."""

import selectors
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Side = Literal["client", "server"]
HEADER = 6  # bytes of a Parse message for an unnamed statement ahead of its text


class Proxy:
    """In front of a Postgres server. Once armed, it breaks the first connection on which the
    client, or the server, says `word`, and before the other side hears it."""

    def __init__(self, url: str) -> None:
        self._to = conninfo_to_dict(url)
        self._last: tuple[Side, bytes] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = make_conninfo(
            url, host="127.0.0.1", port=self._listener.getsockname()[1], sslmode="disable"
        )
        self.cuts = 0

    def arm(self, side: Side, word: bytes) -> None:
        self._last = (side, word)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        address = (str(self._to["host"]), int(str(self._to["port"])))
        with (
            client,
            socket.create_connection(address) as server,
            selectors.DefaultSelector() as both,
            suppress(OSError),
        ):
            both.register(client, selectors.EVENT_READ)
            both.register(server, selectors.EVENT_READ)
            while True:
                for key, _ in both.select():
                    if not self._pass_on(key.fileobj is client, client, server):
                        return

    def _pass_on(self, from_client: bool, client: socket.socket, server: socket.socket) -> bool:
        """False: this connection is no more."""
        said = (client if from_client else server).recv(1 << 16)
        hearer = server if from_client else client
        side, word = self._last or ("", b"")
        if side == ("client" if from_client else "server") and word in said:
            self._last = None
            self.cuts += 1
            hearer.sendall(said[: max(0, said.index(word) - HEADER)])
            return False
        hearer.sendall(said)
        return bool(said)
