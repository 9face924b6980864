"""Looks at the stack's workflows as an operator would: through Temporal, without touching any."""

import base64
import json
from datetime import datetime
from typing import Any

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client

# A message that came just as the workflow ended: the server has the task done again.
OVERTAKEN = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    # The run was ended from outside while a task was under way, as a reconciliation ends one that lags behind.
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
)


async def client_of(stack: dict[str, Any]) -> Client:
    """A client of the stack's Temporal server."""
    return await Client.connect(stack["temporal"], namespace=stack["settings"]["TEMPORAL_NAMESPACE"])


async def history_of(client: Client, workflow_id: str) -> str:
    """Everything Temporal keeps of a workflow, as JSON with its payloads in plain text."""
    history = (await client.get_workflow_handle(workflow_id).fetch_history()).to_json_dict()

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: _decoded(item) if name == "data" else plain(item) for name, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return json.dumps(plain(history))


def _decoded(data: Any) -> Any:
    return base64.b64decode(data).decode("utf-8", "replace") if isinstance(data, str) else data


async def list_runs(client: Client, workflow_id: str) -> list[str]:
    """The runs of a workflow, the first one first: from one that continued as new to the one before it.

    By the histories themselves: the list of workflows is late.
    """
    found = [(await client.get_workflow_handle(workflow_id).describe()).run_id]
    while before := await _read_run_before(client, workflow_id, found[0]):
        found.insert(0, before)
    return found


async def _read_run_before(client: Client, workflow_id: str, run_id: str) -> str:
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    async for event in handle.fetch_history_events(page_size=1):
        return event.workflow_execution_started_event_attributes.continued_execution_run_id
    raise AssertionError(f"{workflow_id}, run {run_id}, has no events")


async def failed_tasks(client: Client, since: datetime) -> list[str]:
    """Workflows begun since then with a failed workflow task, and why: a case that hangs."""
    failed = []
    async for found in client.list_workflows(f"StartTime >= '{since.isoformat()}'"):
        async for event in client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history_events():
            task = event.workflow_task_failed_event_attributes
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED and task.cause not in OVERTAKEN:
                cause = WorkflowTaskFailedCause.Name(task.cause)
                failed.append(f"{found.id}: {cause} {task.failure.message}")
    return failed
