"""What a command that made a folder for itself leaves there."""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from workers.servers.supervisor import say

WRITTEN = (".jsonl", ".log")


def clear(folder: Path, holds: bool) -> None:
    """What was written down stays where something does not hold; never what has a password."""
    if holds or sys.exc_info()[0] is KeyboardInterrupt:
        shutil.rmtree(folder)
        return
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # something stays in it
                path.rmdir()
        elif path.suffix not in WRITTEN:
            path.unlink()
    say(f"What was written down meanwhile is in {folder}.")
