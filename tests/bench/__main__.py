"""The measurements, `python -m tests.bench`: a table for people, then one line of JSON; on Linux only."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from rich.console import Console
from rich.table import Table
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from adapters.certificate_signer import CertificateSigner
from starter.client import connect_client
from starter.stack.embedded import run_stack
from templates.certificates import CertificateText
from tests.bench import lists, load, screens, usage
from tests.bench.bare import TASK_QUEUE, Bare, Shape
from tests.bench.load import Waits
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[2]
PAUSE = 0.4
PRINTS = 25
WARM_UP = 4


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    cases: int
    at_once: int
    cached: int
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
        """Paths a second; CPU seconds a path, in all and by process: the load driver and the stand-ins stand apart."""
        a_path = {name: seconds / self.paths for name, seconds in self.cpu.items()}
        counted = sum(seconds for name, seconds in a_path.items() if name not in ("sandbox", "driver"))
        return {"per_second": self.paths / self.seconds, "cpu_seconds": counted, "cpu_by_process": a_path}


async def measured(work: Awaitable[None], paths: int, processes: dict[str, int]) -> Pace:
    """The pace of this work, which goes through ``paths`` paths."""
    processes = {**processes, "driver": os.getpid()}
    before, began = usage.cpu_of(processes), time.perf_counter()
    await work
    seconds = time.perf_counter() - began
    return Pace(paths, seconds, usage.used_since(before, processes))


# the product


async def broker_history(client: Client, world: World, waits: Waits) -> WorkflowHistory:
    """One broker alone, at people's pace: no two messages share a workflow task."""
    (request,) = await load.known_brokers(world, 1)
    opened = await load.certified(world, waits, request, PAUSE)
    return await client.get_workflow_handle(opened["workflow_id"]).fetch_history()


async def product_pace(world: World, waits: Waits, size: Size) -> Pace:
    """Brokers from the request to active, at the end of warm-up."""
    requests = await load.known_brokers(world, size.cases + WARM_UP)
    await load.each(requests[:WARM_UP], size.at_once, lambda request: load.certified(world, waits, request))
    rest = requests[WARM_UP:]
    work = load.each(rest, size.at_once, lambda request: load.certified(world, waits, request))
    return await measured(work, len(rest), usage.stack_processes())


async def cached_mib(world: World, waits: Waits, size: Size) -> float:
    """Memory of the worker for each further case that waits, and is cached."""
    requests = await load.known_brokers(world, size.cached)
    worker = usage.stack_processes()["worker"]
    before = usage.resident_mib(worker)
    await load.each(requests, size.at_once, lambda request: load.requested(world, waits, request))
    return (usage.resident_mib(worker) - before) / size.cached


def printing_ms(folder: Path) -> float:
    """Milliseconds of a certificate, printed and signed; the median, the first one left out."""
    press = CertificateSigner(folder / "signing" / "signing-key.pem", folder / "signing" / "signing-cert.pem")
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
        press.print_certificate(replace(text, holder=f"Testa Broker {number}"))
        times.append(time.perf_counter() - began)
    return sorted(times[1:])[PRINTS // 2] * 1000


# Temporal alone


def shape_of(events: Counter[str]) -> Shape:
    """The bare workflow's shape: as many activities and messages as in this history."""
    return Shape(
        regular=events["ACTIVITY_TASK_SCHEDULED"],
        local=events["MARKER_RECORDED"],
        messages=events["WORKFLOW_EXECUTION_SIGNALED"] + events["WORKFLOW_EXECUTION_UPDATE_ACCEPTED"],
    )


@asynccontextmanager
async def bare_worker(address: str) -> AsyncIterator[int]:
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


async def bare_pace(client: Client, worker: int, shape: Shape, size: Size) -> Pace:
    """The bare workflow under the same load: a start, an update, signals."""

    async def go(_: int) -> None:
        handle = await client.start_workflow(Bare.run, shape, id=f"bare-{uuid4()}", task_queue=TASK_QUEUE)
        await handle.execute_update(Bare.decide)
        for _ in range(shape.messages - 1):
            await handle.signal(Bare.reported)
        await handle.result()

    await load.each(range(WARM_UP), size.at_once, go)
    processes = {"temporal": usage.stack_processes()["temporal"], "worker": worker}
    return await measured(load.each(range(size.cases), size.at_once, go), size.cases, processes)


# the report


def table_of(figures: dict[str, Any]) -> Table:
    """The figures, with what is wanted of them."""
    product, bare, events = figures["product"], figures["bare"], figures["events"]
    table = Table("measurement", "figure", "wanted", title=f"{figures['cases']} brokers, {figures['at_once']} at once")
    rows: list[tuple[str, str, str]] = [
        ("product: cases per second", f"{product['per_second']:.2f}", ""),
        ("product: CPU seconds a case", _cpu(product), ""),
        ("bare workflow: paths per second", f"{bare['per_second']:.2f}", ""),
        ("bare workflow: CPU seconds a path", _cpu(bare), ""),
        ("ratio of the rates, product to bare", f"{figures['ratio']:.2f}", "≥ 0.5"),
        ("history events of a broker's path", f"{sum(events.values())}", "≤ 95"),
        *((f"  {name.lower()}", str(count), "") for name, count in events.items()),
        ("a certificate, printed and signed", f"{figures['certificate_ms']:.1f} ms", "< 60 ms"),
        ("certificates per second", f"{1000 / figures['certificate_ms']:.1f}", ""),
        ("memory of a cached workflow", f"{figures['cached_mib']:.2f} MiB", "≤ 0.5 MiB"),
        ("the stack, from nothing to ready", f"{figures['ready_seconds']:.2f} s", "< 5 s"),
        *_of_lists(figures["lists"]),
        *_of_screens(figures["screens"]),
    ]
    for row in rows:
        table.add_row(*row)
    return table


def _of_lists(lists: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("csv", "json"):
        read = lists[name]
        yield f"RCL as {name.upper()}, {read['rows']:,} rows: rows per second", f"{read['per_second']:,.0f}", "≥ 50,000"
    memory = f"{lists['web_peak_mib']:.0f} MiB ({lists['web_before_mib']:.0f} MiB before)"
    yield "  memory of the web meanwhile, at most", memory, "< 150 MiB"
    made = lists["publication"]
    yield f"publication of {made['registrations']:,} registrations", f"{made['seconds']:.1f} s", ""
    yield "  rows per second", f"{made['rows_per_second']:,.0f}", ""


def _of_screens(screens: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for database, pages in screens["pages"].items():
        yield f"{screens['people']:,} cases on {database}: p50, p99; times an empty page", "", "p99 < 100 ms"
        for name, page in pages.items():
            figure = f"{page['p50']:.1f} ms, {page['p99']:.1f} ms; {page['times_empty']:.1f}"
            yield f"  {name}", figure, "< 3 times" if name.startswith("queue") else ""
    for path, visit in screens["first_visits"].items():
        yield f"first visit of {path}", f"{visit['kilobytes']:.0f} kB in {visit['requests']} requests", "< 200 kB"


def _cpu(pace: dict[str, Any]) -> str:
    parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in pace["cpu_by_process"].items())
    return f"{pace['cpu_seconds']:.3f} ({parts})"


async def figures(folder: Path, size: Size, say: Callable[[str], None]) -> dict[str, Any]:
    """Everything, in one run on one stack; the federal lists on another."""
    began = time.perf_counter()
    async with run_stack(folder) as stack, httpx2.AsyncClient(timeout=60) as http:
        ready = time.perf_counter() - began
        os.environ["TEMPORAL_ADDRESS"] = stack["temporal"]
        world, client = World(stack, http), await connect_client()
        async with load.watching(folder / "app.sqlite") as waits:
            say("a broker's history")
            history = await broker_history(client, world, waits)
            names = (EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events)
            events = Counter(names)
            say("brokers end to end, the bare workflow before and after")
            async with bare_worker(stack["temporal"]) as worker:
                before = await bare_pace(client, worker, shape_of(events), size)
                product = await product_pace(world, waits, size)
                bare = before + await bare_pace(client, worker, shape_of(events), size)
            say("cached cases")
            cached = await cached_mib(world, waits, size)
            say("certificates")
            printing = await asyncio.to_thread(printing_ms, folder)
    say("federal lists")
    published = await lists.figures(folder / "lists", size.listed, size.changed)
    say("screens")
    shown = await screens.figures(folder / "screens", size.people)
    paces = {"product": product.document(), "bare": bare.document()}
    return {
        "cases": size.cases,
        "at_once": size.at_once,
        "cached": size.cached,
        **paces,
        "ratio": paces["product"]["per_second"] / paces["bare"]["per_second"],
        "events": dict(events.most_common()),
        "certificate_ms": printing,
        "cached_mib": cached,
        "ready_seconds": ready,
        "lists": published,
        "screens": shown,
    }


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--cases", type=int, default=40, help="brokers taken through, and bare workflows")
    parser.add_argument("--at-once", type=int, default=8, help="how many at a time")
    parser.add_argument("--cached", type=int, default=300, help="waiting cases whose memory is measured")
    parser.add_argument("--listed", type=int, default=1_000_000, help="rows of the RCL that are read over HTTP")
    parser.add_argument("--changed", type=int, default=20_000, help="registrations published at once")
    parser.add_argument("--people", type=int, default=100_000, help="cases behind the console's pages")
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        size = Size(**vars(parser.parse_args()))
        found = asyncio.run(figures(Path(folder), size, lambda text: console.print(f"measuring: {text}")))
    console.print(table_of(found))
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
