"""An embedded PostgreSQL.

`DATA_DIR/postgres` holds the cluster and its password. It belongs to the user that the server runs
as: to ours, or to `nobody` when we are root, because PostgreSQL refuses to run as root. `nobody`
may not traverse root's home, and no permission there is widened: the server inherits the directory
as an open descriptor, and reaches it as /proc/self/fd/N.
"""

import itertools
import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from errno import EACCES
from pathlib import Path
from signal import SIGINT, SIGQUIT
from typing import IO, NamedTuple

import psycopg

from domain.errors import Invalid, Refused, Unavailable
from sql import statements
from workers.servers.carry_over import carry_over
from workers.servers.datadir import Lock, private, secret
from workers.servers.postgres_binaries import Binaries, find, readable_by_all
from workers.servers.processes import (
    CURRENT_USER,
    POLL,
    Process,
    Server,
    User,
    end_leftover,
    free_port,
    pid_in,
    read_log,
    spawn,
    why_it_ended,
)

# For two cores and a few GB; `fsync` and `synchronous_commit` stay as they are, on.
CONF = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "wal_level": "replica",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # else it quotes rows, and logs are nobody's to erase
    "timezone": "UTC",
    "log_timezone": "UTC",
}
START_TIMEOUT = 300
STEP_TIMEOUT = 120
# In the log when a start may succeed a moment later.
TRANSIENT = ("Address already in use", "pre-existing shared memory block")
TRANSIENT_TIMEOUT = 10
DATABASE = statements("embedded")["create_database"]
# The whole environment of the server: our own has JWT_SECRET in it.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


class Home(NamedTuple):
    """The directory `DATA_DIR/postgres`, its owner, and the path by which that user reaches it."""

    path: Path
    log: Path
    user: User
    reach: Path
    descriptors: Sequence[int]
    name: str = "cluster"

    @property
    def cluster(self) -> Path:
        return self.path / self.name

    @property
    def mark(self) -> str:
        """An argument on the server's command line that tells it from every other server."""
        return f"rapport.home={self.path}"


def start_postgres(data_dir: Path, port: int | None = None) -> Server:
    """A database named `rapport`, made on the first start. Without `port`, a free one is picked."""
    base = private(data_dir)
    lock = Lock(base / "postgres.lock")
    try:
        with _home(base) as home:
            end_leftover(home.cluster / "postmaster.pid", home.mark, SIGINT)
            password = secret(home.path / "password", home.user)
            binaries = _usable(home, password)
            if not home.cluster.exists():
                _create(binaries, home)
            return _start(binaries, home, password, port, lock.release)
    except BaseException:
        lock.release()
        raise


def _usable(home: Home, password: str) -> Binaries:
    """The programs to run the cluster with. The data of an older major version is carried over
    first, where there is a newer one that can be used."""
    carried = home._replace(name="cluster.carried")
    if not home.cluster.exists() and carried.cluster.exists():  # it ended between two renames
        carried.cluster.rename(home.cluster)
    major = _major(home.cluster)
    if major is None:
        return _runnable(find(None), home)
    try:
        newest = find(None)
    except Unavailable:
        newest = find(major)
    if newest.major <= major:
        return _runnable(find(major), home)
    older, newer = _runnable(find(major), home), _runnable(newest, home)
    print(f"The data in {home.path} is of PostgreSQL {major}: carrying it over.", flush=True)
    rows = _carry_over(home, carried, older, newer, password)
    print(
        f"It is of PostgreSQL {newer.major} now, with the same {rows:,} rows. The old data is kept "
        f"in {home.path / f'cluster.{major}'}: remove that once all is well.",
        flush=True,
    )
    return newer


def _runnable(binaries: Binaries, home: Home) -> Binaries:
    return binaries if home.user == CURRENT_USER else readable_by_all(binaries)


def _carry_over(home: Home, carried: Home, older: Binaries, newer: Binaries, password: str) -> int:
    """Ended at any moment, it leaves the old cluster as it is. Gives how many rows there are."""
    end_leftover(carried.cluster / "postmaster.pid", home.mark, SIGINT)
    shutil.rmtree(carried.cluster, ignore_errors=True)
    _create(newer, carried)
    servers = []
    try:
        for binaries, of in ((older, home), (newer, carried)):
            servers.append(_start(binaries, of, password, None, lambda: None))
        urls = [server.url for server in servers]
        held = carry_over(urls[0], urls[1], newer.folder, home.path / "carried.dump")
    except BaseException:
        for server in servers:
            server.stop(STEP_TIMEOUT)
        shutil.rmtree(carried.cluster, ignore_errors=True)
        raise
    for server in servers:
        server.stop(STEP_TIMEOUT)
    _keep(home, older.major)
    carried.cluster.rename(home.cluster)
    _sync(home.path)
    return sum(count for name, count in held.items() if not name.startswith("sequence "))


def _keep(home: Home, major: int) -> None:
    """The old cluster, under a name that is free."""
    names = (f"cluster.{major}{'.' * (i > 0)}{i or ''}" for i in itertools.count())
    home.cluster.rename(next(home.path / n for n in names if not (home.path / n).exists()))


def running_postgres(data_dir: Path) -> str | None:
    """The URL of the server that another run started on this directory, if it runs and answers."""
    home = data_dir.expanduser() / "postgres"
    try:
        port = int((home / "cluster" / "postmaster.pid").read_text().splitlines()[3])
        url = _address((home / "password").read_text().strip(), port)
    except (OSError, ValueError, IndexError):
        return None
    return url if _connects(url) else None


@contextmanager
def _home(base: Path) -> Iterator[Home]:
    path, log = private(base / "postgres"), base / "postgres.log"
    user = _user(path)
    if user == CURRENT_USER:
        yield Home(path, log, user, path, ())
        return
    os.chown(path, *user)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Where there is no /proc, DATA_DIR has to be where that user can walk to.
        handed = Path(f"/proc/self/fd/{descriptor}")
        yield Home(path, log, user, handed if handed.exists() else path, (descriptor,))
    finally:
        os.close(descriptor)


def _user(path: Path) -> User:
    owner = path.stat().st_uid
    if os.getuid() == 0:
        account = pwd.getpwnam("nobody") if owner == 0 else pwd.getpwuid(owner)
        return User(account.pw_uid, account.pw_gid)
    if owner != os.getuid():
        raise PermissionError(EACCES, "it belongs to another user", str(path))
    return CURRENT_USER


def _major(cluster: Path) -> int | None:
    """Before 10 it had two parts, as in 9.6."""
    try:
        return int((cluster / "PG_VERSION").read_text().partition(".")[0])
    except FileNotFoundError:
        return None
    except ValueError:
        raise Unavailable(
            f"{cluster} is no data of PostgreSQL's: its PG_VERSION says no version. Set DATA_DIR "
            "to another directory, or give the address of a database in DATABASE_URL."
        ) from None


def _settings(**more: object) -> list[str]:
    conf = CONF | more | {"dynamic_shared_memory_type": _shared_memory()}
    return [part for name, value in conf.items() for part in ("-c", f"{name}={value}")]


def _shared_memory() -> str:
    """Containers often have a tiny /dev/shm: then it is a file in the data directory."""
    try:
        free = os.statvfs("/dev/shm")  # noqa: S108 - asked for its size only
    except OSError:
        return "posix" if os.uname().sysname == "Darwin" else "mmap"
    return "posix" if free.f_bavail * free.f_frsize > 128 << 20 else "mmap"


def _create(binaries: Binaries, home: Home) -> None:
    """Makes the cluster under another name first: one that is half made is never taken for
    whole."""
    _require_name()
    draft = home.path / f"{home.name}.new"
    shutil.rmtree(draft, ignore_errors=True)
    place = ["-D", str(home.reach / draft.name)]
    access = ["--username=rapport", f"--pwfile={home.reach}/password", "--auth=scram-sha-256"]
    storage = ["--data-checksums", "--encoding=UTF8", *_locale(binaries.major)]
    shared = f"--set=dynamic_shared_memory_type={_shared_memory()}"
    _step(home, [binaries.initdb, *place, *access, *storage, shared])
    _step(home, [binaries.postgres, "--single", *place, *_settings(), "template1"], DATABASE)
    draft.rename(home.cluster)
    _sync(home.path)


def _locale(major: int) -> Sequence[str]:
    if major < 17:
        return ("--locale=C.UTF-8",)
    return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


def _require_name() -> None:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        raise Invalid(
            f"The user id {os.getuid()} has no name on this system, and PostgreSQL needs one to "
            "make its data directory. Add the user to /etc/passwd (in a container: "
            "`RUN useradd --uid ...`, or run as root), or give the address of a database in "
            "DATABASE_URL."
        ) from None


def _step(home: Home, program: Sequence[str | Path], script: str = "") -> None:
    """Runs a program to its end, as the home's user, with `script` as its input."""
    with tempfile.TemporaryFile() as source:
        source.write(script.encode())
        source.seek(0)
        process, start = _spawn(home, program, source)
    try:
        done = process.wait(STEP_TIMEOUT)
    finally:
        process.kill()
    if not done or process.exit_code != 0:
        raise Unavailable(
            f"The embedded PostgreSQL could not be set up: {why_it_ended(home.log, start)} "
            f"Its log is {home.log}."
        )


def _spawn(
    home: Home, program: Sequence[str | Path], source: IO[bytes] | None = None
) -> tuple[Process, int]:
    """Starts a program. Gives the process, and the length of the log before it, in bytes."""
    environment = dict(ENVIRONMENT)
    if stale := pid_in(home.cluster / "postmaster.pid"):
        # Its number may be another process's by now, which PostgreSQL would mistake for a server on
        # this directory. We know better: `end_leftover` has looked. This makes it look past it.
        environment["PG_GRANDPARENT_PID"] = str(stale)
    with home.log.open("ab") as output:
        start = output.tell()
        process = spawn(
            program,
            [SIGINT, SIGQUIT],
            user=home.user,
            environment=environment,
            output=output,
            source=source,
            descriptors=home.descriptors,
        )
    return process, start


def _start(
    binaries: Binaries, home: Home, password: str, port: int | None, release: Callable[[], None]
) -> Server:
    deadline = time.monotonic() + TRANSIENT_TIMEOUT
    while True:
        at = port or free_port()
        url = _address(password, at)
        process, start = _serve(binaries, home, at)
        if _answers(process, url):
            return Server(url, at, process, release)
        log = read_log(home.log, start)
        if time.monotonic() > deadline or not any(reason in log for reason in TRANSIENT):
            raise Unavailable(
                f"The embedded PostgreSQL did not start: {why_it_ended(home.log, start)} "
                f"Its log is {home.log}."
            )
        time.sleep(0.1)


def _address(password: str, port: int) -> str:
    return f"postgresql://rapport:{password}@127.0.0.1:{port}/rapport"


def _serve(binaries: Binaries, home: Home, port: int) -> tuple[Process, int]:
    settings = [*_settings(port=port), "-c", home.mark]
    return _spawn(home, [binaries.postgres, "-D", home.reach / home.name, *settings])


def _answers(process: Process, url: str) -> bool:
    """Waits until the server takes connections, also through a recovery. Stops it, and says False,
    where it ended or did not within START_TIMEOUT."""
    deadline = time.monotonic() + START_TIMEOUT
    try:
        while process.alive() and time.monotonic() < deadline:
            if _connects(url):
                return True
            time.sleep(POLL)
    except BaseException:
        process.stop()
        raise
    process.stop()
    return False


def _connects(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as e:
        if "authentication failed" in str(e):
            raise Refused(
                "The embedded PostgreSQL does not accept the password kept in "
                "DATA_DIR/postgres/password: was that file changed?"
            ) from None
        return False
    return True


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
