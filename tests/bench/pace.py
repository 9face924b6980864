"""How long work takes: paths a second, CPU seconds a path, percentiles; what is done, is in the parts."""

import os
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from tests.bench import usage


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    cases: int
    at_once: int
    cached: int
    probes: int
    burst: int
    confirmed: int
    waiting: int
    season: int
    season_minutes: int
    licensed: int
    listed: int
    changed: int
    people: int


@dataclass(frozen=True)
class Pace:
    """How many paths were gone through in how many seconds, and the CPU seconds of each process."""

    paths: int
    seconds: float
    cpu: dict[str, float]

    def __add__(self, other: "Pace") -> "Pace":
        cpu = {name: seconds + other.cpu[name] for name, seconds in self.cpu.items()}
        return Pace(self.paths + other.paths, self.seconds + other.seconds, cpu)

    def document(self) -> dict[str, Any]:
        """Paths a second; CPU seconds a path, in all and by process: what isn't of the product stands apart."""
        a_path = {name: seconds / self.paths for name, seconds in self.cpu.items()}
        counted = sum(seconds for name, seconds in a_path.items() if name in usage.PRODUCT)
        return {"per_second": self.paths / self.seconds, "cpu_seconds": counted, "cpu_by_process": a_path}


async def measure_pace(work: Awaitable[None], paths: int, processes: dict[str, int]) -> Pace:
    """The pace of this work, which goes through ``paths`` paths."""
    processes = {**processes, "driver": os.getpid()}
    before, began = usage.cpu_of(processes), time.perf_counter()
    await work
    seconds = time.perf_counter() - began
    return Pace(paths, seconds, usage.used_since(before, processes))


def find_percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """The median and p99 in milliseconds; of fewer than a hundred the p99 is about the longest."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50": cuts[49] * 1000, "p99": cuts[98] * 1000, "count": len(seconds)}


def show_cpu(pace: dict[str, Any]) -> str:
    """CPU seconds a path, in all and by process."""
    parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in pace["cpu_by_process"].items())
    return f"{pace['cpu_seconds']:.3f} ({parts})"
