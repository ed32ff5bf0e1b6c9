"""The servers of a bench: a Postgres and a NATS of its own, and the product on them."""

import gc
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from sql.migrate import migrate
from tests.product import ROOT, Product
from tests.waiting import PATIENCE
from workers.servers.embedded import start_postgres
from workers.servers.processes import until

STATUSES = ("in_progress", "completed", "not_started")
MISSIONS = [f"mission_{i}" for i in range(20)]
DRAINED = """
SELECT (SELECT coalesce(max(notification_id), 0) FROM events.log)
    <= (SELECT min(position) FROM views.positions)
"""


class Measured(Product):
    """The product with an empty route, and without a limit on requests."""

    def start_api(self) -> None:
        self.api = self._spawn("api", "-m", "tests.bench.server")
        assert until(self._answers, PATIENCE), self.log("api")

    def drain(self, seconds: float = 60) -> None:
        """Waits until projector and relay have nothing left to do."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            assert until(lambda: connection.execute(DRAINED).fetchone() == (True,), seconds)


class Ground:
    def __init__(self, postgres_url: str, home: Path, say: Callable[[str], None]) -> None:
        self.say = say
        self._postgres_url = postgres_url
        self._home = home
        self._names = itertools.count(1)

    def database(self) -> str:
        """The URL of a new database, migrated and empty."""
        name = f"bench_{next(self._names)}"
        with psycopg.connect(self._postgres_url, autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        url = make_conninfo("", **conninfo_to_dict(self._postgres_url) | {"dbname": name})
        migrate(url)
        return url

    def folder(self) -> Path:
        """A new, empty folder."""
        folder = self._home / f"folder_{next(self._names)}"
        folder.mkdir()
        return folder

    @contextmanager
    def product(self) -> Iterator[Measured]:
        home = self._home / f"product_{next(self._names)}"
        home.mkdir()
        with Measured.running(self.database(), home, RATE_LIMIT="1000000") as product:
            yield product


@contextmanager
def ground(home: Path, say: Callable[[str], None]) -> Iterator[Ground]:
    """Servers in a directory below `home`, on the disk that will be used, removed at the end."""
    with tempfile.TemporaryDirectory(dir=home, prefix="run-") as directory:
        server = start_postgres(Path(directory) / "postgres")
        try:
            yield Ground(server.url, Path(directory), say)
        finally:
            server.stop()


def client(name: str, patience: float, **spec: Any) -> Any:
    """Runs a load generator in a process of its own, for `patience` seconds at most. Gives what it
    measured."""
    answer = subprocess.run(
        [sys.executable, "-m", "tests.bench.client", name],
        input=json.dumps(spec).encode(),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=patience,
        check=True,
    )
    return json.loads(answer.stdout)


@contextmanager
def as_processes_do() -> Iterator[None]:
    """Sets the interpreter as our processes do, and puts it back for the baseline."""
    from api.server import SWITCH
    from workers.garbage import collect_rarely

    before = gc.get_threshold(), sys.getswitchinterval()
    collect_rarely()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        gc.set_threshold(*before[0])
        sys.setswitchinterval(before[1])
