"""What is kept in `DATA_DIR`, for our eyes only."""

import fcntl
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from domain.errors import Refused
from workers.processes import OURSELVES, User
from workers.settings import Settings


def private(directory: Path) -> Path:
    """The directory as an absolute path, made for us alone when it is not there yet."""
    absolute = directory.expanduser().resolve()
    absolute.mkdir(mode=0o700, parents=True, exist_ok=True)
    return absolute


def secret(file: Path, owner: User = OURSELVES) -> str:
    """The secret in a file. Made up when there is none: of two who try at once one wins, and
    nobody ever sees half of it."""
    with suppress(FileNotFoundError):
        return file.read_text().strip()
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "w") as out:
            os.fchown(descriptor, *owner)
            out.write(secrets.token_urlsafe(48))
            out.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        os.unlink(draft)
    return file.read_text().strip()


def jwt_secret(settings: Settings) -> str:
    """What signs tokens: the one that was set, or one generated once into `DATA_DIR`."""
    return settings.jwt_secret or secret(private(settings.data_dir) / "jwt-secret")


class Lock:
    """Held by one run at a time, and let go by the kernel however that run ends."""

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
