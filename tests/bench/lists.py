"""The federal lists: what it takes to read a million rows over HTTP, and to publish what changed (B18–B20)."""

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client

from db.engine import Database
from settings import Settings
from starter.client import connect_client
from starter.publication import publish_lists
from starter.stack.embedded import run_stack
from tests.bench import usage
from tests.bench.pace import Size
from tests.support.registrations import Desk, profile

FIRST_NPN = 2_000_000_000
AT_ONCE = 20_000
COMPLETED = datetime(2023, 10, 3, 16, tzinfo=UTC)
PATIENCE = 600
MIB = 2**20
TASK_QUEUE = str(Settings.model_fields["task_queue"].default)


@dataclass(frozen=True)
class Reading:
    """A list read to its end over HTTP."""

    rows: int
    seconds: float
    bytes: int

    def document(self) -> dict[str, Any]:
        return {"rows": self.rows, "per_second": self.rows / self.seconds, "mib": self.bytes / MIB}


def fill(file: Path, rows: int) -> None:
    """Puts so many rows of the RCL straight into a database, as the publication that is current."""
    lines = (
        (
            f"2024:{npn}",
            f"ast_{npn:024x}:2024",
            json.dumps([str(npn), "2024", "10/03/2023", "12/31/2024", "", "", "Y", ""]),
        )
        for npn in range(FIRST_NPN, FIRST_NPN + rows)
    )
    with closing(sqlite3.connect(file, timeout=60)) as connection:
        while some := list(islice(lines, AT_ONCE)):
            with connection:
                connection.executemany("INSERT INTO published_row VALUES ('rcl', ?, 1, ?, ?, NULL)", some)
        with connection:
            connection.execute(
                "INSERT INTO publication VALUES (1, '2023-10-03', '2023-10-03 10:00:00', '2023-10-03 10:00:01')"
            )


async def read(http: httpx2.AsyncClient, url: str, row_ends_with: bytes) -> Reading:
    """Reads a list to its end; one row more than there are is the header's or the document's."""
    rows, length, began = -1, 0, time.perf_counter()
    async with http.stream("GET", url) as answer:
        assert answer.status_code == 200
        async for piece in answer.aiter_raw():
            rows, length = rows + piece.count(row_ends_with), length + len(piece)
    return Reading(rows, time.perf_counter() - began, length)


async def change(file: Path, registrations: int) -> None:
    """Puts so many registrations that are complete and not yet published straight into a database.

    All are copies of one that went through every step.
    """
    database = Database(f"sqlite+aiosqlite:///{file}")
    opened = await Desk(database).completed(profile(), COMPLETED)
    await database.close()
    with closing(sqlite3.connect(file, timeout=60)) as connection:
        connection.row_factory = sqlite3.Row
        person, case, *facts = _rows_of(connection, opened.assister_id, opened.case_id)
        numbers = iter(range(registrations))
        while some := list(islice(numbers, AT_ONCE // 20)):
            with connection:
                for number in some:
                    _copy(connection, person, case, facts, number)


def _rows_of(connection: sqlite3.Connection, assister_id: str, case_id: str) -> Iterator[dict[str, Any]]:
    for table, column, value in (
        ("assister", "assister_id", assister_id),
        ("assister_case", "case_id", case_id),
        ("fact", "case_id", case_id),
    ):
        for row in connection.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,)):
            yield {"table": table, **dict(row)}


def _copy(
    connection: sqlite3.Connection,
    person: dict[str, Any],
    case: dict[str, Any],
    facts: list[dict[str, Any]],
    number: int,
) -> None:
    npn = str(FIRST_NPN - 1 - number)
    told = {**json.loads(case["request"]), "npn": npn}
    ids = {"assister_id": f"ast_copy{number}", "case_id": f"copy-{number}"}
    _insert(connection, {**person, **ids, "person_key": ids["assister_id"], "npn": npn}, drop="case_id")
    begun = {"workflow_id": ids["case_id"], "run_id": ids["case_id"]}  # nobody starts a workflow for it
    _insert(connection, {**case, **ids, **begun, "request": json.dumps(told)})
    for place, fact in enumerate(facts):
        _insert(connection, {**fact, "case_id": ids["case_id"], "id": f"{ids['case_id']}:{place}"})


def _insert(connection: sqlite3.Connection, row: dict[str, Any], drop: str = "") -> None:
    values = {name: value for name, value in row.items() if name not in ("table", drop)}
    places = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO {row['table']} ({', '.join(values)}) VALUES ({places})", values)


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Everything about the lists."""
    folder = folder / "lists"
    async with run_stack(folder) as stack, httpx2.AsyncClient(timeout=60) as http:
        os.environ["TEMPORAL_ADDRESS"] = stack["temporal"]
        file, web = folder / "app.sqlite", usage.stack_processes()["web"]
        await asyncio.to_thread(fill, file, size.listed)
        usage.forget_peak(web)
        before = usage.resident_mib(web)
        as_csv = await read(http, f"{stack['web']}/registry/rcl.csv", b"\n")
        as_json = await read(http, f"{stack['web']}/registry/rcl.json", b"}")
        assert as_csv.rows == as_json.rows == size.listed
        peak = usage.peak_mib(web)
        await change(file, size.changed)
        publication = await published(await connect_client(), size.changed)
    return {
        "csv": as_csv.document(),
        "json": as_json.document(),
        "web_before_mib": before,
        "web_peak_mib": peak,
        "publication": publication,
    }


async def published(client: Client, changed: int) -> dict[str, Any]:
    """Publishes what changed."""
    began = time.perf_counter()
    made = await asyncio.wait_for(publish_lists(client, TASK_QUEUE, forced=True), PATIENCE)
    seconds = time.perf_counter() - began
    assert made.rows >= changed
    return {
        "registrations": changed,
        "rows": made.rows,
        "seconds": seconds,
        "registrations_per_second": changed / seconds,
        "rows_per_second": made.rows / seconds,
    }


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    for name in ("csv", "json"):
        read = found[name]
        yield f"RCL as {name.upper()}, {read['rows']:,} rows: rows per second", f"{read['per_second']:,.0f}", "≥ 50,000"
    memory = f"{found['web_peak_mib']:.0f} MiB ({found['web_before_mib']:.0f} MiB before)"
    yield "  memory of the web meanwhile, at most", memory, "< 150 MiB"
    made = found["publication"]
    yield f"publication of {made['registrations']:,} registrations", f"{made['seconds']:.1f} s", ""
    yield "  rows per second", f"{made['rows_per_second']:,.0f}", ""
