"""The daily publication of the federal lists, by a Temporal Schedule or for somebody who can't wait (B18–B20)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Publications
    from domain.shared.round_messages import Published, PublishOrder
    from workflows import messages as names
    from workflows.activity_runner import ActivityRunner

PAGES_A_RUN = 50


@workflow.defn(name=names.DAILY_PUBLICATION)
class DailyPublication:
    """Opens a publication, stages it page by page, and makes all of it current at once; on business days."""

    @workflow.run
    async def run(self, order: PublishOrder | None = None) -> Published:
        """Answers what was published (continues as new when there are many pages)."""
        order = order or PublishOrder(at=workflow.now())
        activities = ActivityRunner()
        if not order.number:
            opened = await activities.record(Publications.open_publication, order)
            if not opened.number:
                workflow.set_current_details("nothing was due")
                return Published()
            order = order.model_copy(update={"number": opened.number})
        for _ in range(PAGES_A_RUN):
            staged = await activities.record(Publications.stage_page, order)
            order = order.model_copy(update={"rows": order.rows + staged.rows})
            workflow.set_current_details(f"publication {order.number}: {order.rows} rows staged")
            if not staged.more:
                break
        else:
            workflow.continue_as_new(order)
        order = order.model_copy(update={"at": workflow.now()})
        published = await activities.record(Publications.make_current, order)
        workflow.set_current_details(f"publication {published.number}: {published.rows} rows, current")
        await self._delete_replaced(activities, order)
        return published

    async def _delete_replaced(self, activities: ActivityRunner, order: PublishOrder) -> None:
        """What is left over is the next publication's to delete."""
        for _ in range(PAGES_A_RUN):
            tidied = await activities.record(Publications.delete_replaced, order)
            if not tidied.more:
                return
