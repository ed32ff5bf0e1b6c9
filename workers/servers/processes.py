"""Child processes that end with us, however we end."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals
from typing import IO, NamedTuple, Protocol

from domain.errors import Unavailable

LAUNCHER = Path(__file__).with_name("launcher.py")
POLL = 0.005  # seconds
WHY = re.compile(r"(?:FATAL|PANIC):\s+(.*)|\[FTL\] (.*)|(?:LOG|ERROR):\s+(could not .*)")


class User(NamedTuple):
    uid: int
    gid: int


CURRENT_USER = User(-1, -1)


class Running(Protocol):
    """A child process, as its supervisor sees it."""

    @property
    def exit_code(self) -> int | None: ...
    def alive(self) -> bool: ...
    def request_stop(self) -> None: ...
    def stop(self, timeout: float = 5) -> None: ...


class Process:
    """A running child. `stop_signals` ask it to end, the gentlest first."""

    def __init__(self, popen: "subprocess.Popen[bytes]", stop_signals: Sequence[Signals]) -> None:
        self._popen = popen
        self._stop_signals = stop_signals
        self._group_killed = False
        self.pid = popen.pid

    def alive(self) -> bool:
        return self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        if self._popen.poll() is not None:
            self._kill_group()
        return self._popen.returncode

    def request_stop(self) -> None:
        self._popen.send_signal(self._stop_signals[0])

    def stop(self, timeout: float = 5) -> None:
        """Sends one stop signal after another: `timeout` seconds after the first, 0.5 s after each
        other one. Then kills it."""
        for number in self._stop_signals:
            self._popen.send_signal(number)
            if self.wait(timeout):
                return
            timeout = 0.5
        self.kill()

    def wait(self, timeout: float) -> bool:
        """Waits `timeout` seconds at most. Whether it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout)
            self._kill_group()
        return not self.alive()

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()
        self._kill_group()

    def _kill_group(self) -> None:
        """Kills what it left behind: each child leads a process group of its own. This is done
        once, right after its end, before another process can get its id."""
        if not self._group_killed:
            self._group_killed = True
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, SIGKILL)


class Server:
    """A running server of ours. `url` has its password in it: not for logs."""

    def __init__(self, url: str, port: int, process: Process, release: Callable[[], None]) -> None:
        self.url = url
        self.port = port
        self.pid = process.pid
        self._process = process
        self._release = release

    def alive(self) -> bool:
        return self._process.alive()

    @property
    def exit_code(self) -> int | None:
        return self._process.exit_code

    def request_stop(self) -> None:
        self._process.request_stop()

    def stop(self, timeout: float = 5) -> None:
        self._process.stop(timeout)
        self._release()


def spawn(
    program: Sequence[str | Path],
    stop_signals: Sequence[Signals],
    *,
    user: User = CURRENT_USER,
    environment: Mapping[str, str] | None = None,
    directory: str | Path = "/",
    output: IO[bytes] | None = None,
    source: IO[bytes] | None = None,
    descriptors: Sequence[int] = (),
) -> Process:
    """Starts a child. To be called from the main thread: on Linux the child gets the first of
    `stop_signals` when the thread that started it stop_signals."""
    head = [sys.executable, "-I", "-S", str(LAUNCHER), str(int(stop_signals[0])), str(os.getpid())]
    popen = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
        [*head, str(user.uid), str(user.gid), *map(str, program)],
        env=environment,
        cwd=directory,
        stdin=source or subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        start_new_session=True,
        pass_fds=descriptors,
    )
    return Process(popen, stop_signals)


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], timeout: float) -> bool:
    """Waits until the condition is true, `timeout` seconds at most. Whether it became true."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def pid_in(file: Path) -> int | None:
    try:
        return int(file.read_text().split()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def command_of(pid: int) -> str:
    """The command line of a process; empty where there is no such process."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return ""
    ps = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603


def end_leftover(pid_file: Path, mark: str, number: Signals, timeout: float = 30) -> None:
    """Ends a server that an earlier run left, and waits for it.

    `mark` is a part of its command line by which it is known: a later process may have got the
    id that stands in `pid_file`.
    """
    pid = pid_in(pid_file)
    if pid is None or mark not in command_of(pid):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    if not until(lambda: mark not in command_of(pid), timeout):
        raise Unavailable(
            f"A server of an earlier run (process {pid}) does not end. "
            f"Look at it with `ps -fp {pid}`, end it, and start again."
        )


def read_log(log: Path, start: int = 0) -> str:
    """The text of a log behind its first `start` bytes."""
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace").strip()


def why_it_ended(log: Path, start: int = 0) -> str:
    """The reason for an end that a log gives, as the end of a sentence."""
    lines = read_log(log, start).splitlines() or ["it said nothing"]
    reasons = [next(filter(None, why.groups())) for line in lines if (why := WHY.search(line))]
    words = "; ".join(dict.fromkeys(reasons)) or lines[-1].strip()
    return f"{words[-500:].rstrip('.')}."
