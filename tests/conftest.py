"""Real servers for every test that wants them: one PostgreSQL a run, a database a test made from
a template, a nats-server where one is asked for, and the whole product as processes."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from sql.migrate import migrate
from tests import phases
from tests.product import Product
from tests.restarting import Restarting
from workers.servers.embedded import start_nats, start_postgres

TEMPLATE = "rapport_template"

# How long an example takes says nothing on a machine that does other things besides.
settings.register_profile("rapport", deadline=None)
settings.load_profile("rapport")

# Nothing here is asked over TLS, and reading all authorities there are takes an HTTP client 20 ms.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull

# A shell lets what it starts in the background ignore interrupts, and that is inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: some tests wait."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(2, cores * 3 // 2)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> phases.Scheduling:
    return phases.Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    phases.arrange(items)


@pytest.fixture(scope="session")
def turn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[phases.Turn]:
    """Shared by the processes of a run, whose own folders lie side by side."""
    turn = phases.Turn(tmp_path_factory.getbasetemp().parent / "turn")
    yield turn
    turn.end()


@pytest.fixture(autouse=True)
def turn_of_this_test(request: pytest.FixtureRequest, turn: phases.Turn, worker_id: str) -> None:
    if worker_id != "master" and phases.group(request.node.nodeid) == phases.ALONE:
        turn.wait_for_others()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server; databases are made from its migrated template."""
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
            _hurry(connection, server.url)
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(TEMPLATE)))
        migrate(of(server.url, TEMPLATE))
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def new_database(postgres: str) -> Callable[[], str]:
    names = iter(range(1_000_000))

    def make() -> str:
        name = f"rapport_{next(names)}"
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(
                SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    Identifier(name), Identifier(TEMPLATE)
                )
            )
        return of(postgres, name)

    return make


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """An empty, migrated database of this test's own."""
    return new_database()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[str]:
    """A server of this test's own."""
    server = start_nats(tmp_path / "nats")
    yield server.url
    server.stop()


@pytest.fixture
def restarting(tmp_path: Path) -> Iterator[Restarting]:
    restarting = Restarting(tmp_path)
    yield restarting
    restarting.kill()


@pytest.fixture(scope="session")
def product(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Product]:
    """The product, running: api and workers as processes of their own. Tests share it, so each
    works in events of its own."""
    with Product.running(new_database(), tmp_path_factory.mktemp("product")) as product:
        yield product


def _hurry(connection: "psycopg.Connection[Any]", url: str) -> None:
    """Its data need not outlive the machine, and its password need not be hard to guess."""
    settings = {"fsync": "off", "full_page_writes": "off"}
    if connection.info.server_version >= 180000:
        settings["file_copy_method"] = "clone"
    for name, value in settings.items():
        connection.execute(SQL("ALTER SYSTEM SET {} = {}").format(Identifier(name), value))
    connection.execute("SELECT pg_reload_conf()")
    connection.execute("SET scram_iterations = 1")
    password = conninfo_to_dict(url)["password"]
    connection.execute(SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password))


def of(url: str, database: str) -> str:
    return make_conninfo("", **conninfo_to_dict(url) | {"dbname": database})
