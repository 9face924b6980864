"""The federal marketplace's learning management system: enrolments in its curricula (B11, B13)."""

from temporalio import activity

from activities import contracts
from activities.effects import build_effect_key, make_once, read_clock
from adapters.mlms import MlmsClient, MlmsEnrollment
from db.case_state import CaseSnapshot
from db.engine import Database
from db.writes.effects import EffectResult, Intent
from domain.federal.facts import CurriculumData
from domain.federal.markets import Curriculum
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CurriculumOrder, Effect


class MlmsActivities(contracts.Mlms):
    """Enrols registrations in the MLMS."""

    def __init__(self, mlms: MlmsClient, database: Database) -> None:
        self._mlms = mlms
        self._database = database

    @activity.defn(name="mlms.enroll")
    async def enroll_learner(self, order: CurriculumOrder) -> Effect:
        """See the contract."""
        kind = f"mlms.enrolled.{order.curriculum}"

        async def make(intent: Intent) -> EffectResult:
            place = await self._mlms.enroll_learner(
                _build_enrollment(intent.snapshot, order.curriculum), build_effect_key(order, kind)
            )
            fact = Fact(
                id=f"{order.case_id}:mlms:{order.curriculum}",
                kind=FactKind.MLMS_ENROLLED,
                at=read_clock(order.at),
                data=CurriculumData(curriculum=Curriculum(order.curriculum)).to_json(),
            )
            return EffectResult({"id": place.id, "url": place.url}, (fact,), external_id=place.id)

        return await make_once(self._database, order, kind, make)


def _build_enrollment(snapshot: CaseSnapshot, curriculum: str) -> MlmsEnrollment:
    who, ids = snapshot.applicant, snapshot.federal_policy.mlms
    return MlmsEnrollment(
        registration=snapshot.case.case_id,
        assister_id=snapshot.case.assister_id,
        email=who.email,
        first_name=who.first_name,
        last_name=who.last_name,
        language=who.language,
        home_page=ids.home_page,
        curriculum=curriculum,
        course_id=ids.courses[Curriculum(curriculum)],
    )
