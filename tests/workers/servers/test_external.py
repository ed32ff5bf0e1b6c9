"""Servers that were named: what is said where one of them cannot be used."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import SIGTERM

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from domain.errors import Unavailable
from workers.servers import external
from workers.servers.jetstream import binary
from workers.servers.processes import free_port, spawn, until
from workers.settings import Settings


def said(**named: str) -> str | None:
    """The message about the first of these servers that cannot be used."""
    try:
        external.require(Settings(**named))
    except Unavailable as e:
        return e.detail
    return None


def test_servers_that_can_be_used_are_not_spoken_of(database: str, nats: str) -> None:
    assert said(database_url=database, nats_url=nats) is None
    assert said(nats_url=f"nats://127.0.0.1:{free_port()}, {nats}") is None


def test_nats_that_is_not_there_is_named_at_once_and_without_its_password() -> None:
    first, second = free_port(), free_port()
    begun = time.monotonic()
    assert said(nats_url=f"nats://me:secret@127.0.0.1:{first},127.0.0.1:{second}") == (
        f"NATS does not answer at 127.0.0.1:{first}: Connection refused; "
        f"NATS does not answer at 127.0.0.1:{second}: Connection refused. "
        "Start it, or correct NATS_URL."
    )
    assert time.monotonic() - begun < 1


def test_nats_with_another_password_refuses(nats: str) -> None:
    place = nats.rpartition("@")[2]
    assert said(nats_url=f"nats://rapport:guess@{place}") == (
        f"NATS at {place} refuses this: 'Authorization Violation'. Start it, or correct NATS_URL."
    )


@pytest.fixture
def without_jetstream(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    log = tmp_path / "nats.log"
    with log.open("ab") as output:
        process = spawn([binary(), "-a", "127.0.0.1", "-p", str(port)], [SIGTERM], output=output)
    try:
        assert until(lambda: "Server is ready" in log.read_text(), 10)
        yield f"127.0.0.1:{port}"
    finally:
        process.stop()


def test_nats_without_jetstream_is_named(without_jetstream: str) -> None:
    assert said(nats_url=without_jetstream) == (
        f"NATS at {without_jetstream} has no JetStream. Start it, or correct NATS_URL."
    )


def test_database_that_is_not_there_is_named_in_one_line() -> None:
    port = free_port()
    assert said(database_url=f"postgresql://me:secret@127.0.0.1:{port}/none") == (
        f'The database does not answer: connection to server at "127.0.0.1", port {port} failed: '
        "Connection refused. Start it, or correct DATABASE_URL."
    )


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"password": "guess"}, 'password authentication failed for user "rapport"'),
        ({"dbname": "none"}, 'database "none" does not exist'),
    ],
)
def test_database_that_answers_no_refuses(
    new_database: Callable[[], str], other: dict[str, str], refusal: str
) -> None:
    url = make_conninfo("", **conninfo_to_dict(new_database()) | other)
    assert said(database_url=url) == f"The database refuses this: {refusal}. Correct DATABASE_URL."
