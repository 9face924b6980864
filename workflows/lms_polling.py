"""An LMS without webhooks is asked what learners have done, page by page, by a Temporal Schedule (P10)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import LmsPolling
    from domain.shared.round_messages import LmsPoll
    from workflows import messages as names
    from workflows.options import COMPARING

PAGES_A_RUN = 100


@workflow.defn(name=names.LMS_POLLING)
class LmsPollingRound:
    """Asks about everybody in training; what can't be asked now is the next round's, which looks back two days."""

    @workflow.run
    async def run(self, poll: LmsPoll | None = None) -> LmsPoll:
        """Answers what the round came to (continues as new when there are many pages)."""
        poll = poll or LmsPoll(at=workflow.now())
        pages = 0
        while poll.after != "-":
            if pages == PAGES_A_RUN:
                workflow.continue_as_new(poll)
            pages += 1
            poll = await workflow.execute_activity_method(
                LmsPolling.ask_page, poll, summary=f"learners after {poll.after or 'none'}", **COMPARING
            )
            workflow.set_current_details(f"{poll.reports} new reports, {poll.unreadable} learners not read")
        return poll
