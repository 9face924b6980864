"""Many cases that wait on one worker: its memory, how soon one reacts that left its cache, how long comparing takes."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from temporalio.client import ScheduleActionStartWorkflow

from activities.reconciliation import YOUNG
from domain.shared.round_messages import ReconciliationOrder
from starter.schedules import RECONCILIATION_ID
from tests.bench import load, usage
from tests.bench.pace import Size, find_percentiles
from tests.bench.stack import BenchStack, open_stack
from tests.support.world import Document
from workflows import messages as names

AT_ONCE = 16
# Decisions a second, of cases that came first: with more cases than the worker keeps they left its cache long ago.
DECISIONS_PER_SECOND = 4.0
# Far from the numbers of the schedule's own.
FIRST_MEASURED = 10**6


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Memory of the worker once so many cases wait for staff, and how long the decisions of the first ones take.

    Then reconciliations over all of them: as every five minutes, and as once a day, when each workflow is asked.
    """
    async with open_stack(folder / "waiting") as stack:
        opened: list[Document] = []

        async def request(document: Document) -> None:
            opened.append(await load.requested(stack.world, stack.waits, document))

        await load.each(await load.known_brokers(stack.world, size.waiting), AT_ONCE, request)
        worker = usage.stack_processes()["worker"]
        waiting = usage.resident_mib(worker)
        reaction = await _measure_decisions(stack, opened[: size.probes])
        memory = {"worker_mib": waiting, "worker_mib_after": usage.resident_mib(worker)}
        await asyncio.sleep(YOUNG.total_seconds())  # a case that is younger isn't looked at
        reconciliations = {
            name: await _measure_reconciliation(stack, worker, thorough=name == "thorough")
            for name in ("usual", "thorough")
        }
        return {"cases": size.waiting, **memory, "reaction": reaction, "reconciliations": reconciliations}


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    reaction = found["reaction"]
    title = f"{found['cases']:,} waiting cases: memory of the worker"
    yield title, f"{found['worker_mib']:.0f} MiB", "≤ 250 MiB of 20,000"
    yield "  after the decisions", f"{found['worker_mib_after']:.0f} MiB", ""
    title = f"  decision of one that isn't cached, of {reaction['count']}: p50, p99"
    yield title, f"{reaction['p50']:.0f} ms, {reaction['p99']:.0f} ms", "p99 ≤ 1,000 ms"
    for name, wanted in (("usual", "≤ 300 s"), ("thorough", "")):
        one = found["reconciliations"][name]
        title = f"  {name} reconciliation of {one['counts'].get('running', 0):,}: time, most memory of the worker"
        yield title, f"{one['seconds']:.1f} s, {one['worker_mib']:.0f} MiB", wanted


async def _measure_reconciliation(stack: BenchStack, worker: int, *, thorough: bool) -> dict[str, Any]:
    """How long one takes by Temporal's own record, the most memory the worker has meanwhile, and what it comes to.

    One after another, the schedule's own ones too: it is paused.
    """
    schedule = stack.client.get_schedule_handle(RECONCILIATION_ID)
    await schedule.pause(note="measured")
    while (described := await schedule.describe()).info.running_actions:
        await asyncio.sleep(0.2)
    usage.forget_peak(worker)
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    order = ReconciliationOrder(number=FIRST_MEASURED + thorough, thorough=thorough)
    handle = await stack.client.start_workflow(
        names.RECONCILIATION, order, id=f"measured-{order.number}", task_queue=action.task_queue
    )
    await handle.result()
    over = await handle.describe()
    assert over.close_time is not None
    seconds = (over.close_time - over.start_time).total_seconds()
    return {"seconds": seconds, "worker_mib": usage.peak_mib(worker), "counts": stack.waits.read_counts()}


async def _measure_decisions(stack: BenchStack, cases: list[Document]) -> dict[str, float]:
    times: list[float] = []

    async def decide(opened: Document) -> None:
        began = time.perf_counter()
        answer = await stack.world.decide(opened)
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200, answer.text

    await load.at_rate(cases, DECISIONS_PER_SECOND, decide)
    return find_percentiles(times)
