"""Supervises the whole product: the embedded servers where no address is given, the web, the
workers.

One thread sleeps until a child ends or a signal comes. A child that ends is restarted. All children
end with this process, also when it is killed.
"""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import EACCES, EADDRINUSE
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from signal import SIGTERM
from typing import IO, NamedTuple

import msgspec
import psycopg

from domain.errors import Invalid, Problem, Refused, Unavailable
from workers.servers import external
from workers.servers.datadir import jwt_secret, make, private, secret
from workers.servers.embedded import start_nats, start_postgres
from workers.servers.master_key import unlock, wrap_from_now_on
from workers.servers.processes import Process, Running, Server, free_port, spawn, until
from workers.servers.roles import API, WORKER, url_of
from workers.servers.signals import Signals, Stop
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
READY_TIMEOUT = 60
STOP_TIMEOUT = 4.5
FIRST_DELAY, LONGEST_DELAY, GOOD_AFTER = 0.2, 5.0, 10.0
TOO_MANY_FAILURES = 4


class Program(NamedTuple):
    """`login`: the role by which it reaches an embedded database."""

    name: str
    command: Sequence[str]
    login: str

    def starter(
        self, environment: Mapping[str, str], log: IO[bytes] | None
    ) -> Callable[[], Process]:
        return lambda: spawn(
            self.command, [SIGTERM], environment=environment, directory=ROOT, output=log
        )


class ProblemDetail(msgspec.Struct):
    """The part of a problem+json that is meant for people."""

    detail: str


class Embedded:
    """An embedded server, which is restarted on the same port: its address stays the same."""

    url = ""

    def __init__(self, start: Callable[[Path, int | None], Server], data_dir: Path) -> None:
        self._start = start
        self._data_dir = data_dir
        self._port: int | None = None

    def start(self) -> Server:
        server = self._start(self._data_dir, self._port)
        self.url, self._port = server.url, server.port
        return server


# Started in this order, stopped in the opposite one.
PROGRAMS = (
    Program("the workers", (sys.executable, "-m", "workers", "run"), WORKER),
    Program("the web server", (sys.executable, "-m", "api", "serve"), API),
)


class Service:
    """A child that is to run always, with how often it failed and when it is to be restarted."""

    def __init__(self, name: str, start: Callable[[], Running]) -> None:
        self.name = name
        self.failures = 0
        self.running: Running | None = None
        self._start = start
        self._since = 0.0
        self._due: float | None = None

    def start(self) -> None:
        self.running = self._start()
        self._since = time.monotonic()
        self._due = None

    def restart_if_ended(self) -> float | None:
        """Restarts it when that is due. Gives the seconds until then; None while it runs."""
        if self._due is None and self.running and self.running.alive():
            return None
        if self._due is None:
            self._schedule_restart(
                f"ended unasked (exit code {self.running and self.running.exit_code})"
            )
        elif self._due <= time.monotonic():
            try:
                self.start()
            except (Problem, OSError) as e:
                self._schedule_restart(f"could not be started: {e}")
        return self._due and max(0, self._due - time.monotonic())

    def stop(self, timeout: float, hurry: Callable[[], bool]) -> None:
        if self.running is None:
            return
        running = self.running
        running.request_stop()
        until(lambda: hurry() or not running.alive(), timeout)
        running.stop(0.2)

    def _schedule_restart(self, what: str) -> None:
        if time.monotonic() - self._since > GOOD_AFTER:
            self.failures = 0
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2**self.failures)
        self.failures += 1
        self._due = time.monotonic() + delay
        say(f"{self.name[0].upper()}{self.name[1:]} {what}. Next start in {delay:.1f} s.")
        if self.running:
            self.running.stop(0)


class Supervisor:
    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._services: list[Service] = []

    def start(self, name: str, start: Callable[[], Running]) -> None:
        service = Service(name, start)
        self._services.append(service)
        service.start()

    def step(self, at_most: float | None = None) -> None:
        """Restarts what has ended, then sleeps until something happens, `at_most` seconds."""
        waits = [wait for s in self._services if (wait := s.restart_if_ended()) is not None]
        self._signals.wait(min([*waits, at_most] if at_most is not None else waits, default=None))

    def wait_until_ready(self, why_not: Callable[[], str | None]) -> None:
        """Restarts what ends until `why_not` gives None. Raises Unavailable with its last reason
        when READY_TIMEOUT is over, or a service fails again and again."""
        deadline = time.monotonic() + READY_TIMEOUT
        while reason := why_not():
            failing = [s.name for s in self._services if s.failures >= TOO_MANY_FAILURES]
            if failing or time.monotonic() > deadline:
                raise Unavailable(
                    f"It did not get ready: {reason} "
                    + (f"Again and again {' and '.join(failing)} ended. " if failing else "")
                    + "What is wrong stands above this line."
                )
            self.step(0.05)

    def stop(self) -> None:
        """Stops all, the last that was started first, within STOP_TIMEOUT seconds; then kills."""
        deadline = time.monotonic() + STOP_TIMEOUT
        while self._services:
            share = max(0, deadline - time.monotonic()) / len(self._services)
            self._services.pop().stop(share, lambda: self._signals.hurry)


def serve(
    settings: Settings,
    when_ready: Callable[[str], object] | None = None,
    programs: Sequence[Program] = PROGRAMS,
    log: str | None = None,
) -> None:
    """Runs the product until a signal ends it. `when_ready` is called with its address as soon as
    it is ready. `log` names a file in `DATA_DIR` for the programs' output, which is ours
    otherwise."""
    settings = _checked(settings)
    with Signals() as signals, _log_file(settings, log) as output:
        supervisor = Supervisor(signals)
        try:
            _start(supervisor, settings, programs, output)
            address = f"http://{_browser_host(settings.host)}:{settings.port}"
            supervisor.wait_until_ready(lambda: _why_not_ready(settings))
            _welcome(address, settings)
            if when_ready:
                when_ready(address)
            while True:
                supervisor.step()
        except Stop:
            say("Stopping.")
        finally:
            signals.received = max(1, signals.received)
            supervisor.stop()
    say(f"Stopped. The data stays in {settings.data_dir}.")


def migrate(database_url: str, after: bool = True) -> None:
    """Without `after`, what has to wait for the end of the version before is left, and named."""
    from sql.migrate import MigrationChangedError, left
    from sql.migrate import migrate as run

    try:
        ran = run(database_url, after=after)
        waiting = left(database_url)
    except MigrationChangedError as e:
        raise Refused(str(e)) from None
    except psycopg.OperationalError as e:
        raise external.why_no_database(e) from None
    say(f"Migrations run: {', '.join(ran)}." if ran else "The database is up to date.")
    if waiting:
        say(
            f"Left for later: {', '.join(waiting)}. Run `python -m workers migrate --after` once "
            "nothing of the version before runs any more."
        )


def say(sentence: str) -> None:
    print(sentence, flush=True)


@contextmanager
def _log_file(settings: Settings, log: str | None) -> Iterator[IO[bytes] | None]:
    if log is None:
        yield None
        return
    say(f"What its programs say is in {settings.data_dir / log}.")
    with (settings.data_dir / log).open("ab") as output:
        yield output


def _start(
    supervisor: Supervisor,
    settings: Settings,
    programs: Sequence[Program],
    output: IO[bytes] | None,
) -> None:
    database_url, nats_url = settings.database_url, settings.nats_url
    embedded = database_url is None
    if database_url is None:
        postgres = Embedded(start_postgres, settings.data_dir)
        supervisor.start("PostgreSQL", postgres.start)
        database_url = postgres.url
    if nats_url is None:
        nats = Embedded(start_nats, settings.data_dir)
        supervisor.start("NATS", nats.start)
        nats_url = nats.url
    migrate(database_url, after=embedded)
    if embedded:
        wrap_from_now_on(database_url)
    else:
        say(
            "All programs reach the database as the role of DATABASE_URL, which owns it; how they "
            "get roles that may do less is in README.md, Roles."
        )
    unlock(settings, database_url)
    for program in programs:
        url = _url_of(program, settings, database_url) if embedded else database_url
        environment = _environment(settings, url, nats_url)
        supervisor.start(program.name, program.starter(environment, output))


def _url_of(program: Program, settings: Settings, owner_url: str) -> str:
    name = program.login.removeprefix("rapport_")
    return url_of(program.login, owner_url, secret(settings.data_dir / f"postgres-{name}-password"))


def _environment(settings: Settings, database_url: str, nats_url: str) -> dict[str, str]:
    given = {
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "DATA_DIR": str(settings.data_dir),
        "HOST": settings.host,
        "PORT": str(settings.port),
        "PYTHONUNBUFFERED": "1",
    }
    if settings.jwt_jwks_url is None:
        given["JWT_SECRET"] = jwt_secret(settings)
    return {**os.environ, **given}


def _checked(settings: Settings) -> Settings:
    """The settings with a real port for 0 and an absolute directory. Raises Problem where something
    cannot be used, before anything is written."""
    _require_port(settings.host, settings.port)
    external.require(settings)
    return msgspec.structs.replace(
        settings, port=settings.port or free_port(), data_dir=private(settings.data_dir)
    )


def _require_port(host: str, port: int) -> None:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as e:
        another = f"`PORT={(port or 8000) % 65535 + 1} make run`"
        remedies = {
            EADDRINUSE: f"Stop the program that is there, or choose another port: {another}.",
            EACCES: "Ports below 1024 are for root; choose another: `PORT=8000 make run`.",
        }
        remedy = remedies.get(e.errno or 0, "Set HOST to an address of this machine: 127.0.0.1.")
        raise Invalid(f"Nothing can be served on {host}:{port}: {e.strerror}. {remedy}") from None


def _browser_host(host: str) -> str:
    """The host by which a browser on this machine reaches what listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not listened on
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 - the same
    return f"[{host}]" if ":" in host else host


def _why_not_ready(settings: Settings) -> str | None:
    connection = HTTPConnection(_browser_host(settings.host).strip("[]"), settings.port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        return None if answer.status == 200 else f"/health/ready says: {_detail(answer.read())}."
    except (OSError, HTTPException) as e:
        return f"/health/ready does not answer: {e}."
    finally:
        connection.close()


def _detail(problem: bytes) -> str:
    with suppress(msgspec.MsgspecError):
        return msgspec.json.decode(problem, type=ProblemDetail).detail
    return problem[:500].decode(errors="replace")


def _welcome(address: str, settings: Settings) -> None:
    if settings.public_url:
        say(f"Rapport is ready at {settings.public_url}, and listens on {address}.")
    else:
        say(f"Rapport is ready at {address}.")
    if settings.jwt_secret:
        say("For a token: `make token`, with the same JWT_SECRET.")
    elif settings.jwt_jwks_url:
        say("Tokens come from the identity provider behind JWT_JWKS_URL.")
    else:
        say(f"For a token: `{make('token', settings.data_dir)}`.")
    say(f"Its data is in {settings.data_dir}. Ctrl-C stops it, and the data stays.")
