"""Appeals as their workflows follow them: what is recorded, and clocks that have run out (E5, E6)."""

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from db.engine import Database
from db.writes.appeals.deciding import follow_appeal
from domain.shared.business_days import DaysOff
from domain.shared.cases.messages import AppealRef, AppealStanding


class AppealsActivities(contracts.Appeals):
    """Looks at an appeal; ``days_off`` knows on which days offices are closed."""

    def __init__(self, database: Database, days_off: DaysOff) -> None:
        self._database = database
        self._days_off = days_off

    @activity.defn(name="appeals.follow")
    async def follow_appeal(self, ref: AppealRef) -> AppealStanding:
        """See the contract."""
        return await self._database.write(follow_appeal, ref, self._days_off, read_clock(ref.at))
