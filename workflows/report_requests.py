"""Third parties asked again for what they reported: beside the reconciliation, which waits for none of them."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Reconciliations
    from domain.shared.round_messages import ReportsOrder
    from workflows import messages as names
    from workflows.options import COMPARING

PAGES_A_RUN = 100


@workflow.defn(name=names.REPORT_REQUESTS)
class ReportRequests:
    """Goes through the cases of which reports are wanted; who doesn't answer is asked again by the next one."""

    @workflow.run
    async def run(self, order: ReportsOrder | None = None) -> int:
        """Answers how many third parties were asked (continues as new when there are many pages)."""
        order = order or ReportsOrder()
        pages = 0
        while True:
            if pages == PAGES_A_RUN:
                workflow.continue_as_new(order)
            pages += 1
            page = await workflow.execute_activity_method(
                Reconciliations.request_reports, order, summary=f"cases after {order.after or 'none'}", **COMPARING
            )
            order = ReportsOrder(after=page.after, asked=order.asked + page.counts.get("asked", 0))
            workflow.set_current_details(f"third parties asked: {order.asked}")
            if not page.after:
                return order.asked
