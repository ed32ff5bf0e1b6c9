"""The processes of a proof: servers, the product on them, and the load. All are started and ended
here; no other process is ever killed."""

import asyncio
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stdout, suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1
from typing import Any

from msgspec.structs import replace

from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Unavailable
from domain.store.queue import SYSTEM
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from projections.engine import event_log
from projections.engine.election import connect
from sql import statements
from sql.migrate import migrate
from workers.proof import spec as specs
from workers.proof.acts import preparations
from workers.proof.load import SETTLED
from workers.proof.spec import Spec
from workers.proof.writers import LAST
from workers.servers.datadir import master_key
from workers.servers.embedded import start_nats, start_postgres
from workers.servers.master_key import unlock
from workers.servers.processes import Process, free_port, read_log, spawn, until
from workers.servers.signals import Signals
from workers.servers.supervisor import ROOT, Embedded, Service
from workers.settings import Settings

POSTGRES, NATS, API, WORKERS = "PostgreSQL", "NATS", "the api", "the workers"
SECOND = "a second worker"
PROGRAMS = {
    WORKERS: ("workers", "run"),
    SECOND: ("workers.proof.second",),
    API: ("api", "serve"),
}
READY_TIMEOUT = 60.0  # seconds until the api listens
STOP_TIMEOUT = 3.0  # seconds from a request to end to a kill
POLL_SECONDS = 0.02


class Stack:
    """`spec` is there once it has started."""

    spec: Spec

    def __init__(self, folder: Path, settings: Settings, plant: str | None, signals: Signals):
        self.folder = folder
        self._settings = settings
        self._plant = [plant] if plant else []
        self._signals = signals
        self._services: dict[str, Service] = {}
        self._load: dict[str, Process] = {}
        self.stream = JetStreamFiles(folder / "nats" / "jetstream")

    # Starting and ending
    def start(self, seed: int) -> None:
        with (self.folder / "servers.log").open("a") as log, redirect_stdout(log):
            database_url = self._settings.database_url or self._embed(POSTGRES, start_postgres)
            nats_url = self._settings.nats_url or self._embed(NATS, start_nats)
            migrate(database_url)
            own = self._settings.database_url is None
            place = self.folder if own else self._settings.data_dir
            self._settings = replace(self._settings, data_dir=place)
            unlock(self._settings, database_url)
            event_id, secret = f"proof-{secrets.token_hex(4)}", secrets.token_urlsafe(48)
            begin, start = asyncio.run(_prepare(database_url, event_id))
            where = str(self.folder), event_id, database_url, nats_url
            self.spec = Spec(*where, free_port(), secret, seed, begin, start)
            for name, program in PROGRAMS.items():
                self._add(Service(name, lambda program=program: self._program(program)))  # type: ignore[misc]

    def start_load(self) -> None:
        self.wait(self._answers, READY_TIMEOUT)
        spec = str(specs.write(self.spec))
        self._spawn("load", spec)
        self._spawn("tail", spec)
        self._spawn("noting", spec)
        for number in range(len(self.spec.on_store)):
            self._spawn("store", spec, str(number), *self._plant)

    def settle(self) -> None:
        """Lets the load begin nothing new, and waits until it has finished what was begun."""
        for process in self._load.values():
            os.kill(process.pid, SIGUSR1)
        ends = ("store", "noting")
        stores = [process for name, process in self._load.items() if name.startswith(ends)]
        settled = self.spec.file(SETTLED)
        self.wait(lambda: settled.exists() and not any(s.alive() for s in stores), LAST)

    def stop(self) -> None:
        for process in self._load.values():
            process.stop(STOP_TIMEOUT)
        for service in reversed(self._services.values()):
            service.stop(STOP_TIMEOUT, lambda: self._signals.hurry)

    # While it runs
    def step(self) -> None:
        """Restarts what has ended, and sleeps for a moment."""
        with (self.folder / "servers.log").open("a") as log, redirect_stdout(log):
            for service in self._services.values():
                service.restart_if_ended()
        self._signals.wait(POLL_SECONDS)

    def wait(self, condition: Callable[[], object], seconds: float) -> bool:
        """Waits, and restarts what ends meanwhile. Whether the condition came true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.step()
        return True

    def has(self, name: str) -> bool:
        return name in self._services

    def runs(self) -> bool:
        """Whether all services run."""
        return all(s.running and s.running.alive() for s in self._services.values())

    def kill(self, name: str) -> None:
        """Kills a service with SIGKILL, and waits until it is gone."""
        running: Any = self._services[name].running
        os.kill(running.pid, SIGKILL)
        until(lambda: not running.alive(), STOP_TIMEOUT)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """A service that stands still meanwhile."""
        running: Any = self._services[name].running
        os.kill(running.pid, SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(running.pid, SIGCONT)

    def require_load(self) -> None:
        """Raises Unavailable where the load itself failed: that is no finding about the product."""
        for name, process in self._load.items():
            if process.exit_code:
                words = read_log(self.folder / f"{name}.log")[-500:]
                raise Unavailable(f"The proof itself broke: {name} ended with this. {words}")

    def _embed(self, name: str, start: Callable[..., Any]) -> str:
        embedded = Embedded(start, self.folder)
        self._add(Service(name, embedded.start))
        return embedded.url

    def _add(self, service: Service) -> None:
        self._services[service.name] = service
        service.start()

    def _program(self, program: Sequence[str]) -> Process:
        planted = ["workers.proof.planted", *(self._plant or ["nothing"])]
        name = program[0].rpartition(".")[2]
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", *planted, *program]
            environment = self._environment()
            return spawn(command, [SIGTERM], environment=environment, directory=ROOT, output=log)

    def _environment(self) -> Mapping[str, str]:
        secret = {"JWT_SECRET": self.spec.secret, "JWT_JWKS_URL": "", **self._master_key()}
        secret |= {"JWT_AUDIENCE": "", "JWT_ISSUER": ""}
        addresses = {"DATABASE_URL": self.spec.database_url, "NATS_URL": self.spec.nats_url}
        place = {"HOST": "127.0.0.1", "PORT": str(self.spec.port), "DATA_DIR": str(self.folder)}
        return {**os.environ, **secret, **addresses, **place, "RATE_LIMIT": "1000"}

    def _master_key(self) -> Mapping[str, str]:
        return {"MASTER_KEY": master_key(self._settings)}

    def _answers(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.spec.port)) == 0

    def _spawn(self, module: str, *arguments: str) -> None:
        name = "_".join((module, *arguments[1:2]))
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", f"workers.proof.{module}", *arguments]
            environment = {**os.environ, **self._master_key()}
            process = spawn(command, [SIGTERM], directory=ROOT, environment=environment, output=log)
        self._load[name] = process


class JetStreamFiles:
    """The files of JetStream, while nats-server does not run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copy = folder.with_name("jetstream.copy")

    def wipe(self) -> None:
        shutil.rmtree(self._folder)

    def copy(self) -> None:
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._folder, self._copy)

    def restore(self) -> None:
        """Puts the copy back."""
        self.wipe()
        shutil.copytree(self._copy, self._folder)


async def _prepare(database_url: str, event_id: str) -> tuple[int, int]:
    """Makes a conference of our own. Gives the ends of the log before and after it."""
    async with await connect(database_url, "proof") as connection:
        begin = await event_log.end(connection)
    recorder = await asyncio.to_thread(open_recorder, database_url, statements("history"))
    position, by = begin, Author(f"{SYSTEM}prove", event_id)
    with closing(History(recorder, AGGREGATES, RENAMED)) as history:
        for command in preparations(event_id):
            position = (await history.execute(command, by=by)).position
    return begin, position
