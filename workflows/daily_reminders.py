"""The daily reminders, page by page over all cases, started by a Temporal Schedule; they never expire a case (A18)."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Notices, Records
    from domain.shared.cases.messages import Letter, ReminderPage
    from workflows import messages as names
    from workflows.options import DATABASE, THIRD_PARTY, UNTIL_THE_NEXT_DAY


@workflow.defn(name=names.DAILY_ROUND)
class DailyReminders:
    """Sends the reminders due today, page by page; what can't be sent today is due again tomorrow."""

    @workflow.run
    async def run(self, page: ReminderPage | None = None) -> int:
        """Answers how many reminders went out in this run (continues as new from page to page)."""
        page = page or ReminderPage(at=workflow.now())
        due = await workflow.execute_local_activity_method(Records.list_due_reminders, page, **DATABASE)
        workflow.set_current_details(f"{len(due.letters)} reminders on this page")
        sent = await asyncio.gather(*(self._send_reminder(letter) for letter in due.letters))
        if due.after:
            workflow.continue_as_new(ReminderPage(at=page.at, after=due.after))
        return sum(sent)

    async def _send_reminder(self, letter: Letter) -> bool:
        try:
            await workflow.execute_activity_method(
                Notices.send_notice,
                letter,
                schedule_to_close_timeout=UNTIL_THE_NEXT_DAY,
                summary="e-mail: reminder",
                **THIRD_PARTY,
            )
        except ActivityError:
            return False
        return True
