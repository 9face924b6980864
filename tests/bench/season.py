"""A season beside bare workflows: cases opened a second, first steps a second, and the worker's memory meanwhile.

A bare start is a workflow of as many local activities as a returning broker's first steps; it stores nothing. One that
stores has as many patches too, and stores as many rows in as many units of work: its start, and each local activity.
Neither calls anybody outside, as the first steps do: registry, LMS and mail server.

In turns, so that what else the machine does slows all of them down; the season is paused meanwhile.
"""

import asyncio
import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from activities.seasons import MOST_UNFINISHED
from starter.seasons import make_season_id
from tests.bench import load, usage
from tests.bench.bare import TASK_QUEUE, Bare, Shape
from tests.bench.bare_rows import DATABASE, create_rows, open_database, store_rows
from tests.bench.brokers import run_bare_worker
from tests.bench.pace import Size
from tests.bench.stack import BenchStack, open_stack
from tests.support import documents
from tests.support.world import Document, World
from workflows.season import PAGES_A_RUN

YEAR = 2027
ADDRESS = f"/api/seasons/bewellnm/{YEAR}"
AT_ONCE = 16  # as many as a page of a season begins side by side
TURNS = 4
MOST_BARE = 150  # of each kind in a turn: their rate needs no more
SETTLED = 3.0
LOOKED_EVERY = 0.5
MANY = 100_000


@dataclass
class Run:
    """How many were started, how long it took until they were accepted and until their first steps were done."""

    number: int = 0
    accepted: float = 0.0
    stepped: float = 0.0

    def add(self, number: int, accepted: float, stepped: float) -> None:
        """So many more."""
        self.number, self.accepted, self.stepped = (
            self.number + number,
            self.accepted + accepted,
            self.stepped + stepped,
        )

    def document(self) -> dict[str, float]:
        """What a second brings."""
        return {"accepted_per_second": self.number / self.accepted, "stepped_per_second": self.number / self.stepped}


@dataclass
class Runs:
    """The season, and both kinds of bare starts."""

    product: Run = field(default_factory=Run)
    bare: Run = field(default_factory=Run)
    storing: Run = field(default_factory=Run)


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """A season of so many people, for so many minutes at the most, with bare workflows in between."""
    database = folder / "season" / "app.sqlite"
    async with open_stack(folder / "season") as stack:
        stack.waits.shortest_pause = 1.0  # there are many cases, and looking at them takes from what is measured
        people = await _bring_in(stack.world, size.season + 1)
        shape, rows = await _measure_first_steps(stack, people[0], lambda: _count_rows(database))
        url = f"sqlite+aiosqlite:///{folder / 'bare.sqlite'}"
        os.environ[DATABASE] = url
        await open_database(url).write(create_rows)
        worker = usage.stack_processes()["worker"]
        before = usage.resident_mib(worker)
        usage.forget_peak(worker)
        async with run_bare_worker(stack.world.stack["temporal"]):
            runs = await _take_turns(stack, size, shape, rows)
        memory = {"before_mib": before, "peak_mib": usage.peak_mib(worker), "after_mib": usage.resident_mib(worker)}
        paces = {name: getattr(runs, name).document() for name in ("product", "bare", "storing")}
        pages = await _count_pages(stack.client)
        shown = {"people": runs.product.number, "of": size.season, "local_activities": shape.local, "rows": rows}
        return {**shown, "patches": shape.patches, **paces, **pages, **memory}


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    product, bare, storing = (found[name] for name in ("product", "bare", "storing"))
    title = f"a season: {found['people']:,} of {found['of']:,} people: accepted starts a second"
    yield title, f"{product['accepted_per_second']:.1f}", ""
    yield "  first steps a second", f"{product['stepped_per_second']:.1f}", ""
    yield "  most starts ahead of their first steps", f"{MOST_UNFINISHED}", ""
    about = f"{found['local_activities']} local activities"
    yield from _compare(product, bare, f"bare starts of {about} that store nothing", "≥ 0.80")
    about = f"{about} and {found['patches']} patches that store {found['rows']} rows"
    yield from _compare(product, storing, f"bare starts of {about}", "≥ 0.80")
    memory = f"{found['before_mib']:.0f}, {found['peak_mib']:.0f}, {found['after_mib']:.0f} MiB"
    yield "  memory of the worker: before, peak, after", memory, "flat"
    yield from _reckon(found)


def _compare(
    product: dict[str, float], bare: dict[str, float], title: str, wanted: str
) -> Iterator[tuple[str, str, str]]:
    for name, what in (("accepted_per_second", "accepted"), ("stepped_per_second", "first steps")):
        yield f"  {title}: {what} a second", f"{bare[name]:.1f}", ""
        yield f"    ratio, season to bare: {what}", f"{product[name] / bare[name]:.2f}", wanted


def _reckon(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What 100,000 people come to by these figures."""
    paces, a_page, events = (found[name] for name in ("product", "people_a_page", "events_a_page"))
    rate = paces["stepped_per_second"]
    reckoned = f"{MANY:,} / {rate:.1f} a second = {MANY / rate / 3600:.1f} hours"
    yield f"  {MANY:,} people, by the season's own pace", reckoned, ""
    pages = -(-MANY // max(1, round(a_page)))
    runs, most = -(-pages // PAGES_A_RUN), PAGES_A_RUN * events
    reckoned = f"{MANY:,} / {a_page:.0f} a page / {PAGES_A_RUN} pages = {runs} runs of {most:.0f} events"
    yield f"  {MANY:,} people: histories of the season's workflow", reckoned, ""


async def _bring_in(world: World, count: int) -> list[str]:
    """So many brokers who return, whom the registry knows; their ids."""
    requests = [documents.broker() for _ in range(count)]
    imported, _ = await asyncio.gather(
        world.all_imported([documents.earlier(request, YEAR - 1) for request in requests]),
        load.each(requests, AT_ONCE, lambda request: world.know(documents.producer(request))),
    )
    return imported


async def _measure_first_steps(stack: BenchStack, assister_id: str, count_rows: Callable[[], int]) -> tuple[Shape, int]:
    """The bare workflow's shape, by a returning broker's first steps, and how many rows these store in all."""
    rows = count_rows()
    opened: Document = await stack.world.begun(assister_id, YEAR)
    await stack.waits.until(opened["case_id"], "decision")
    await asyncio.sleep(SETTLED)  # its letter follows
    history = await stack.client.get_workflow_handle(opened["workflow_id"]).fetch_history()
    marked = Counter(event.marker_recorded_event_attributes.marker_name for event in history.events)
    shape = Shape(regular=0, local=marked["core_local_activity"], messages=1, patches=marked["core_patch"])
    return shape, count_rows() - rows


def _count_rows(database: Path) -> int:
    """All rows of a database."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        counts = (connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in tables)
        return sum(counts)


async def _take_turns(stack: BenchStack, size: Size, shape: Shape, rows: int) -> Runs:
    runs, plain = Runs(), replace(shape, patches=0)
    storing = replace(shape, rows=max(1, round(rows / (shape.local + 1))))
    for warm in (plain, storing):
        await _start_bare(stack.client, Run(), AT_ONCE, warm)
    opened = 0
    for turn in range(1, TURNS + 1):
        before = opened
        opened = await _open_some(stack, runs.product, before, turn, size)
        few = min(opened - before, MOST_BARE)
        await _start_bare(stack.client, runs.bare, few, plain)
        await _start_bare(stack.client, runs.storing, few, storing)
    return runs


async def _open_some(stack: BenchStack, run: Run, opened: int, turn: int, size: Size) -> int:
    """This turn's share of the season, or what it does in its share of the time; how many are opened by then."""
    until, began = size.season * turn // TURNS, time.perf_counter()
    deadline = began + size.season_minutes * 60 / TURNS
    await _change(stack.world, "open" if turn == 1 else "resume")
    while True:
        status = (await stack.world.get(f"{ADDRESS}/status")).json()
        if status["state"] == "finished":
            break
        is_share_done = status["handled"] >= until and turn < TURNS
        if is_share_done or time.perf_counter() > deadline:
            status = await _change(stack.world, "pause" if turn < TURNS else "cancel")
            break
        await asyncio.sleep(LOOKED_EVERY)
    accepted, number = time.perf_counter() - began, status["opened"]
    while stack.waits.count("decision") < number + 1:  # the one whose steps were counted is another
        await asyncio.sleep(0.1)
    run.add(number - opened, accepted, time.perf_counter() - began)
    return int(number)


async def _change(world: World, change: str) -> Document:
    answer = await world.http.post(f"{world.web}{ADDRESS}/{change}", headers=world.staff)
    assert answer.is_success, answer.text
    status: Document = answer.json()
    return status


async def _start_bare(client: Client, run: Run, number: int, shape: Shape) -> None:
    began = time.perf_counter()
    handles = []

    async def start(_: int) -> None:
        if shape.rows:
            await open_database(os.environ[DATABASE]).write(store_rows, shape.rows)
        handle = await client.start_workflow(
            Bare.run, shape, id=f"bare-{uuid4()}", task_queue=TASK_QUEUE, start_signal="reported"
        )
        handles.append(handle)

    await load.each(range(number), AT_ONCE, start)
    accepted = time.perf_counter() - began
    await load.each(handles, AT_ONCE, lambda handle: handle.result())
    run.add(number, accepted, time.perf_counter() - began)


async def _count_pages(client: Client) -> dict[str, float]:
    """How many people a page of the season had, and how many events of history it came to, in its last run."""
    history = await client.get_workflow_handle(make_season_id("bewellnm", YEAR)).fetch_history()
    done = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    results = [
        event.activity_task_completed_event_attributes.result for event in history.events if event.event_type == done
    ]
    handled = sum(json.loads(result.payloads[0].data)["handled"] for result in results)
    return {"people_a_page": handled / len(results), "events_a_page": len(history.events) / len(results)}
