"""Workflows that are gone in every way there is, and reconciliations that look after them."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from db.case_state import list_flags, list_rows, load_case
from db.reads.cases import read_audit
from db.reads.recovery.reconciliation import read_last_reconciliation
from db.recovery_tables import ReconciliationRow
from db.tables import Case, CommandRow, InboxRow
from db.writes.opening import Opened
from domain.shared.cases.reconciliation import Outcome
from domain.shared.round_messages import ReconciliationOrder
from starter.delivery import deliver_pending
from tests.support.inside import Document, Inside
from tests.support.patience import PATIENCE
from tests.support.tables import change_row
from workflows import messages as names


@workflow.defn(name="Doomed", sandboxed=False)
class Doomed:
    """Fails."""

    @workflow.run
    async def run(self) -> None:
        raise ApplicationError("as it has to")


@workflow.defn(name="Finished", sandboxed=False)
class Finished:
    """Comes to its end at once."""

    @workflow.run
    async def run(self) -> str:
        return "withdrawn"


async def reconcile(inside: Inside, order: ReconciliationOrder | None = None) -> dict[str, int]:
    """A reconciliation as the schedule starts it, or three where it can't look after a case; what they came to."""
    counts: Counter[str] = Counter()
    for number in range(3):
        given = [order.model_copy(update={"number": order.number + number})] if order else []
        await inside.client.execute_workflow(
            names.RECONCILIATION, *given, id=f"reconciliation-{uuid4().hex}", task_queue=inside.settings.task_queue
        )
        came_to = (await last_reconciliation(inside)).counts
        counts.update(came_to)
        if not came_to.get(Outcome.FAILED):
            break
    return counts


async def deliver(inside: Inside, opened: Opened) -> None:
    """Delivers until nothing waits for this case, as the worker does in the background."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await deliver_pending(inside.database, inside.cases)
            if not await inside.database.read(_list_waiting, opened.case_id):
                return
            await asyncio.sleep(0.1)


def _list_waiting(session: Session, case_id: str) -> list[object]:
    found: list[object] = []
    for table in (InboxRow, CommandRow):
        found += list_rows(session, select(table).where(col(table.case_id) == case_id, col(table.state) == "pending"))
    return found


async def last_reconciliation(inside: Inside) -> ReconciliationRow:
    found = await inside.database.read(read_last_reconciliation)
    assert found is not None
    return found


async def flags(inside: Inside, opened: Opened) -> list[str]:
    return list(list_flags(await inside.database.read(load_case, opened.case_id)))


async def audited(inside: Inside, opened: Opened, action: str) -> list[Document]:
    return [one for one in await inside.database.read(read_audit, opened.case_id) if one["action"] == action]


async def terminate(inside: Inside, opened: Opened) -> Opened:
    await inside.handle(opened).terminate("in the wrong window")
    return opened


async def cancel(inside: Inside, opened: Opened) -> Opened:
    await inside.handle(opened).cancel()
    return await _see_end(inside, opened)


async def fail(inside: Inside, opened: Opened) -> Opened:
    """Puts a workflow that has failed in the place of the case's."""
    return await _replace(inside, opened, Doomed)


async def finish(inside: Inside, opened: Opened) -> Opened:
    """Puts a workflow that has come to its end in the place of the case's: its ending is lost with the database's."""
    return await _replace(inside, opened, Finished)


async def _replace(inside: Inside, opened: Opened, replacement: type) -> Opened:
    await inside.handle(opened).terminate("to be replaced")
    queue = uuid4().hex
    async with Worker(inside.client, task_queue=queue, workflows=[replacement]):
        await inside.client.start_workflow(replacement.__name__, id=opened.workflow_id, task_queue=queue)
        return await _see_end(inside, opened)


async def time_out(inside: Inside, opened: Opened) -> Opened:
    """Puts a workflow that has timed out in the place of the case's."""
    await inside.handle(opened).terminate("to be replaced")
    a_second = timedelta(seconds=1)
    await inside.client.start_workflow(
        "Doomed", id=opened.workflow_id, task_queue=uuid4().hex, execution_timeout=a_second
    )
    return await _see_end(inside, opened)


async def lose(inside: Inside, opened: Opened) -> Opened:
    """As after the loss of Temporal's database: there is no workflow of the case's id, and never was."""
    await inside.handle(opened).terminate("to be lost")
    workflow_id = f"{uuid4().hex}/{opened.case_id}"
    await inside.database.write(change_row, Case, opened.case_id, workflow_id=workflow_id)
    return replace(opened, workflow_id=workflow_id)


async def _see_end(inside: Inside, opened: Opened) -> Opened:
    with suppress(WorkflowFailureError):
        await inside.handle(opened).result()
    return opened
