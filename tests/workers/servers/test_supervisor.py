"""The supervisor as a process of its own, over real servers; small programs stand in for ours."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.store import ask
from tests.waiting import PATIENCE
from workers.servers.processes import command_of, free_port, pid_in, until

ROOT = Path(__file__).parents[3]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")

SUPERVISE = """
import sys
from workers import settings
from workers.servers.supervisor import Program, serve
web, worker = sys.argv[1:]
programs = [
    Program("the workers", worker.split("|"), "rapport_worker"),
    Program("the web", web.split("|"), "rapport_api"),
]
def called(url):
    print(f"called with {url}", flush=True)
serve(settings.read(), when_ready=called, programs=programs)
"""
WEB = """
import http.server, os, signal, sys
from pathlib import Path
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.path == "/health/ready" and "@" in os.environ["NATS_URL"]
        self.send_response(200 if ok and os.environ["JWT_SECRET"] else 503)
        self.end_headers()
    def log_message(self, *arguments):
        pass
def end(*_):
    print("web ended", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
server = http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Ready)
Path(os.environ["DATA_DIR"], "web.pid").write_text(str(os.getpid()))
server.serve_forever()
"""
WORKER = """
import os, signal, subprocess, sys
from pathlib import Path
helper = subprocess.Popen(["/bin/sleep", "60"])
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path(os.environ["DATA_DIR"], "helper.pid").write_text(str(helper.pid))
Path(os.environ["DATA_DIR"], "worker.pid").write_text(str(os.getpid()))
while True:
    signal.pause()
"""
PIDS = ("web.pid", "worker.pid", "helper.pid", "postgres/cluster/postmaster.pid", "nats/nats.pid")


class Run:
    """A supervisor under test and what it says."""

    def __init__(self, process: "subprocess.Popen[str]", data_dir: Path, port: int) -> None:
        self.process = process
        self.data_dir = data_dir
        self.port = port
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def said(self, words: str, timeout: float = 20) -> bool:
        def condition() -> bool:
            return any(words in line for line in self.lines)

        return (
            until(lambda: condition() or self.process.poll() is not None, timeout) and condition()
        )

    def ready(self) -> bool:
        def begun() -> bool:
            return all(pid_in(self.data_dir / name) for name in PIDS)

        return self.said("called with") and until(begun, PATIENCE)

    def pid(self, name: str) -> int:
        pid = pid_in(self.data_dir / name)
        assert pid
        return pid

    def has_another(self, name: str, old: int) -> bool:
        return until(lambda: pid_in(self.data_dir / name) not in (old, None), PATIENCE)

    def pids(self) -> dict[str, int]:
        return {name: self.pid(name) for name in PIDS}

    def answers(self) -> bool:
        try:
            address = f"http://127.0.0.1:{self.port}/health/ready"
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(10)
        self._reader.join(10)
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@contextmanager
def supervised(
    data_dir: Path,
    web: str = WEB,
    worker: str = "",
    port: int | None = None,
    program: str = WORKER,
    **settings: str,
) -> Iterator[Run]:
    port = port or free_port()
    for name in PIDS[:3]:
        (data_dir / name).unlink(missing_ok=True)
    names = ("DATABASE_URL", "NATS_URL", "JWT_JWKS_URL", "JWT_SECRET")
    kept = {name: value for name, value in os.environ.items() if name not in names}
    programs = [f"{sys.executable}|-c|{web}", f"{sys.executable}|-c|{program}|{worker}"]
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, *programs],
        cwd=ROOT,
        env={**kept, "DATA_DIR": str(data_dir), "PORT": str(port), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    run = Run(process, data_dir, port)
    try:
        yield run
    finally:
        run.close()


def gone(pids: dict[str, int]) -> bool:
    return until(lambda: not any(command_of(pid) for pid in pids.values()), 5)


def test_supervisor_says_where_it_serves_and_stops_everything(data_dir: Path) -> None:
    with supervised(data_dir) as run:
        assert run.ready()
        pids = run.pids()
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(5) == 0
        assert gone(pids)
    said = "".join(run.lines)
    for words in (
        "Migrations run",
        f"called with http://127.0.0.1:{run.port}",
        f"ready at http://127.0.0.1:{run.port}",
        f"For a token: `make token DATA_DIR={data_dir}`.",
    ):
        assert words in said
    assert said.index("web ended") < said.index(f"The data stays in {data_dir}")


def test_supervisor_says_where_browsers_reach_it(data_dir: Path) -> None:
    with supervised(data_dir, PUBLIC_URL="https://conf.example") as run:
        listens = f"listens on http://127.0.0.1:{run.port}."
        assert run.said(f"Rapport is ready at https://conf.example, and {listens}")
        assert run.said(f"called with http://127.0.0.1:{run.port}")


def test_database_elsewhere_needs_no_right_to_make_roles(database: str, tmp_path: Path) -> None:
    """One role serves for all there, and it is said."""
    ask(database, "CREATE ROLE elsewhere LOGIN PASSWORD 'theirs'")
    ask(database, "CREATE DATABASE elsewhere OWNER elsewhere")
    parts = {"user": "elsewhere", "password": "theirs", "dbname": "elsewhere"}
    url = make_conninfo("", **conninfo_to_dict(database) | parts)
    roles = "SELECT oid FROM pg_roles ORDER BY 1"
    before = ask(url, roles)
    with supervised(tmp_path, DATABASE_URL=url) as run:
        assert run.said("called with"), run.lines
        assert run.said("All programs reach the database as the role of DATABASE_URL")
    assert ask(url, roles) == before


def test_supervisor_ends_in_time_what_does_not_want_to_end(data_dir: Path) -> None:
    with supervised(data_dir, worker="stubborn") as run:
        assert run.ready()
        pids = run.pids()
        run.process.terminate()
        run.process.wait(5)
        assert gone(pids)


def test_supervisor_hurries_when_asked_twice(data_dir: Path) -> None:
    with supervised(data_dir, worker="stubborn") as run:
        assert run.ready()
        run.process.terminate()
        assert run.said("web ended")
        begun = time.monotonic()
        run.process.terminate()
        run.process.wait(5)
        assert time.monotonic() - begun < 1.4  # the worker alone would be given 1.5 s


def test_supervisor_starts_again_what_ended_where_it_was(data_dir: Path) -> None:
    names = {
        "web.pid": "The web",
        "worker.pid": "The workers",
        "nats/nats.pid": "NATS",
        "postgres/cluster/postmaster.pid": "PostgreSQL",
    }
    with supervised(data_dir) as run:
        assert run.ready()
        ports = listening(data_dir)
        for file, name in names.items():
            before = run.pids()
            os.kill(before[file], signal.SIGKILL)
            assert run.said(f"{name} ended unasked (exit code -9)")
            assert run.has_another(file, before[file])
            assert until(lambda: listening(data_dir) == ports, PATIENCE)
            assert until(run.answers, PATIENCE)
            changed = {n for n, pid in run.pids().items() if pid != before[n]}
            assert changed - {"helper.pid"} == {file}


def listening(data_dir: Path) -> list[str]:
    """The ports of both servers, as they say themselves."""
    postmaster = (data_dir / "postgres/cluster/postmaster.pid").read_text().splitlines()
    nats = [file.read_text() for file in (data_dir / "nats/ports").glob("*.ports")]
    return [*postmaster[3:4], *nats]


@ON_LINUX
def test_supervisor_that_is_killed_leaves_nothing_behind(data_dir: Path) -> None:
    with supervised(data_dir) as run:
        assert run.ready()
        pids = run.pids()
        run.process.kill()
        run.process.wait(5)
        os.kill(pids.pop("helper.pid"), signal.SIGKILL)
        assert gone(pids)


def test_supervisor_shows_what_readiness_lacks_in_its_own_words(data_dir: Path) -> None:
    web = WEB.replace("self.end_headers()", "self.end_headers()\n        self.wfile.write(DETAIL)")
    detail = b'{"status": 503, "detail": "the relay is away", "errors": [{"path": ""}]}'
    web = f"DETAIL = {detail!r}\n" + web.replace("200 if", "503 if")
    worker = "raise SystemExit(3)"
    with supervised(data_dir, web, program=worker) as run:
        assert run.said("Again and again the workers ended")
    assert "did not get ready: /health/ready says: the relay is away. Again" in "".join(run.lines)


def test_supervisor_gives_up_on_what_never_gets_ready(data_dir: Path) -> None:
    with supervised(data_dir, web="raise SystemExit(3)") as run:
        assert run.said("Again and again the web ended")
        assert run.process.wait(5) != 0
        pids = {n: p for n in PIDS[1:] if (p := pid_in(data_dir / n))}
        assert gone(pids)
    assert "The web ended unasked (exit code 3). Next start in 0.4 s." in "".join(run.lines)


def command_line(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", "serve"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


def test_serve_says_that_a_port_is_taken_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = command_line(DATA_DIR=str(tmp_path / "data"), PORT=str(port))
    assert result.returncode == 2
    assert f"127.0.0.1:{port}: Address already in use" in result.stderr
    assert f"PORT={port + 1} make run" in result.stderr
    assert not (tmp_path / "data").exists()


def test_serve_says_which_setting_cannot_be_used(tmp_path: Path) -> None:
    result = command_line(DATA_DIR=str(tmp_path), PORT="many")
    assert result.returncode == 2
    assert result.stderr.startswith("PORT must be a whole number from 0 to 65535.")


def test_serve_says_that_a_database_elsewhere_does_not_answer(tmp_path: Path) -> None:
    nowhere = f"postgresql://127.0.0.1:{free_port()}/none"
    data_dir = tmp_path / "data"
    result = command_line(DATA_DIR=str(data_dir), PORT="0", DATABASE_URL=nowhere, NATS_URL="")
    assert result.returncode == 1
    assert result.stderr.startswith("The database does not answer: connection to server at ")
    assert result.stderr.count("\n") == 1
    assert not data_dir.exists()
