"""What processes use, read from /proc (Linux): CPU seconds and resident memory; it measures no time."""

import os
from collections.abc import Mapping
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# How the stack's processes are told apart, by what stands on their command line.
MARKS = {"temporal": "start-dev", "worker": "worker.py", "web": "-m\0web", "sandbox": "-m\0sandbox"}
PRODUCT = ("temporal", "worker", "web")


def stack_processes() -> dict[str, int]:
    """The running stack's processes, children of this one, by name."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
        except OSError:
            continue
        if parent == os.getpid():
            found |= {name: int(folder.name) for name, mark in MARKS.items() if mark in command}
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, user and system."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def cpu_of(processes: Mapping[str, int]) -> dict[str, float]:
    """CPU time of each process so far."""
    return {name: cpu_seconds(pid) for name, pid in processes.items()}


def used_since(before: Mapping[str, float], processes: Mapping[str, int]) -> dict[str, float]:
    """CPU time of each process since ``before`` was taken."""
    return {name: after - before[name] for name, after in cpu_of(processes).items()}


def forget_peak(pid: int) -> None:
    """From now on `peak_mib` tells the most from here on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mib(pid: int) -> float:
    """The most resident memory a process ever had, or had since `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20
