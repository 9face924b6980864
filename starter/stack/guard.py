"""Runs one command so that it ends with the process that started it; it is no supervisor and never returns.

Called as a file, `python -I -S guard.py PARENT COMMAND…`: forking with Python code in between is unsafe beside threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
SIGKILL = 9


def main(parent: int, command: list[str]) -> None:
    """Becomes `command`: private files, killed as soon as `parent` is gone (on Linux)."""
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        sys.exit("The process that asked for this one has ended.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
