"""The licence round over many certified cases that are all due: how long it takes, and the worker's memory."""

import asyncio
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import ScheduleActionStartWorkflow

from domain.programs.kept_rules import describe_rules, hash_rules
from domain.programs.policies import find_policy
from domain.shared.ids import make_workflow_id
from domain.shared.programs import STATE_PROGRAM
from starter.policies import SHIPPED
from starter.schedules import LICENSE_ROUND_ID, RECONCILIATION_ID
from tests.bench import usage
from tests.bench.pace import Size
from tests.bench.stack import BenchStack, open_stack
from tests.support import documents
from workflows import messages as names

NOTHING_BOUNDS = 10**9
FIRST_NPN = 20_000_000
Document = dict[str, Any]
PERSON = (
    b"<PDB><PRODUCER><INDIVIDUAL><ENTITY_BIOGRAPHIC><BIOGRAPHIC><NAME_LAST>Broker</NAME_LAST>"
    b"<NAME_FIRST>Sample</NAME_FIRST></BIOGRAPHIC></ENTITY_BIOGRAPHIC><PRODUCER_LICENSING><LICENSE_INFORMATION>"
    b'<STATE name="NM"><LICENSE><LICENSE_NUM>NM-1</LICENSE_NUM><DATE_EXPIRE_LICENSE>12/31/2034</DATE_EXPIRE_LICENSE>'
    b"<RESIDENCY_STATUS>R</RESIDENCY_STATUS><ACTIVE>Yes</ACTIVE><DETAILS><DETAIL><LOA>Health</LOA></DETAIL></DETAILS>"
    b"</LICENSE></STATE></LICENSE_INFORMATION></PRODUCER_LICENSING></INDIVIDUAL></PRODUCER></PDB>"
)


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """One round that takes so many certified cases in and asks about each; the registry is a small server here.

    The policy's bound of look-ups a day is lifted; nothing else is.
    """
    policies = _lift_bound(folder / "policies")
    async with _listen() as (address, asked):
        settings = {
            "CERTIFY_POLICIES": str(policies),
            "CERTIFY_REGISTRY_URL": address,
            "CERTIFY_REGISTRY_ALERTS_URL": "",
        }
        async with open_stack(folder / "licenses", **settings) as stack:
            for schedule in (RECONCILIATION_ID, LICENSE_ROUND_ID):  # their cases have no workflows
                await stack.client.get_schedule_handle(schedule).pause(note="measured")
            await asyncio.to_thread(_fill, folder / "licenses" / "app.sqlite", size.licensed)
            return {"cases": size.licensed, **await _measure_round(stack, asked)}


async def _measure_round(stack: BenchStack, asked: "Counter[str]") -> dict[str, Any]:
    worker = usage.stack_processes()["worker"]
    action = (await stack.client.get_schedule_handle(LICENSE_ROUND_ID).describe()).schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    before = usage.resident_mib(worker)
    usage.forget_peak(worker)
    handle = await stack.client.start_workflow(names.LICENSE_ROUND, id="measured", task_queue=action.task_queue)
    counts = (await handle.result())["counts"]
    first, last = (
        await stack.client.get_workflow_handle("measured", run_id=handle.first_execution_run_id).describe(),
        (await stack.client.get_workflow_handle("measured").describe()),
    )
    assert last.close_time is not None
    return {
        "seconds": (last.close_time - first.start_time).total_seconds(),
        "counts": counts,
        "asked_twice": sum(number > 1 for number in asked.values()),
        "worker_mib": before,
        "worker_mib_most": usage.peak_mib(worker),
        "worker_mib_after": usage.resident_mib(worker),
        "events_of_a_run": last.history_length,
    }


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    pace = found["counts"]["asked"] / found["seconds"]
    yield f"licence round over {found['cases']:,} due", f"{found['seconds']:.0f} s, {pace:.0f} a second", "minutes"
    yield "  asked about twice, without an answer", f"{found['asked_twice']}, {found['counts']['unknown']}", "0, 0"
    memory = (found[name] for name in ("worker_mib", "worker_mib_most", "worker_mib_after"))
    yield "  memory of the worker: before, most, after", ", ".join(f"{one:.0f} MiB" for one in memory), "constant"
    yield "  events of the last run", f"{found['events_of_a_run']:,}", "≤ 2,000"


def _lift_bound(folder: Path) -> Path:
    shutil.copytree(SHIPPED, folder)
    for file in folder.glob("*/*.toml"):
        text = file.read_text("utf-8")
        file.write_text(text.replace("calls_a_day = 5000", f"calls_a_day = {NOTHING_BOUNDS}"), "utf-8")
    return folder


@asynccontextmanager
async def _listen() -> AsyncIterator[tuple[str, "Counter[str]"]]:
    """A registry that has a good licence for everybody: its address, and how often it was asked about each NPN."""
    asked: Counter[str] = Counter()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s" % (len(PERSON), PERSON)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                asked[head.split(b"id_entity=")[1].split()[0].decode()] += 1
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def _fill(file: Path, number: int) -> None:
    """So many certified brokers, written straight into the database, all of them due."""
    now = datetime.now(UTC)
    year, issued = now.year + 1, (now - timedelta(days=60)).isoformat(" ")
    policy = find_policy(STATE_PROGRAM, year)
    assert policy is not None
    rules = describe_rules(policy)
    usual = {"assister_type": "new", "rules_hash": hash_rules(rules), "stage": "active", "opened_at": issued}
    no = dict.fromkeys(("has_lms_account", "has_portal_account", "has_portal_profile", "has_scheduling_tool"), 0)
    request = documents.broker(license_number="NM-1", plan_year=year, first_name="Sample", last_name="Broker")

    def build_assister(place: int) -> Document:
        names = {"first_name": "Sample", "last_name": "Broker", "language": "en", "email": f"p{place}@example.com"}
        key = {"assister_id": f"ast_{place:024d}", "person_key": f"key-{place}", "npn": str(FIRST_NPN + place)}
        return {**key, **names, "details": "{}", "created_at": issued}

    def build_case(place: int) -> Document:
        case_id = _name_case(place)
        ids = {"case_id": case_id, "assister_id": f"ast_{place:024d}", "run_id": f"run-{place}"}
        which = {"program": STATE_PROGRAM, "plan_year": year, "attempt": 1, "kind": "broker"}
        workflow_id = make_workflow_id(STATE_PROGRAM, year, case_id)
        stored = json.dumps({**request, "npn": str(FIRST_NPN + place)})
        flags = {**no, "identity_matches": 1, "unpublished": 0}
        return {**ids, **which, **usual, **flags, "workflow_id": workflow_id, "request": stored}

    def build_certificate(place: int) -> Document:
        kept = {"market": "", "issued_at": issued, "sha256": "0" * 64, "uri": "none.pdf"}
        return {"number": f"NM-{place:09d}", "case_id": _name_case(place), **kept}

    with closing(sqlite3.connect(file, timeout=60)) as connection:
        connection.execute(
            "INSERT INTO kept_rules (rules_hash, program, plan_year, rules, kept_at) VALUES (?, ?, ?, ?, ?)",
            (hash_rules(rules), STATE_PROGRAM, year, json.dumps(rules), issued),
        )
        for table, build in {
            "assister": build_assister,
            "assister_case": build_case,
            "certificate": build_certificate,
        }.items():
            names = list(build(0))
            places = ", ".join(f":{name}" for name in names)
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
            connection.executemany(statement, map(build, range(number)))
        connection.commit()


def _name_case(place: int) -> str:
    return f"00000000-0000-4000-8000-{place:012d}"
