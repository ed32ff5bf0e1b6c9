import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nats
import psycopg
import pytest

from domain.errors import Refused, Unavailable
from workers.servers import postgres
from workers.servers.datadir import jwt_secret, secret
from workers.servers.embedded import Server, start_nats, start_postgres
from workers.servers.processes import command_of, until
from workers.settings import Settings

ROOT = Path(__file__).parents[3]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
Start = Callable[..., Server]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Longer than a socket's path may be, with spaces, and a first try that was broken off."""
    directory = tmp_path_factory.mktemp("data") / ("a long name " * 10)
    (directory / "postgres" / "cluster.new").mkdir(parents=True, mode=0o700)
    (directory / "postgres" / "cluster.new" / "PG_VERSION").write_text("18")
    return directory


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    """Starts servers on the shared directory, and stops them after the test."""
    servers: list[Server] = []

    def starter(which: Callable[..., Server], port: int | None = None) -> Server:
        servers.append(which(data_dir, port))
        return servers[-1]

    yield starter
    for server in servers:
        server.stop()


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def publish(url: str) -> int:
    """How many messages the stream has, with one more."""

    async def run() -> int:
        client = await nats.connect(url, allow_reconnect=False, connect_timeout=5)
        try:
            stream = client.jetstream()
            await stream.add_stream(name="kept", subjects=["kept"])
            return (await stream.publish("kept", b"")).seq
        finally:
            await client.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "on"),
        ("listen_addresses", "127.0.0.1"),
        ("password_encryption", "scram-sha-256"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("shared_buffers", "256MB"),
    ],
)
def test_postgres_is_set_up_as_meant(start: Start, name: str, value: str) -> None:
    assert ask(start(start_postgres).url, f"SHOW {name}") == value


def test_postgres_asks_for_the_password(start: Start) -> None:
    url = start(start_postgres).url
    head, _, tail = url.partition("rapport:")
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(f"{head}rapport:guess@{tail.partition('@')[2]}")


def test_postgres_keeps_what_was_written_through_a_crash(start: Start) -> None:
    first = start(start_postgres)
    ask(first.url, "CREATE FUNCTION kept() RETURNS int LANGUAGE sql RETURN 42")
    os.kill(first.pid, signal.SIGKILL)
    assert until(lambda: not first.alive(), 5)
    first.stop()
    begun = time.monotonic()
    second = start(start_postgres, first.port)
    assert time.monotonic() - begun < 5
    assert second.url == first.url
    assert ask(second.url, "SELECT kept()") == 42


def test_postgres_starts_in_less_than_a_second(start: Start) -> None:
    start(start_postgres).stop()
    begun = time.monotonic()
    start(start_postgres)
    assert time.monotonic() - begun < 1


def test_postgres_looks_past_a_stale_pid_file(start: Start, data_dir: Path) -> None:
    start(start_postgres).stop()
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        try:
            (data_dir / "postgres/cluster/postmaster.pid").write_text(f"{stranger.pid}\n")
            assert ask(start(start_postgres).url, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_postgres_of_another_run_is_not_touched(start: Start) -> None:
    running = start(start_postgres)
    with pytest.raises(Refused, match=rf"in use by another run \(process {os.getpid()}\)"):
        start(start_postgres)
    assert running.alive()


def test_postgres_says_which_version_made_the_data(start: Start, data_dir: Path) -> None:
    start(start_postgres).stop()
    file = data_dir / "postgres/cluster/PG_VERSION"
    version = file.read_text()
    file.write_text("9\n")
    try:
        with pytest.raises(
            Unavailable, match="PostgreSQL 9, which made the data in DATA_DIR, is needed"
        ):
            start(start_postgres)
    finally:
        file.write_text(version)


def test_postgres_says_when_its_port_is_taken(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "TRANSIENT_TIMEOUT", 0)
    taken = start(start_nats).port
    with pytest.raises(Unavailable, match="Address already in use"):
        start(start_postgres, taken)


@pytest.mark.skipif(os.getuid() != 0, reason="only root has to step down")
def test_postgres_opens_nothing_up_when_started_as_root(start: Start, data_dir: Path) -> None:
    data_dir.chmod(0o700)
    server = start(start_postgres)
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_nats_asks_for_the_password(start: Start) -> None:
    with socket.create_connection(("127.0.0.1", start(start_nats).port)) as client:
        client.sendall(b"CONNECT {}\r\nPING\r\n")
        with client.makefile("rb") as answers:
            assert b"Authorization Violation" in answers.read()


def test_nats_keeps_messages_through_a_crash(start: Start) -> None:
    first = start(start_nats)
    assert publish(first.url) == 1
    os.kill(first.pid, signal.SIGKILL)
    assert until(lambda: not first.alive(), 5)
    first.stop()
    second = start(start_nats, first.port)
    assert second.url == first.url
    assert publish(second.url) == 2


def test_nats_of_another_run_is_not_touched(start: Start) -> None:
    running = start(start_nats)
    with pytest.raises(Refused, match="in use by another run"):
        start(start_nats)
    assert running.alive()


def test_nats_starts_where_a_run_as_root_left_an_empty_folder(start: Start, data_dir: Path) -> None:
    """To root itself nothing is closed."""
    start(start_nats).stop()
    ports = data_dir / "nats" / "ports"
    for file in ports.glob("*"):
        file.unlink()
    ports.chmod(0)
    assert publish(start(start_nats).url) > 0


RUN = """
import sys, time
from pathlib import Path
from workers.servers.embedded import start_nats, start_postgres
for server in [start(Path(sys.argv[1])) for start in (start_postgres, start_nats)]:
    print(server.pid, flush=True)
time.sleep(60)
"""


@ON_LINUX
@pytest.mark.parametrize("at_once", [True, False])
def test_servers_end_with_a_parent_that_was_killed(
    start: Start, data_dir: Path, at_once: bool
) -> None:
    command = [sys.executable, "-c", RUN, str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.kill()
    # A next run that starts at once waits for servers that are still ending.
    assert at_once or until(lambda: not any(command_of(pid) for pid in pids), 5)
    assert ask(start(start_postgres).url, "SELECT 1") == 1
    start(start_nats)
    assert not any(command_of(pid) for pid in pids)


def test_secret_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    first = secret(tmp_path / "made")
    assert len(first) >= 32
    assert secret(tmp_path / "made") == first
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_jwt_secret_is_the_one_that_was_set_or_a_kept_one(tmp_path: Path) -> None:
    assert jwt_secret(Settings(jwt_secret="given", data_dir=tmp_path)) == "given"
    assert not any(tmp_path.iterdir())
    assert jwt_secret(Settings(data_dir=tmp_path)) == jwt_secret(Settings(data_dir=tmp_path))
