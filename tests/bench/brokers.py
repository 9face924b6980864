"""A broker's whole path beside a bare workflow: rate, CPU seconds, history events, and what a cached case takes."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from adapters.certificate_signer import CertificateSigner
from templates.certificates import CertificateText
from tests.bench import load, usage
from tests.bench.bare import TASK_QUEUE, Bare, Shape
from tests.bench.pace import Pace, Size, measure_pace, show_cpu
from tests.bench.stack import BenchStack, open_stack, run_postgres
from tests.support.world import Document

ROOT = Path(__file__).resolve().parents[2]
PAUSE = 0.4
PRINTS = 25
WARM_UP = 8
ROUNDS = 4
# What a broker's path had when it was first measured (revision 91d273f), and no longer what it has today: with every
# activity or message that we save, the yardstick would become shorter too.
YARDSTICK = Shape(regular=7, local=3, messages=9)


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """On SQLite: all of it."""
    began = time.perf_counter()
    async with open_stack(folder / "brokers") as stack:
        ready = time.perf_counter() - began
        events = await _count_events(stack)
        paces = await _compare_with_bare(stack, size)
        cached = await _measure_cached_mib(stack, size)
    printing = await asyncio.to_thread(_measure_printing_ms, folder / "brokers" / "signing")
    return {**paces, "events": events, "certificate_ms": printing, "cached_mib": cached, "ready_seconds": ready}


async def measure_on_postgres(folder: Path, size: Size) -> dict[str, Any]:
    """On PostgreSQL, whose own processes aren't counted: the paces."""
    with run_postgres() as url:
        async with open_stack(folder / "postgres", url) as stack:
            return await _compare_with_bare(stack, size)


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    events = found["events"]
    yield from list_paces(found, "≥ 0.50 (0.65)", "≤ 0.25 (0.20)")
    yield "history events of a broker's path", f"{sum(events.values())}", "≤ 70"
    yield from ((f"  {name.lower()}", str(count), "") for name, count in events.items())
    yield "a certificate, printed and signed", f"{found['certificate_ms']:.1f} ms", "< 60 ms"
    yield "certificates per second", f"{1000 / found['certificate_ms']:.1f}", ""
    yield "memory of a cached workflow", f"{found['cached_mib']:.2f} MiB", "≤ 0.5 MiB"
    yield "the stack, from nothing to ready", f"{found['ready_seconds']:.2f} s", "< 5 s"


def list_paces(found: dict[str, Any], ratio: str = "", cpu: str = "") -> Iterator[tuple[str, str, str]]:
    """The paces, with what is wanted of them."""
    product, bare = found["product"], found["bare"]
    title = f"{found['cases']} brokers on {found['database']}, {found['at_once']} at once: cases per second"
    yield title, f"{product['per_second']:.2f}", ""
    yield "  CPU seconds a case", show_cpu(product), cpu
    yield "  bare workflow: paths per second", f"{bare['per_second']:.2f}", ""
    yield "  bare workflow: CPU seconds a path", show_cpu(bare), ""
    yield "  ratio of the rates, product to bare", f"{found['ratio']:.2f}", ratio
    yield "  ratio of the CPU seconds, product to bare", f"{product['cpu_seconds'] / bare['cpu_seconds']:.2f}", ""


async def _count_events(stack: BenchStack) -> dict[str, int]:
    """The history of one broker alone, at people's pace: no two messages share a workflow task."""
    (request,) = await load.known_brokers(stack.world, 1)
    opened = await load.certified(stack.world, stack.waits, request, PAUSE)
    history = await stack.client.get_workflow_handle(opened["workflow_id"]).fetch_history()
    names = (EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
    return dict(Counter(names).most_common())


async def _compare_with_bare(stack: BenchStack, size: Size) -> dict[str, Any]:
    """Brokers end to end and the bare workflow, in turns: what else the machine does, slows both down."""
    cases = size.cases // ROUNDS
    async with run_bare_worker(stack.world.stack["temporal"]) as worker:
        await _run_bare(stack.client, WARM_UP, size.at_once)
        await _certify(stack, await load.known_brokers(stack.world, WARM_UP), size.at_once)
        bare, product = [], []
        for _ in range(ROUNDS):
            processes = {"temporal": usage.stack_processes()["temporal"], "worker": worker}
            bare.append(await measure_pace(_run_bare(stack.client, cases, size.at_once), cases, processes))
            requests = await load.known_brokers(stack.world, cases)
            work = _certify(stack, requests, size.at_once)
            product.append(await measure_pace(work, cases, usage.stack_processes()))
    paces = {"product": _add(product).document(), "bare": _add(bare).document()}
    return {
        "cases": cases * ROUNDS,
        "at_once": size.at_once,
        "database": stack.waits.dialect,
        **paces,
        "ratio": paces["product"]["per_second"] / paces["bare"]["per_second"],
    }


def _add(paces: list[Pace]) -> Pace:
    return sum(paces[1:], start=paces[0])


async def _certify(stack: BenchStack, requests: list[Document], at_once: int) -> None:
    """Brokers from the request to active."""
    await load.each(requests, at_once, lambda request: load.certified(stack.world, stack.waits, request))


async def _run_bare(client: Client, paths: int, at_once: int) -> None:
    """The bare workflow under the same load: a start, an update, signals."""

    async def go(_: int) -> None:
        handle = await client.start_workflow(Bare.run, YARDSTICK, id=f"bare-{uuid4()}", task_queue=TASK_QUEUE)
        await handle.execute_update(Bare.decide)
        for _ in range(YARDSTICK.messages - 1):
            await handle.signal(Bare.reported)
        await handle.result()

    await load.each(range(paths), at_once, go)


@asynccontextmanager
async def run_bare_worker(address: str) -> AsyncIterator[int]:
    """The bare workflow's worker process; its id."""
    environment = {**os.environ, "TEMPORAL_ADDRESS": address, "TEMPORAL_CONFIG_FILE": os.devnull}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.bare_worker", cwd=ROOT, env=environment
    )
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


async def _measure_cached_mib(stack: BenchStack, size: Size) -> float:
    """Memory of the worker for each further case that waits, and is cached."""
    requests = await load.known_brokers(stack.world, size.cached)
    worker = usage.stack_processes()["worker"]
    before = usage.resident_mib(worker)
    await load.each(requests, size.at_once, lambda request: load.requested(stack.world, stack.waits, request))
    return (usage.resident_mib(worker) - before) / size.cached


def _measure_printing_ms(folder: Path) -> float:
    """Milliseconds of a certificate, printed and signed; the median, the first one left out."""
    signer = CertificateSigner(folder / "signing-key.pem", folder / "signing-cert.pem")
    text = CertificateText(
        number="BW24-0000",
        holder="Testa Broker",
        kind="broker",
        program="bewellnm",
        plan_year=2024,
        issued_on=date(2024, 7, 1),
        valid_until=None,
        verify_url="https://certification.example.org/certificates/BW24-0000",
        language="en",
    )
    times = []
    for number in range(PRINTS):
        began = time.perf_counter()
        signer.print_certificate(replace(text, holder=f"Testa Broker {number}"))
        times.append(time.perf_counter() - began)
    return sorted(times[1:])[PRINTS // 2] * 1000
