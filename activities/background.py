"""Background checks of enrollment counselors: orders them; the vendor reports by webhook (A14)."""

from temporalio import activity

from activities import contracts
from activities.effects import build_effect_key, make_once, read_clock
from adapters.background_checks import BackgroundCheckClient
from db.engine import Database
from db.writes.background_checks import KIND, intend_check
from db.writes.effects import EffectResult, Intent
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef, Effect
from domain.state.facts import BackgroundOrderedData


class BackgroundActivities(contracts.Background):
    """The background-check vendor's orders."""

    def __init__(self, vendor: BackgroundCheckClient, database: Database, identity_key: bytes) -> None:
        self._vendor = vendor
        self._database = database
        self._identity_key = identity_key

    @activity.defn(name="background.order")
    async def order_check(self, order: CaseRef) -> Effect:
        """See the contract."""
        key = build_effect_key(order, KIND)
        intent, inputs = await self._database.write(
            intend_check, self._identity_key, key, order.case_id, read_clock(order.at), order.occurrence
        )

        async def make(intent: Intent) -> EffectResult:
            who = intent.snapshot.applicant
            ordered = await self._vendor.order_check(
                order.case_id,
                who.first_name,
                who.last_name,
                who.email,
                # Tried again for somebody else, it is another order: the vendor would answer with the one before.
                f"{key}:{inputs[:16]}" if inputs else key,
            )
            repeat = f":{order.occurrence}" if order.occurrence else ""
            data = BackgroundOrderedData(inputs=inputs) if inputs else BackgroundOrderedData()
            fact = Fact(
                id=f"{order.case_id}:background_ordered{repeat}",
                kind=FactKind.BACKGROUND_ORDERED,
                at=read_clock(order.at),
                data=data.to_json(),
            )
            return EffectResult({"invitation_id": ordered.invitation_id}, (fact,), external_id=ordered.candidate_id)

        return await make_once(self._database, order, KIND, make, intent=intent)
