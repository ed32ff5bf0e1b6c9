"""Launches a program in this process (exec): as another user if asked, killed with its parent.

Run as a script, not imported: `launcher.py SIGNAL PARENT UID GID PROGRAM [ARGUMENT ...]`.
A program of its own because code between fork and exec may deadlock in a parent with threads.
UID and GID of -1 mean: stay who you are.
"""

import os
import sys

PR_SET_PDEATHSIG = 1


def main(numbers: list[str], program: list[str]) -> None:
    signal_number, parent, uid, gid = map(int, numbers)
    on_linux = sys.platform.startswith("linux")
    if on_linux:
        # Here and not later: another user may not be able to read this Python's modules.
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if on_linux:
        # Here and not sooner: the kernel forgets the request when credentials change.
        prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() == parent:
        os.execv(program[0], program)  # noqa: S606 - to become that program, no shell, is its task


if __name__ == "__main__":
    try:
        main(sys.argv[1:5], sys.argv[5:])
    except OSError as e:
        sys.exit(f"{sys.argv[5]} cannot be started: {e}")
