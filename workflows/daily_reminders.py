"""The daily reminders, page by page over all cases, started by a Temporal Schedule; they never expire a case (A18)."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Notices, Records
    from domain.shared.cases.messages import Letter
    from domain.shared.round_messages import ReminderPage
    from workflows import messages as names
    from workflows.activity_runner import ActivityRunner
    from workflows.options import THIRD_PARTY, UNTIL_THE_NEXT_DAY, UNTIL_THE_NEXT_PAGE
    from workflows.patches import ONE_DEADLINE_A_ROUND


@workflow.defn(name=names.DAILY_ROUND)
class DailyReminders:
    """Sends the reminders due today, page by page; what can't be sent today is due again tomorrow."""

    @workflow.run
    async def run(self, page: ReminderPage | None = None) -> int:
        """Answers how many reminders went out in this run (continues as new from page to page)."""
        page = page or ReminderPage(at=workflow.now())
        left = UNTIL_THE_NEXT_DAY
        if workflow.patched(ONE_DEADLINE_A_ROUND):
            left = page.at + UNTIL_THE_NEXT_DAY - workflow.now()
            if left <= timedelta():
                return 0
        due = await ActivityRunner().record(Records.list_due_reminders, page)
        workflow.set_current_details(f"{len(due.letters)} reminders on this page")
        # One letter that can't be sent all day must not keep those of the pages after it from being sent at all.
        patience = min(left, UNTIL_THE_NEXT_PAGE) if due.after else left
        sent = await asyncio.gather(*(self._send_reminder(letter, patience) for letter in due.letters))
        if due.after:
            workflow.continue_as_new(ReminderPage(at=page.at, after=due.after))
        return sum(sent)

    async def _send_reminder(self, letter: Letter, left: timedelta) -> bool:
        try:
            await workflow.execute_activity_method(
                Notices.send_notice,
                letter,
                schedule_to_close_timeout=left,
                summary="e-mail: reminder",
                **THIRD_PARTY,
            )
        except ActivityError:
            return False
        return True
