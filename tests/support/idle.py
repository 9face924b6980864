"""Waits until a case has nothing left to do: that "nothing happened" is seen then, instead of after some seconds."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse, ResetActivityRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.support.kept import Kept
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of


async def wait_until_idle(stack: dict[str, Any], opened: dict[str, Any]) -> None:
    """Returns once every event stored for the case is delivered, and all that follows from it at once is done."""
    kept, client = Kept(Path(stack["data"]) / "app.sqlite"), await client_of(stack)
    async with asyncio.timeout(PATIENCE):
        while kept.rows("SELECT 1 FROM inbox WHERE state = 'pending' AND case_id = ?", opened["case_id"]):
            await asyncio.sleep(0.02)
    await wait_until_workflow_is_idle(client, opened["workflow_id"])


async def wait_for_retry(client: Client, workflow_id: str, attempts: int = 1) -> timedelta:
    """Waits until an activity of a workflow has failed this often; how long after that it is tried again."""

    def has_failed(description: DescribeWorkflowExecutionResponse) -> bool:
        return any(one.attempt > attempts for one in description.pending_activities)

    description = await _wait(client, workflow_id, has_failed)
    return max(one.current_retry_interval.ToTimedelta() for one in description.pending_activities)


async def retry_at_once(client: Client, workflow_id: str) -> None:
    """Has what failed tried again now, as an operator does whose third party is back: the look-up of a registry waits
    fifteen seconds and more."""
    description = (await client.get_workflow_handle(workflow_id).describe()).raw_description
    execution = WorkflowExecution(workflow_id=workflow_id)
    for one in description.pending_activities:
        if one.attempt > 1:
            order = ResetActivityRequest(namespace=client.namespace, execution=execution, id=one.activity_id)
            try:
                await client.workflow_service.reset_activity(order)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # else it was made since it was looked at
                    raise


async def wait_until_workflow_is_idle(client: Client, workflow_id: str, least_events: int = 0) -> None:
    """Returns once a workflow has ended, or has neither a task nor an activity to do: it waits for somebody else.

    One with fewer events than the least is still to begin.
    """
    await _wait(client, workflow_id, lambda description: _is_idle(description, least_events))


async def _wait(
    client: Client, workflow_id: str, holds: Callable[[DescribeWorkflowExecutionResponse], bool]
) -> DescribeWorkflowExecutionResponse:
    async with asyncio.timeout(PATIENCE):
        while not holds(found := (await client.get_workflow_handle(workflow_id).describe()).raw_description):
            await asyncio.sleep(0.02)
    return found


def _is_idle(description: DescribeWorkflowExecutionResponse, least_events: int) -> bool:
    if description.workflow_execution_info.status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
        return True
    has_begun = description.workflow_execution_info.history_length >= least_events
    return has_begun and not (description.HasField("pending_workflow_task") or description.pending_activities)
