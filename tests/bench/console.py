"""How fast the staff console reads among many cases, `python -m tests.bench.console`: on SQLite and PostgreSQL."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console as Screen
from rich.table import Table

from db import migrate
from db.console import Console
from db.counting import Counter
from db.engine import Database
from db.listing import Filters
from tests.fixtures import postgres
from tests.support import crowd

Read = Callable[[], Awaitable[Any]]


async def reads(database: Database, people: crowd.Crowd) -> dict[str, Read]:
    """What is measured, by its name."""
    console, none = Console(database), Filters()
    deep = await _deep(console.queue, 40)
    far = await _deep(console.all_cases, 40)
    rare = Filters("bewellnm", 2027, "enrollment_counselor", "awaiting_decision", "mail_refused")
    few = Filters("bewellnm", 2027, "enrollment_counselor", "awaiting_background_check")
    first, last = people.name(17)
    (case,) = await console.search(last)
    number = next(row[0] for row in people.rows()["certificate"])
    return {
        "queue": lambda: console.queue(none),
        "queue, page 41": lambda: console.queue(none, deep),
        "queue, a stage": lambda: console.queue(Filters(stage="awaiting_decision")),
        "queue, five filters": lambda: console.queue(rare),
        "queue, filter without cases": lambda: console.queue(Filters(kind="nothing")),
        "all cases": lambda: console.all_cases(none),
        "all cases, page 41": lambda: console.all_cases(none, far),
        "all cases, a program": lambda: console.all_cases(Filters(program="ffm")),
        "all cases, four filters": lambda: console.all_cases(few),
        "all cases, filter without cases": lambda: console.all_cases(Filters(kind="nothing")),
        "counts, kept": lambda: console.counts(Filters(stage="awaiting_decision")),
        "counts, counted": lambda: Counter(database).groups(),
        "search, a common name": lambda: console.search("ana"),
        "search, both names": lambda: console.search(f"{first} {last}"),
        "search, two common words": lambda: console.search("an exam"),
        "search, NPN": lambda: console.search(people.npn(4711)),
        "search, e-mail": lambda: console.search(people.email(815)),
        "search, certificate": lambda: console.search(number.lower().replace("-", "")),
        "search, nobody": lambda: console.search("nobody at all"),
        "a case's file": lambda: console.case_file(case.case_id, people.now),
        "held webhooks": lambda: console.held_webhooks(),
        "dashboard": lambda: _dashboard(database, people),
    }


async def _deep(page: Callable[..., Awaitable[Any]], pages: int) -> str | None:
    after = None
    for _ in range(pages):
        after = (await page(Filters(), after)).next
    return after


async def _dashboard(database: Database, people: crowd.Crowd) -> Any:
    return await Console(database).dashboard(people.now)


async def measured(read: Read, times: int) -> dict[str, float]:
    """Milliseconds: the median and the 99th percentile; and of this process's CPU, which has SQLite in it."""
    await read()  # warms up
    spent, cpu = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        await read()
        spent.append((time.perf_counter() - began) * 1000)
    marks = quantiles(spent, n=100, method="inclusive")
    cpu = (time.process_time() - cpu) * 1000 / times
    return {"p50": round(marks[49], 2), "p99": round(marks[98], 2), "cpu": round(cpu, 2)}


async def measure(url: str, number: int, times: int) -> dict[str, Any]:
    """Fills a database and reads from it."""
    await asyncio.to_thread(migrate.upgrade, url)
    began = time.perf_counter()
    people = await asyncio.to_thread(crowd.fill, url, number)
    found: dict[str, Any] = {"filled_seconds": round(time.perf_counter() - began, 1)}
    database = Database(url)
    for name, read in (await reads(database, people)).items():
        slow = name in ("dashboard", "counts, counted")
        found[name] = await measured(read, times // 10 if slow else times)
    began, rows = time.perf_counter(), 0
    async for page in Console(database).export(Filters(), "all"):
        rows += len(page)
    found["export"] = {"rows": rows, "seconds": round(time.perf_counter() - began, 1)}
    await database.close()
    return found


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Both, empty; PostgreSQL's server runs meanwhile."""
    with (
        tempfile.TemporaryDirectory(prefix="postgres-") as socket,
        postgres.server(Path(socket)),
        postgres.database(Path(socket)) as url,
    ):
        yield {"sqlite": f"sqlite+aiosqlite:///{folder / 'crowd.sqlite'}", "postgresql": url}


def main() -> int:
    """Measures both, and tells in a table and a line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.console", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)) as urls:
        found = {name: asyncio.run(measure(url, asked.cases, asked.times)) for name, url in urls.items()}
    table = Table("", *(f"{name}, {mark}" for name in found for mark in ("p50 ms", "p99 ms", "CPU ms")))
    for read, marks in found["sqlite"].items():
        if isinstance(marks, dict) and "p50" in marks:
            table.add_row(read, *(f"{of[read][mark]:.1f}" for of in found.values() for mark in ("p50", "p99", "cpu")))
    Screen(stderr=True).print(table)
    print(json.dumps({"cases": asked.cases, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
