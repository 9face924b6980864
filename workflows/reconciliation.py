"""Open cases held against running workflows, page by page over all of them, by a Temporal Schedule (decision 24)."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Reconciliations
    from domain.shared.cases.reconciliation import WANTED
    from domain.shared.round_messages import LastReconciliation, Reconciled, ReconciliationOrder, ReportsOrder
    from workflows import messages as names
    from workflows.options import COMPARING
    from workflows.patches import REPORTS_ASKED_APART

PAGES_A_RUN = 100
UNKNOWN_KEPT = 100
# Of runs of before the patch, which ask themselves: what can't be asked for by then is the next reconciliation's.
ASKING = timedelta(minutes=2)
# One at a time, whatever the reconciliation.
REPORT_REQUESTS_ID = "report-requests"


@workflow.defn(name=names.RECONCILIATION)
class Reconciliation:
    """Looks after every open case, then after every running workflow; what it can't reach is the next one's."""

    @workflow.run
    async def run(self, order: ReconciliationOrder | None = None) -> LastReconciliation:
        """Answers which reconciliation this was (continues as new when there are many pages)."""
        self._asks_apart = workflow.patched(REPORTS_ASKED_APART)
        if order is None or not order.number:
            last = workflow.get_last_completion_result(LastReconciliation) or LastReconciliation()
            order = await workflow.execute_activity_method(
                Reconciliations.open_reconciliation, last, summary="compared with the last one", **COMPARING
            )
        order = await self._compare_cases(order)
        if self._asks_apart and order.counts.get(WANTED):
            await self._begin_asking()
        order = await self._find_unknown_workflows(order)
        workflow.set_current_details(_describe_counts(order))
        return await workflow.execute_activity_method(
            Reconciliations.close_reconciliation, order, summary="what it came to", **COMPARING
        )

    async def _compare_cases(self, order: ReconciliationOrder) -> ReconciliationOrder:
        """Goes through the open cases; ``after`` is "-" once it is through."""
        pages = 0
        while order.after != "-":
            if pages == PAGES_A_RUN:
                workflow.continue_as_new(order)
            pages += 1
            page = await workflow.execute_activity_method(
                Reconciliations.compare_page, order, summary=f"open cases after {order.after or 'none'}", **COMPARING
            )
            if not self._asks_apart:
                order = _add_page(order, await self._ask_again(page.ask_again))
            order = _add_page(order, page).model_copy(update={"after": page.after or "-"})
            workflow.set_current_details(_describe_counts(order))
        return order

    async def _begin_asking(self) -> None:
        """A third party that hangs holds up nobody here; where one is being asked still, that one goes on."""
        with suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                names.REPORT_REQUESTS,
                id=REPORT_REQUESTS_ID,
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary="third parties asked again for what they reported",
            )

    async def _ask_again(self, case_ids: list[str]) -> Reconciled:
        if not case_ids:
            return Reconciled()
        try:
            return await workflow.execute_activity_method(
                Reconciliations.request_reports,
                ReportsOrder(case_ids=case_ids),
                summary="reports asked for again",
                schedule_to_close_timeout=ASKING,
                **COMPARING,
            )
        except ActivityError:  # a third party is down: cases are looked after all the same
            workflow.logger.warning("reports could not be asked for again")
            return Reconciled()

    async def _find_unknown_workflows(self, order: ReconciliationOrder) -> ReconciliationOrder:
        for _ in range(PAGES_A_RUN):
            page = await workflow.execute_activity_method(
                Reconciliations.find_unknown_workflows, order, summary="running workflows without a case", **COMPARING
            )
            order = _add_page(order, page).model_copy(update={"token": page.token})
            if not page.token:
                break
        else:
            workflow.continue_as_new(order)
        return order


def _add_page(order: ReconciliationOrder, page: Reconciled) -> ReconciliationOrder:
    names_of_both = {*order.counts, *page.counts}
    counts = {name: order.counts.get(name, 0) + page.counts.get(name, 0) for name in sorted(names_of_both)}
    return order.model_copy(update={"counts": counts, "unknown": [*order.unknown, *page.unknown][:UNKNOWN_KEPT]})


def _describe_counts(order: ReconciliationOrder) -> str:
    return f"reconciliation {order.number}: " + ", ".join(f"{name} {number}" for name, number in order.counts.items())
