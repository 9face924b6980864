"""A season beside bare workflows: cases opened a second, first steps a second, and the worker's memory meanwhile.

A bare start is a workflow of as many local activities as a returning broker's first steps; it stores nothing.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from tests.bench import load, usage
from tests.bench.bare import TASK_QUEUE, Bare, Shape
from tests.bench.brokers import run_bare_worker
from tests.bench.pace import Size
from tests.bench.stack import BenchStack, open_stack
from tests.support import documents
from tests.support.world import Document

YEAR = 2027
AT_ONCE = 16  # as many as a page of a season opens side by side


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Opens a season of so many people, and as many bare workflows after it."""
    async with open_stack(folder / "season") as stack:
        requests = await load.known_brokers(stack.world, size.season + 1)
        people = await stack.world.all_imported([documents.earlier(request, YEAR - 1) for request in requests])
        steps = await _count_local_activities(stack, people[0])
        worker = usage.stack_processes()["worker"]
        before = usage.resident_mib(worker)
        usage.forget_peak(worker)
        product = await _open_season(stack, size.season)
        memory = {"before_mib": before, "peak_mib": usage.peak_mib(worker), "after_mib": usage.resident_mib(worker)}
        async with run_bare_worker(stack.world.stack["temporal"]):
            await _start_bare(stack.client, AT_ONCE, steps)
            bare = await _start_bare(stack.client, size.season, steps)
        return {"people": size.season, "local_activities": steps, "product": product, "bare": bare, **memory}


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    product, bare = found["product"], found["bare"]
    title = f"a season of {found['people']:,}: accepted starts a second"
    yield title, f"{product['accepted_per_second']:.1f}", ""
    yield "  bare starts a second", f"{bare['accepted_per_second']:.1f}", ""
    ratio = product["accepted_per_second"] / bare["accepted_per_second"]
    yield "  ratio of the starts, season to bare", f"{ratio:.2f}", "≥ 0.80"
    yield "  first steps a second", f"{product['stepped_per_second']:.1f}", ""
    title = f"  bare first steps a second, of {found['local_activities']} local activities"
    yield title, f"{bare['stepped_per_second']:.1f}", ""
    ratio = product["stepped_per_second"] / bare["stepped_per_second"]
    yield "  ratio of the first steps, season to bare", f"{ratio:.2f}", "≥ 0.80"
    memory = f"{found['before_mib']:.0f}, {found['peak_mib']:.0f}, {found['after_mib']:.0f} MiB"
    yield "  memory of the worker: before, peak, after", memory, "flat"


async def _count_local_activities(stack: BenchStack, assister_id: str) -> int:
    """Those of a returning broker's first steps, by the history of one."""
    opened: Document = await stack.world.begun(assister_id, YEAR)
    await stack.waits.until(opened["case_id"], "decision")
    history = await stack.client.get_workflow_handle(opened["workflow_id"]).fetch_history()
    return sum(event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED for event in history.events)


async def _open_season(stack: BenchStack, people: int) -> dict[str, float]:
    world, address = stack.world, f"/api/seasons/bewellnm/{YEAR}"
    began = time.perf_counter()
    answer = await world.http.post(f"{world.web}{address}/open", headers=world.staff)
    assert answer.status_code == 201, answer.text
    while (await world.get(f"{address}/status")).json()["state"] != "finished":
        await asyncio.sleep(0.5)
    accepted = time.perf_counter() - began
    while stack.waits.count("decision") < people + 1:  # the one whose steps were counted is another
        await asyncio.sleep(0.1)
    return {"accepted_per_second": people / accepted, "stepped_per_second": people / (time.perf_counter() - began)}


async def _start_bare(client: Client, number: int, steps: int) -> dict[str, float]:
    shape = Shape(regular=0, local=steps, messages=1)
    began = time.perf_counter()
    handles = []

    async def start(_: int) -> None:
        handle = await client.start_workflow(
            Bare.run, shape, id=f"bare-{uuid4()}", task_queue=TASK_QUEUE, start_signal="reported"
        )
        handles.append(handle)

    await load.each(range(number), AT_ONCE, start)
    accepted = time.perf_counter() - began
    await load.each(handles, AT_ONCE, lambda handle: handle.result())
    return {"accepted_per_second": number / accepted, "stepped_per_second": number / (time.perf_counter() - began)}
