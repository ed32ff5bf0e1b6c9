"""Real servers for every test that wants them: one PostgreSQL a run, a database a test made from
a template, a nats-server where one is asked for, and the whole product as processes."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from sql.migrate import migrate
from tests.product import Product
from tests.restarting import Restarting
from workers.servers.embedded import start_nats, start_postgres

TEMPLATE = "rapport_template"

# How long an example takes says nothing on a machine that does other things besides.
settings.register_profile("rapport", deadline=None)
settings.load_profile("rapport")

# A shell lets what it starts in the background ignore interrupts, and that is inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server; databases are made from its migrated template."""
    server = start_postgres(tmp_path_factory.mktemp("postgres"))
    try:
        with psycopg.connect(server.url, autocommit=True) as connection:
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
                SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(TEMPLATE))
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


def of(url: str, database: str) -> str:
    return make_conninfo("", **conninfo_to_dict(url) | {"dbname": database})
