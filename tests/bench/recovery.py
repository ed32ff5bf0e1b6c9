"""From a kill -9 of one of the product's processes to the next PATCH that is answered 200."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import httpx
from msgspec import Struct

from sql.migrate import migrate
from tests.bench.figure import Figure
from tests.bench.ground import Ground
from tests.product import ROOT, SECRET, mission
from workers.servers.embedded import start_nats, start_postgres
from workers.servers.processes import Process, free_port, spawn
from workers.servers.supervisor import Embedded, Service
from workers.tokens import sign

STATUSES = ("in_progress", "not_started")
PATIENCE = 60.0  # seconds
QUIET = 3.0  # seconds without a fault between two: one that ends again soon is restarted later
POLL_SECONDS = 0.01


class Size(Struct, frozen=True):
    rounds: int = 5
    quiet: float = QUIET


QUICK = Size(rounds=1, quiet=0.1)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    taken: dict[str, list[float]] = {}
    with _stack(ground.folder()) as stack:
        for _ in range(size.rounds):
            for name in stack.services:
                taken.setdefault(name, []).append(stack.recover(name, size.quiet))
    for name, seconds in taken.items():
        ground.say(f"  {name}: {', '.join(f'{each:.2f} s' for each in seconds)}")
        what = f"kill -9 of {name} to a PATCH that is answered 200: the longest"
        yield Figure(f"recovery {name}", what, "s", (max(seconds),), reach=5, at_most=True)


class _Stack:
    """The product with services that restart, as under the supervisor."""

    def __init__(self, folder: Path) -> None:
        self.services: dict[str, Service] = {}
        self._folder, self._port, self._turn = folder, free_port(), 0
        self._url = f"http://127.0.0.1:{self._port}/api/events/evt_1"

    def start(self) -> None:
        postgres, nats = Embedded(start_postgres, self._folder), Embedded(start_nats, self._folder)
        self._add("postgres", Service("PostgreSQL", postgres.start))
        self._add("nats", Service("NATS", nats.start))
        migrate(postgres.url)
        environment = {
            **os.environ,
            "DATABASE_URL": postgres.url,
            "NATS_URL": nats.url,
            "DATA_DIR": str(self._folder),
            "PORT": str(self._port),
            "JWT_SECRET": SECRET,
        }
        for name, command in (("workers", "run"), ("api", "serve")):
            self._add(name, Service(name, _program(name, command, environment, self._folder)))
        conference = {"name": "A conference", "timezone": "UTC"}
        self._until_200("PUT", "", conference, "admin")
        self._until_200("PUT", "/missions", [mission("goals")], "admin")

    def recover(self, name: str, rest: float) -> float:
        """Seconds. The next fault comes only after a while without one."""
        running: Any = self.services[name].running
        os.kill(running.pid, SIGKILL)
        started = time.monotonic()
        while running.alive():
            time.sleep(POLL_SECONDS)
        self._patch()
        taken = time.monotonic() - started
        quiet = time.monotonic()
        while time.monotonic() - quiet < rest:
            self._patch()
        return taken

    def _patch(self) -> None:
        self._turn += 1
        body = {"status": STATUSES[self._turn % len(STATUSES)]}
        self._until_200("PATCH", "/missions/goals", body, "event:evt_1:member")

    def _until_200(self, method: str, path: str, body: Any, scope: str) -> None:
        headers = {"Authorization": f"Bearer {sign(SECRET, 'ada', [scope], 600)}"}
        deadline = time.monotonic() + PATIENCE
        while True:
            self._step()
            try:
                answer = httpx.request(
                    method, self._url + path, json=body, headers=headers, timeout=1
                )
                if answer.is_success:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"{method} {path} is not answered"
            time.sleep(POLL_SECONDS)

    def _step(self) -> None:
        """Restarts what has ended. The messages go to a file: the kills are meant."""
        with (self._folder / "servers.log").open("a") as log, redirect_stdout(log):
            for service in self.services.values():
                service.restart_if_ended()

    def stop(self) -> None:
        for service in reversed(self.services.values()):
            service.stop(5, lambda: False)

    def _add(self, name: str, service: Service) -> None:
        self.services[name] = service
        service.start()


@contextmanager
def _stack(folder: Path) -> Iterator[_Stack]:
    stack = _Stack(folder)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def _program(name: str, command: str, environment: dict[str, str], folder: Path) -> Any:
    def start() -> Process:
        with (folder / f"{name}.log").open("ab") as log:
            program = [sys.executable, "-m", name, command]
            return spawn(program, [SIGTERM], environment=environment, directory=ROOT, output=log)

    return start
