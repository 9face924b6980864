"""Adverse actions as their workflows follow them: what is recorded, and days that are over (E8)."""

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from db.engine import Database
from db.writes.adverse_actions import follow_adverse_action
from domain.shared.business_days import DaysOff
from domain.shared.cases.messages import AdverseActionStanding, CaseRef


class AdverseActionsActivities(contracts.AdverseActions):
    """Looks at an adverse action; ``days_off`` knows on which days offices are closed."""

    def __init__(self, database: Database, days_off: DaysOff) -> None:
        self._database = database
        self._days_off = days_off

    @activity.defn(name="adverse_actions.follow")
    async def follow_adverse_action(self, order: CaseRef) -> AdverseActionStanding:
        """See the contract."""
        return await self._database.write(follow_adverse_action, order, self._days_off, read_clock(order.at))
