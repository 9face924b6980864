"""Background checks of enrollment counselors: orders them; the vendor reports by webhook (A14)."""

from temporalio import activity

from activities import contracts
from activities.effects import build_effect_key, make_once, read_clock
from adapters.background_checks import BackgroundCheckClient
from db.engine import Database
from db.writes.effects import EffectResult, Intent
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef, Effect

KIND = "background.ordered"


class BackgroundActivities(contracts.Background):
    """The background-check vendor's orders."""

    def __init__(self, vendor: BackgroundCheckClient, database: Database) -> None:
        self._vendor = vendor
        self._database = database

    @activity.defn(name="background.order")
    async def order_check(self, order: CaseRef) -> Effect:
        """See the contract."""

        async def make(intent: Intent) -> EffectResult:
            who = intent.snapshot.applicant
            ordered = await self._vendor.order_check(
                order.case_id,
                who.first_name,
                who.last_name,
                who.email,
                build_effect_key(order, KIND),
            )
            fact = Fact(
                id=f"{order.case_id}:background_ordered", kind=FactKind.BACKGROUND_ORDERED, at=read_clock(order.at)
            )
            return EffectResult({"invitation_id": ordered.invitation_id}, (fact,), external_id=ordered.candidate_id)

        return await make_once(self._database, order, KIND, make)
