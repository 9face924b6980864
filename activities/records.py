"""Activities that only write to our own database; run as local activities."""

from temporalio import activity

from activities import contracts
from db.writes.records import Records
from domain.shared.messages import Applied, Claim, Claimed, CommandRef, Effect, Ending, ReminderPage, Reminders


class RecordsActivities(contracts.Records):
    """Claims, commands, ends and the daily round's list."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @activity.defn(name="records.claim")
    async def claim_case(self, claim: Claim) -> Claimed:
        """See the contract."""
        return await self._records.claim(claim)

    @activity.defn(name="records.apply")
    async def apply_command(self, command: CommandRef) -> Applied:
        """See the contract."""
        return await self._records.apply_command(command.command_id, command.at)

    @activity.defn(name="records.end")
    async def close_case(self, ending: Ending) -> Effect:
        """See the contract."""
        await self._records.end(ending.case_id, ending.kind, ending.at)
        return Effect(ended=True)

    @activity.defn(name="records.due_reminders")
    async def list_due_reminders(self, page: ReminderPage) -> Reminders:
        """See the contract."""
        letters, after = await self._records.due_reminders(page.at, page.after)
        return Reminders(letters=letters, after=after)
