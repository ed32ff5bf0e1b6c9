"""Becomes another program: as another user if asked, and told when its parent dies.

Run as a script, not imported: `trampoline.py SIGNAL PARENT UID GID PROGRAM [ARGUMENT ...]`.
A program of its own because code between fork and exec may deadlock in a parent with threads.
UID and GID of -1 mean: stay who you are.
"""

import os
import sys

PR_SET_PDEATHSIG = 1


def _signal_when_parent_dies(number: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        import ctypes
    except ImportError:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def main(numbers: list[str], program: list[str]) -> None:
    signal_number, parent, uid, gid = map(int, numbers)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user: the kernel forgets the request when credentials change.
    _signal_when_parent_dies(signal_number)
    if os.getppid() == parent:
        os.execv(program[0], program)  # noqa: S606 - to become that program, no shell, is its task


if __name__ == "__main__":
    try:
        main(sys.argv[1:5], sys.argv[5:])
    except OSError as e:
        sys.exit(f"{sys.argv[5]} cannot be started: {e}")
