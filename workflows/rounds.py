"""The daily round over all cases, started by a Temporal Schedule: gentle reminders, which never expire a case (A18)."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Notices, Records
    from domain.shared.messages import Letter, RoundPage
    from workflows import messages as names
    from workflows.options import BEFORE_THE_NEXT_ROUND, DATABASE, THIRD_PARTY


@workflow.defn(name=names.DAILY_ROUND)
class DailyRound:
    """Sends the reminders due today, page by page; what can't be sent today is due again tomorrow."""

    @workflow.run
    async def run(self, page: RoundPage | None = None) -> int:
        """Answers how many reminders went out in this run (continues as new from page to page)."""
        page = page or RoundPage(at=workflow.now())
        due = await workflow.execute_local_activity_method(Records.due_reminders, page, **DATABASE)
        workflow.set_current_details(f"{len(due.letters)} reminders on this page")
        sent = await asyncio.gather(*(self._send(letter) for letter in due.letters))
        if due.after:
            workflow.continue_as_new(RoundPage(at=page.at, after=due.after))
        return sum(sent)

    async def _send(self, letter: Letter) -> bool:
        try:
            await workflow.execute_activity_method(
                Notices.send,
                letter,
                schedule_to_close_timeout=BEFORE_THE_NEXT_ROUND,
                summary="e-mail: reminder",
                **THIRD_PARTY,
            )
        except ActivityError:
            return False
        return True
