"""Takes brokers through the running product, from request to first day of helping; it measures nothing itself."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TypeVar

from tests.support import documents
from tests.support.world import Document, World

LMS_STEPS = ("account", "profile", "started", "course", "0.9")
PORTAL_EVENTS = ("account.registered", "profile.completed", "scheduling_tool.ready")
MESSAGES = len(LMS_STEPS) + len(PORTAL_EVENTS)
Item = TypeVar("Item")


class Waits:
    """What each case waits for, read from the database beside the product, so that looking costs it nothing."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._now: dict[str, str] = {}

    async def until(self, case_id: str, waiting_for: str) -> None:
        """Returns once the case waits for this."""
        while self._now.get(case_id) != waiting_for:
            await asyncio.sleep(0.01)

    async def watch(self) -> None:
        """Looks again and again."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as connection:
            while True:
                self._now = dict(connection.execute("SELECT case_id, waiting_for FROM assister_case"))
                await asyncio.sleep(0.02)


@asynccontextmanager
async def watching(database: Path) -> AsyncIterator[Waits]:
    """The cases of this database, watched for the time of a block."""
    waits = Waits(database)
    task = asyncio.create_task(waits.watch())
    try:
        yield waits
    finally:
        task.cancel()


async def known_brokers(world: World, count: int) -> list[Document]:
    """Requests of brokers whom the registry knows."""
    requests = [documents.broker() for _ in range(count)]
    for request in requests:
        await world.know(documents.producer(request))
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


async def certified(world: World, waits: Waits, request: Document, pause: float = 0) -> Document:
    """A whole path; between two messages it pauses as people do, so that each is a workflow task of its own."""
    opened = await requested(world, waits, request)
    await asyncio.sleep(pause)
    answer = await world.decide(opened)
    assert answer.status_code == 200, answer.text
    for step in LMS_STEPS:
        await asyncio.sleep(pause)
        await world.reported(opened, step)
    await waits.until(opened["case_id"], "portal_registration")
    for event in PORTAL_EVENTS:
        await asyncio.sleep(pause)
        await world.reported_by_portal(opened, event)
    await waits.until(opened["case_id"], "next_plan_year")
    await asyncio.sleep(pause)
    return opened
