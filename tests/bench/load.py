"""Takes brokers through the running product, from request to first day of helping; it measures nothing itself."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import create_engine, text

from tests.support import documents
from tests.support.world import Document, World

TRAINING_STEPS = ("account", "profile", "started", "course")
PASS = "0.9"
PORTAL_EVENTS = ("account.registered", "profile.completed", "scheduling_tool.ready")
Item = TypeVar("Item")


class Waits:
    """What each case waits for, read from the database beside the product, so that looking costs it nothing."""

    def __init__(self, database: str) -> None:
        self._engine = create_engine(database, isolation_level="AUTOCOMMIT")
        self.dialect = self._engine.dialect.name
        self._now: dict[str, str] = {}
        self._certified: set[str] = set()
        self.shortest_pause = 0.01

    async def until(self, case_id: str, waiting_for: str) -> None:
        """Returns once the case waits for this."""
        while self._now.get(case_id) != waiting_for:
            await asyncio.sleep(0.01)

    async def until_certified(self, case_id: str) -> None:
        """Returns once the case's certificate is recorded."""
        while case_id not in self._certified:
            await asyncio.sleep(0.005)

    def count(self, waiting_for: str) -> int:
        """How many cases wait for this."""
        return sum(wait == waiting_for for wait in self._now.values())

    def read_counts(self) -> dict[str, int]:
        """What the last reconciliation came to."""
        with self._engine.connect() as connection:
            found = connection.execute(text("SELECT counts FROM reconciliation")).scalar_one()
        counts: dict[str, int] = json.loads(found) if isinstance(found, str) else found
        return counts

    async def watch(self) -> None:
        """Looks again and again; less often where there are so many cases that looking would take a processor."""
        with self._engine.connect() as connection:
            while True:
                began = time.perf_counter()
                rows = connection.execute(text("SELECT case_id, waiting_for FROM assister_case"))
                self._now = dict(rows.all())
                self._certified = set(connection.execute(text("SELECT case_id FROM certificate")).scalars())
                await asyncio.sleep(max(self.shortest_pause, 5 * (time.perf_counter() - began)))


@asynccontextmanager
async def watching(database: str) -> AsyncIterator[Waits]:
    """The cases of the database at this URL, watched for the time of a block."""
    waits = Waits(database)
    task = asyncio.create_task(waits.watch())
    try:
        yield waits
    finally:
        task.cancel()


async def known_brokers(world: World, count: int) -> list[Document]:
    """Requests of brokers whom the registry knows."""
    requests = [documents.broker() for _ in range(count)]
    await each(requests, 8, lambda request: world.know(documents.producer(request)))
    return requests


async def each(items: Iterable[Item], at_once: int, work: Callable[[Item], Awaitable[object]]) -> None:
    """Does the work for every item, so many at a time."""
    places = asyncio.Semaphore(at_once)

    async def one(item: Item) -> None:
        async with places:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))


async def requested(world: World, waits: Waits, request: Document) -> Document:
    """A request, screened: it waits for staff."""
    answer = await world.submit(request)
    assert answer.status_code == 201, answer.text
    opened: Document = answer.json()
    await waits.until(opened["case_id"], "decision")
    return opened


async def trained(world: World, waits: Waits, request: Document, pause: float = 0) -> Document:
    """A path up to the exam; it pauses between messages as people do, so that each is a workflow task of its own."""
    opened = await requested(world, waits, request)
    await asyncio.sleep(pause)
    answer = await world.decide(opened)
    assert answer.status_code == 200, answer.text
    for step in TRAINING_STEPS:
        await asyncio.sleep(pause)
        await world.reported(opened, step)
    return opened


async def certified(world: World, waits: Waits, request: Document, pause: float = 0) -> Document:
    """A whole path."""
    opened = await trained(world, waits, request, pause)
    await asyncio.sleep(pause)
    await world.reported(opened, PASS)
    await waits.until(opened["case_id"], "portal_registration")
    for event in PORTAL_EVENTS:
        await asyncio.sleep(pause)
        await world.reported_by_portal(opened, event)
    await waits.until(opened["case_id"], "next_plan_year")
    await asyncio.sleep(pause)
    return opened


async def at_rate(
    items: Iterable[Item], per_second: float, work: Callable[[Item], Coroutine[Any, Any, object]]
) -> None:
    """Begins the work for so many items a second, whether or not earlier ones are done; returns once all are."""
    async with asyncio.TaskGroup() as group:
        began = time.perf_counter()
        for number, item in enumerate(items):
            await asyncio.sleep(began + number / per_second - time.perf_counter())
            group.create_task(work(item))
