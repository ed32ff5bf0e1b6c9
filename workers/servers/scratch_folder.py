"""The scratch folder of a command: emptied at its end, but for logs of a run that failed."""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from workers.servers.supervisor import say

KEPT = (".jsonl", ".log")


def clear(folder: Path, passed: bool) -> None:
    """Removes the folder; where the run did not pass, all but its logs, which have no password."""
    if passed or sys.exc_info()[0] is KeyboardInterrupt:
        shutil.rmtree(folder)
        return
    for path in sorted(folder.rglob("*"), reverse=True):  # contents before their folder
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # a log stays in it
                path.rmdir()
        elif path.suffix not in KEPT:
            path.unlink()
    say(f"What was written down meanwhile is in {folder}.")
