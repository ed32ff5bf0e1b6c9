"""A nats-server to be killed, and to be started again where it was."""

import os
import shutil
from pathlib import Path
from signal import SIGKILL

from workers.servers.embedded import Server, start_nats


class Restarting:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._server: Server | None = None
        self._port: int | None = None

    def start(self) -> Server:
        self._server = start_nats(self._home, self._port)
        self._port = self._server.port
        return self._server

    def kill(self, wipe: bool = False) -> None:
        """With `wipe`, what it has stored is lost."""
        if self._server:
            if self._server.alive():
                os.kill(self._server.pid, SIGKILL)
            self._server.stop()
            self._server = None
        if wipe:
            shutil.rmtree(self._home / "nats" / "jetstream")
