"""Many cases that wait on one worker: its memory, and how soon one reacts that left its cache."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import load, usage
from tests.bench.pace import Size, find_percentiles
from tests.bench.stack import BenchStack, open_stack
from tests.support.world import Document

AT_ONCE = 16
# Decisions a second, of cases that came first: with more cases than the worker keeps they left its cache long ago.
DECISIONS_PER_SECOND = 4.0


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Memory of the worker once so many cases wait for staff, and how long the decisions of the first ones take."""
    async with open_stack(folder / "waiting") as stack:
        opened: list[Document] = []

        async def request(document: Document) -> None:
            opened.append(await load.requested(stack.world, stack.waits, document))

        await load.each(await load.known_brokers(stack.world, size.waiting), AT_ONCE, request)
        worker = usage.stack_processes()["worker"]
        waiting = usage.resident_mib(worker)
        reaction = await _measure_decisions(stack, opened[: size.probes])
        memory = {"worker_mib": waiting, "worker_mib_after": usage.resident_mib(worker)}
        return {"cases": size.waiting, **memory, "reaction": reaction}


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    reaction = found["reaction"]
    title = f"{found['cases']:,} waiting cases: memory of the worker"
    yield title, f"{found['worker_mib']:.0f} MiB", "≤ 250 MiB of 20,000"
    yield "  after the decisions", f"{found['worker_mib_after']:.0f} MiB", ""
    title = f"  decision of one that isn't cached, of {reaction['count']}: p50, p99"
    yield title, f"{reaction['p50']:.0f} ms, {reaction['p99']:.0f} ms", "p99 ≤ 1,000 ms"


async def _measure_decisions(stack: BenchStack, cases: list[Document]) -> dict[str, float]:
    times: list[float] = []

    async def decide(opened: Document) -> None:
        began = time.perf_counter()
        answer = await stack.world.decide(opened)
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text

    await load.at_rate(cases, DECISIONS_PER_SECOND, decide)
    return find_percentiles(times)
