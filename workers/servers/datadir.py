"""The data directory, `DATA_DIR`: private to its user, with its secrets and its lock."""

import fcntl
import logging
import os
import secrets
import shlex
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jwt.warnings import InsecureKeyLengthWarning

from domain.errors import Invalid, Refused
from domain.store.master_key import generated
from workers.servers.processes import CURRENT_USER, User
from workers.settings import Settings

log = logging.getLogger(__name__)

KEY_OF_HS256 = 32  # bytes, at least: RFC 7518, 3.2


def private(directory: Path) -> Path:
    """The absolute path of the directory, which is made, for this user alone, where there is
    none."""
    absolute = directory.expanduser().resolve()
    try:
        absolute.mkdir(mode=0o700, parents=True, exist_ok=True)
    except PermissionError:
        raise
    except OSError as e:
        raise Invalid(
            f"{absolute} cannot be used: {e.strerror}. Set DATA_DIR to a directory, one that is "
            "there or one that can be made."
        ) from None
    return absolute


def make(target: str, data_dir: Path) -> str:
    """The `make` command for `target` on the same data, to be typed in the checkout."""
    default = Settings().data_dir
    if data_dir.resolve() == default.resolve():
        return f"make {target}"
    inside = data_dir.is_relative_to(Path.cwd())
    shown = os.path.relpath(data_dir) if inside else str(data_dir)
    return f"make {target} DATA_DIR={shlex.quote(shown)}"


def out_of_reach(e: PermissionError) -> str:
    return (
        f"{e.filename} cannot be used: {e.strerror}. If a run as another user or as root made "
        "it, run as that user again; else set DATA_DIR to a directory of your own."
    )


def _text() -> str:
    return secrets.token_urlsafe(48)


def secret(file: Path, owner: User = CURRENT_USER, draw: Callable[[], str] = _text) -> str:
    """The secret in a file, generated where there is none. It is linked into place whole: of two
    processes that generate one at once both get the same, and none reads half of it."""
    with suppress(FileNotFoundError):
        return file.read_text().strip()
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "w") as out:
            os.fchown(descriptor, *owner)
            out.write(draw())
            out.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        os.unlink(draft)
    return file.read_text().strip()


def jwt_secret(settings: Settings) -> str:
    """The secret that signs tokens: JWT_SECRET, or one generated once into `DATA_DIR`."""
    given = settings.jwt_secret
    if not given:
        return secret(private(settings.data_dir) / "jwt-secret")
    if (length := len(given.encode())) < KEY_OF_HS256:
        log.warning(
            "JWT_SECRET has %d bytes. RFC 7518, 3.2 wants %d or more: a short one can be guessed.",
            length,
            KEY_OF_HS256,
        )
        warnings.simplefilter("ignore", InsecureKeyLengthWarning)  # it has just been logged
    return given


def master_key(settings: Settings) -> str:
    """The key that wraps those of persons: MASTER_KEY, or one generated once into `DATA_DIR`."""
    given = settings.master_key
    return given or secret(private(settings.data_dir) / "master-key", draw=generated)


class Lock:
    """An exclusive lock for one run at a time. The kernel releases it however that run ends."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise Refused(
                f"{file.parent} is in use by another run (process {holder}). "
                "Stop that one first, or set DATA_DIR to another directory."
            ) from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        self._file.close()
