"""Becomes one command that is killed when the process that started it is gone.

A program of its own, `python -I -S guard.py PARENT COMMAND…`: the alternative, Python code between fork and exec, is
unsafe in a process with threads. A supervisor that is killed can't stop its children, which would hold lock and ports.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
SIGKILL = 9


def main(parent: int, command: list[str]) -> None:
    """Replaces this process by `command`: its files are private, and on Linux it is killed once `parent` is gone."""
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        sys.exit("The process that asked for this one has ended.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
