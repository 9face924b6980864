"""From a report to its effect, and from a decision to its answer: idle, under load, and with a third party hanging."""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.bench import load
from tests.bench.pace import Size, find_percentiles
from tests.bench.stack import BenchStack, open_stack
from tests.support.world import Document

# Probes a second, beside the load: half of them are exam passes, half decisions.
PROBES_PER_SECOND = 4.0
AT_ONCE = 8
# A decision that isn't applied in ten seconds is answered as pending: under too much load.
APPLIED_OR_PENDING = (200, 202)
LOADS = {"idle": 0.0, "at 5 requests a second": 5.0, "at 20 requests a second": 20.0}
HANGING = "at 5 requests a second, the LMS hanging"
WANTED = {"idle": "p99 ≤ 100 ms", "at 5 requests a second": "p99 ≤ 500 ms", HANGING: "p99 ≤ 500 ms"}


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """From an exam's pass to the certificate recorded, and a decision's answer, each under each load."""
    found = {}
    async with open_stack(folder / "latency") as stack:
        for name, per_second in LOADS.items():
            found[name] = await _measure_under_load(stack, size.probes, per_second)
        found[HANGING] = await _measure_under_load(stack, size.probes, 5.0, hanging="lms")
    return found


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    for name, measured in found.items():
        yield f"{name}, of {measured['effect']['count']} each: p50, p99", "", WANTED.get(name, "")
        yield "  a webhook's answer", _show(measured["webhook"]), ""
        yield "  from the webhook to the certificate", _show(measured["effect"]), ""
        yield "  a decision's answer", _show(measured["decision"]), ""


def _show(found: dict[str, float]) -> str:
    return f"{found['p50']:.0f} ms, {found['p99']:.0f} ms"


async def _measure_under_load(stack: BenchStack, probes: int, per_second: float, hanging: str = "") -> dict[str, Any]:
    """Probes while so many requests a second come in.

    Where the LMS hangs, others are approved meanwhile and are at it; what is measured isn't: a pass, a denial.
    """
    world, waits = stack.world, stack.waits
    to_pass, to_decide = await _prepare(stack, probes, load.trained), await _prepare(stack, probes, load.requested)
    to_hang = await _prepare(stack, probes if hanging else 0, load.requested)
    webhook: list[float] = []
    effect: list[float] = []
    decision: list[float] = []

    async def pass_exam(opened: Document) -> None:
        began = time.perf_counter()
        await world.reported(opened, load.PASS)
        webhook.append(time.perf_counter() - began)
        await waits.until_certified(opened["case_id"])
        effect.append(time.perf_counter() - began)

    async def decide(opened: Document) -> None:
        began = time.perf_counter()
        answer = await world.decide(opened, "deny" if hanging else "approve")
        decision.append(time.perf_counter() - began)
        assert answer.status_code in APPLIED_OR_PENDING, answer.text

    work: list[tuple[Callable[[Document], Coroutine[Any, Any, object]], Document]] = [
        *((pass_exam, opened) for opened in to_pass),
        *((decide, opened) for opened in to_decide),
        *((world.decide, opened) for opened in to_hang),
    ]
    random.Random(7).shuffle(work)
    if hanging:
        await world.control(hanging, mode="hang")
    requests = asyncio.create_task(_submit_for_ever(stack, per_second))
    await load.at_rate(work, PROBES_PER_SECOND, lambda one: one[0](one[1]))
    requests.cancel()
    with suppress(asyncio.CancelledError):
        await requests
    if hanging:
        await world.control(hanging, mode="ok")
    return {name: find_percentiles(times) for name, times in _name(webhook, effect, decision)}


def _name(webhook: list[float], effect: list[float], decision: list[float]) -> Iterator[tuple[str, list[float]]]:
    yield from (("webhook", webhook), ("effect", effect), ("decision", decision))


async def _prepare(stack: BenchStack, number: int, go: Any) -> list[Document]:
    prepared: list[Document] = []

    async def one(request: Document) -> None:
        prepared.append(await go(stack.world, stack.waits, request))

    await load.each(await load.known_brokers(stack.world, number), AT_ONCE, one)
    return prepared


async def _submit_for_ever(stack: BenchStack, per_second: float) -> None:
    """Requests at this rate, until it is cancelled; whoever is slow to be answered doesn't slow down the others."""
    async with asyncio.TaskGroup() as group:
        began = time.perf_counter()
        for number in count():
            if not per_second:
                return
            (request,) = await load.known_brokers(stack.world, 1)
            await asyncio.sleep(began + number / per_second - time.perf_counter())
            group.create_task(stack.world.submit(request))
