"""Where tests write: in memory, where there is room for it."""

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")
# A whole run leaves less than a tenth of that.
ROOM = 4 * 2**30


def find_memory() -> Path | None:
    """A folder that is memory and has room, and from which programs may be started; none where there is no such folder.

    A commit of SQLite or of Temporal waits for the disk for milliseconds, and each step of a workflow makes several: on
    a machine that shares its disk, tests wait for it more than for anything else. No test takes the power away.
    """
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return MEMORY if min(shutil.disk_usage(MEMORY).free, _count_available()) > ROOM else None


def _count_available() -> int:
    """The bytes of memory that nobody needs; as many as anybody wants where the system doesn't say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return ROOM + 1
    (available,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(available) * 1024
