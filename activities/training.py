"""The learning management system: opens it for new accounts, enrols existing ones (A9, A11, A15)."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities import contracts
from activities.effects import build_effect_key, make_once, read_clock, see_through
from adapters.lms import LmsClient, LmsLearner, LmsPlace
from db.case_state import CaseSnapshot
from db.engine import Database
from db.reads.third_parties import find_lms_account
from db.writes.effects import EffectResult, Intent, intend_enrollment
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef, Effect


class TrainingActivities(contracts.Training):
    """Invitations to the LMS and enrolments in it."""

    def __init__(self, lms: LmsClient, database: Database) -> None:
        self._lms = lms
        self._database = database

    @activity.defn(name="training.invite")
    async def invite_learner(self, order: CaseRef) -> Effect:
        """See the contract."""
        return await self._place_learner(order, "training.invited", FactKind.LMS_INVITED, self._lms.invite_learner)

    @activity.defn(name="training.enroll")
    async def enroll_learner(self, order: CaseRef) -> Effect:
        """See the contract."""
        return await see_through(self._enroll_proven(order))

    async def _enroll_proven(self, order: CaseRef) -> Effect:
        key = build_effect_key(order, "training.enrolled")
        intent = await self._database.write(intend_enrollment, key, order.case_id, read_clock(order.at))
        if intent is None:
            return Effect(unproven=True)
        ask = self._lms.enroll_learner
        return await self._place_learner(order, "training.enrolled", FactKind.LMS_ENROLLED, ask, intent)

    async def _place_learner(
        self,
        order: CaseRef,
        kind: str,
        fact: FactKind,
        ask: Callable[[LmsLearner, str], Awaitable[LmsPlace]],
        intent: Intent | None = None,
    ) -> Effect:
        async def make(intent: Intent) -> EffectResult:
            case = intent.snapshot.case
            account = await self._database.read(find_lms_account, case.assister_id) if case.has_lms_account else None
            place = await ask(_build_learner(intent.snapshot, account), build_effect_key(order, kind))
            recorded = Fact(id=f"{order.case_id}:{fact}", kind=fact, at=read_clock(order.at))
            return EffectResult({"id": place.id, "url": place.url}, (recorded,), external_id=place.id)

        return await make_once(self._database, order, kind, make, intent=intent)


def _build_learner(snapshot: CaseSnapshot, account: str | None) -> LmsLearner:
    who, ids = snapshot.applicant, snapshot.state_policy.lms
    return LmsLearner(
        registration=snapshot.case.case_id,
        assister_id=snapshot.case.assister_id,
        account=account,
        email=who.email,
        first_name=who.first_name,
        last_name=who.last_name,
        language=who.language,
        home_page=ids.home_page,
        account_id=ids.account_id,
        profile_id=ids.profile_id,
        course_id=ids.course_id,
        exam_id=ids.exam_id,
    )
