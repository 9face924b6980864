"""Activities that only write to our own database; run as local activities."""

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from db.engine import Database
from db.reads.reminders import list_due_reminders
from db.writes.cases import claim_case, end_case
from db.writes.commands import apply_command
from db.writes.suspensions import end_terms
from db.writes.training_deadlines import follow_deadline
from domain.shared.cases.messages import (
    Applied,
    AuthorityChanged,
    CaseRef,
    Claim,
    Claimed,
    CommandRef,
    DeadlineStanding,
    Effect,
    Ending,
)
from domain.shared.round_messages import ReminderPage, Reminders


class RecordsActivities(contracts.Records):
    """Claims, commands, ends and the daily round's list."""

    def __init__(self, database: Database, identity_key: bytes) -> None:
        self._database = database
        self._identity_key = identity_key

    @activity.defn(name="records.claim")
    async def claim_case(self, claim: Claim) -> Claimed:
        """See the contract."""
        dated = claim.model_copy(update={"at": read_clock(claim.at)})
        return await self._database.write(claim_case, dated)

    @activity.defn(name="records.apply")
    async def apply_command(self, command: CommandRef) -> Applied:
        """See the contract."""
        return await self._database.write(apply_command, self._identity_key, command.command_id, read_clock(command.at))

    @activity.defn(name="records.end")
    async def close_case(self, ending: Ending) -> Effect:
        """See the contract."""
        await self._database.write(end_case, ending.case_id, ending.kind, read_clock(ending.at))
        return Effect(ended=True)

    @activity.defn(name="records.end_terms")
    async def end_terms(self, order: CaseRef) -> AuthorityChanged:
        """See the contract."""
        return await self._database.write(end_terms, order.case_id, read_clock(order.at))

    @activity.defn(name="records.follow_deadline")
    async def follow_deadline(self, order: CaseRef) -> DeadlineStanding:
        """See the contract."""
        return await self._database.write(follow_deadline, order.case_id, read_clock(order.at))

    @activity.defn(name="records.due_reminders")
    async def list_due_reminders(self, page: ReminderPage) -> Reminders:
        """See the contract."""
        letters, after = await self._database.read(list_due_reminders, page.at, page.after)
        return Reminders(letters=letters, after=after)
