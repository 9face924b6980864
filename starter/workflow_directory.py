"""What a reconciliation asks of Temporal: which workflows run, how one stands, what it knows; and what it does there.

Visibility, by which workflows are listed, is some seconds late: what matters is looked up again, workflow by workflow.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from db.case_state import CaseSnapshot
from db.tables import Case
from domain.shared.cases.messages import Report
from domain.shared.cases.reconciliation import SeenWorkflow, WorkflowStatus
from starter.client import RPC_TIMEOUT
from starter.temporal import CaseWorkflows, NotRunning, translate_errors
from workflows import messages as names
from workflows.search_attributes import PROBLEMS, STAGE, WAITING_FOR

# Not every server reports problems: so many attempts of one task say the same.
FAILING_ATTEMPTS = 5
PAGE = 500

_STATUS = {
    WorkflowExecutionStatus.RUNNING: WorkflowStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED: WorkflowStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED: WorkflowStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT: WorkflowStatus.TIMED_OUT,
    WorkflowExecutionStatus.TERMINATED: WorkflowStatus.TERMINATED,
    WorkflowExecutionStatus.CANCELED: WorkflowStatus.CANCELLED,
}


class WorkflowDirectory(CaseWorkflows):
    """The workflows of cases as a reconciliation sees them. Every method raises `Unreachable`."""

    async def list_running(self, cases: Sequence[Case]) -> Mapping[str, SeenWorkflow]:
        """Of these cases' workflows those that run, by case; some seconds late."""
        ids = {case.workflow_id: case.case_id for case in cases}
        listed = ", ".join("'" + workflow_id.replace("'", "''") + "'" for workflow_id in ids)
        query = f"ExecutionStatus = 'Running' AND WorkflowId IN ({listed})"
        found = {}
        with translate_errors():
            async for one in self.client.list_workflows(query, page_size=PAGE, rpc_timeout=RPC_TIMEOUT):
                found[ids[one.id]] = _describe(one)
        return found

    async def list_running_page(self, token: str) -> tuple[Mapping[str, SeenWorkflow], str]:
        """A page of all running workflows of cases, by id, and the token of the next page, empty after the last."""
        types = ", ".join(f"'{name}'" for name in names.WORKFLOW_OF_PROGRAM.values())
        query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({types})"
        given = bytes.fromhex(token) if token else None
        with translate_errors():
            listing = self.client.list_workflows(query, page_size=PAGE, next_page_token=given, rpc_timeout=RPC_TIMEOUT)
            await listing.fetch_next_page()
        page = {one.id: _describe(one) for one in listing.current_page or ()}
        return page, (listing.next_page_token or b"").hex()

    async def describe_workflow(self, case: Case) -> SeenWorkflow:
        """How a case's workflow stands now."""
        found = await self._find_description(case)
        if found is None:
            return SeenWorkflow(WorkflowStatus.GONE)
        return _describe(found, found.raw_description.pending_workflow_task.attempt)

    async def terminate_workflow(self, case: Case, reason: str) -> None:
        """Ends it at once; one that doesn't run is left alone."""
        with suppress(NotRunning), translate_errors():
            await self.client.get_workflow_handle(case.workflow_id).terminate(reason=reason, rpc_timeout=RPC_TIMEOUT)

    async def repeat_reports(self, snapshot: CaseSnapshot, reports: Sequence[Report]) -> None:
        """Tells it of recorded facts; one that doesn't run is told nothing."""
        with suppress(NotRunning):
            for report in reports:
                await self.send_report(snapshot.case, names.LMS_REPORTED, report)


def _describe(found: WorkflowExecution, attempts: int = 0) -> SeenWorkflow:
    said = found.typed_search_attributes
    return SeenWorkflow(
        status=_STATUS[found.status] if found.status else WorkflowStatus.GONE,
        run_id=found.raw_info.first_run_id,
        started_at=found.start_time,
        stage=said.get(STAGE),
        waiting_for=said.get(WAITING_FOR),
        fails=bool(said.get(PROBLEMS)) or attempts >= FAILING_ATTEMPTS,
    )
