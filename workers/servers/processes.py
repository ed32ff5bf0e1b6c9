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
POLL = 0.005
WHY = re.compile(r"(?:FATAL|PANIC):\s+(.*)|\[FTL\] (.*)|(?:LOG|ERROR):\s+(could not .*)")


class User(NamedTuple):
    uid: int
    gid: int


OURSELVES = User(-1, -1)


class Running(Protocol):
    """A child of ours, as whoever watches over it sees it."""

    @property
    def exit_code(self) -> int | None: ...
    def alive(self) -> bool: ...
    def ask(self) -> None: ...
    def stop(self, timeout: float = 5) -> None: ...


class Process:
    """A running child. `ends` are the signals that ask it to end, the politest first."""

    def __init__(self, popen: "subprocess.Popen[bytes]", ends: Sequence[Signals]) -> None:
        self._popen = popen
        self._ends = ends
        self._swept = False
        self.pid = popen.pid

    def alive(self) -> bool:
        return self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        if self._popen.poll() is not None:
            self._sweep()
        return self._popen.returncode

    def ask(self) -> None:
        self._popen.send_signal(self._ends[0])

    def stop(self, timeout: float = 5) -> None:
        """Asks it to end, insists after `timeout` seconds, and kills it at last."""
        for number in self._ends:
            self._popen.send_signal(number)
            if self.ended(timeout):
                return
            timeout = 0.5
        self.kill()

    def ended(self, timeout: float) -> bool:
        """Waits for its end, at most so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout)
            self._sweep()
        return not self.alive()

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()
        self._sweep()

    def _sweep(self) -> None:
        """Ends what it left behind: each child leads a process group of its own. Once, and at once,
        before its number can be given to another."""
        if not self._swept:
            self._swept = True
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

    def ask(self) -> None:
        self._process.ask()

    def stop(self, timeout: float = 5) -> None:
        self._process.stop(timeout)
        self._release()


def spawn(
    program: Sequence[str | Path],
    ends: Sequence[Signals],
    *,
    user: User = OURSELVES,
    environment: Mapping[str, str] | None = None,
    directory: str | Path = "/",
    output: IO[bytes] | None = None,
    source: IO[bytes] | None = None,
    descriptors: Sequence[int] = (),
) -> Process:
    """Call it from the main thread: on Linux the child gets its first end signal when the thread
    that started it ends."""
    head = [sys.executable, "-I", "-S", str(LAUNCHER), str(int(ends[0])), str(os.getpid())]
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
    return Process(popen, ends)


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], timeout: float) -> bool:
    """Whether it became true in time."""
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
    """The command line of a process; empty when there is none."""
    if Path("/proc/self/cmdline").exists():
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return ""
    ps = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603


def end_leftover(pid_file: Path, mark: str, number: Signals, timeout: float = 30) -> None:
    """Ends a server that an earlier run could not stop, and waits for one that is still ending.

    `mark` is the part of its command line that shows it is that server and no later process
    which happens to have got its number.
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


def said(log: Path, start: int = 0) -> str:
    """What was written to a log since it was `start` bytes long."""
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace").strip()


def last_words(log: Path, start: int = 0) -> str:
    """Of that, why it ended, as a sentence's end."""
    lines = said(log, start).splitlines() or ["it said nothing"]
    reasons = [next(filter(None, why.groups())) for line in lines if (why := WHY.search(line))]
    words = "; ".join(dict.fromkeys(reasons)) or lines[-1].strip()
    return f"{words[-500:].rstrip('.')}."
