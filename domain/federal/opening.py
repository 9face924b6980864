"""Opening a registration with the federal marketplace: one account a person, and who takes the short course (B1–B3)."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from domain.federal.facts import EnrolledData
from domain.federal.markets import MLMS, Curriculum, Market, Role
from domain.federal.policies import find_federal_policy
from domain.federal.policy import FederalPolicy
from domain.federal.profile import DRAFT_FIELDS, RegistrationRequest, StoredProfile
from domain.shared.assister import AssisterHistory, AssisterType, Identity, YearRecord, is_same_person
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.opening import Accounts, IdentityMatch, OpeningRules, Origin
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault
from domain.shared.policy import find_window_faults
from domain.shared.programs import FEDERAL_PROGRAM

SECOND_ACCOUNT = "second_account"


def is_returning(years: Iterable[YearRecord], plan_year: int) -> bool:
    """Whether the short course suffices: registered, trained and in the Individual Market in the year before (B1)."""
    return any(
        year.plan_year == plan_year - 1 and year.registered and year.trained and year.individual_market
        for year in years
    )


def build_enrollment_fact(case_id: str, curriculum: Curriculum, channel: str, automatic: bool, at: datetime) -> Fact:
    """The fact of an enrolment, in the MLMS or at a vendor; of a course at one of them there is only one (B11, B13)."""
    data = EnrolledData(curriculum=curriculum, channel=channel, automatic=automatic).to_json()
    return Fact(id=f"{case_id}:enrolled:{curriculum}:{channel}", kind=FactKind.ENROLLED, at=at, data=data)


class FederalOpening(OpeningRules[RegistrationRequest, StoredProfile, FederalPolicy]):
    """The federal marketplace's rules of opening a registration; what each method promises stands in `OpeningRules`."""

    program = FEDERAL_PROGRAM
    stored = StoredProfile
    kind_field = "role"
    form = DRAFT_FIELDS
    email_is_account = True
    conflict = SECOND_ACCOUNT
    conflict_reason = Reason("second_account_asked")

    def find_policy(self, plan_year: int) -> FederalPolicy | None:
        return find_federal_policy(plan_year)

    def identify_applicant(self, request: RegistrationRequest) -> Identity:
        return Identity(request.npn, request.email, request.first_name, request.last_name)

    def describe_request(self, request: RegistrationRequest) -> dict[str, Any]:
        return request.model_dump(mode="json", exclude_none=True)

    def match_identity(self, asking: Identity, known: Identity | None, running: Identity | None) -> IdentityMatch:
        """The account's owner gives its e-mail and name, and no NPN that is another one (B3)."""
        if known is None:
            return IdentityMatch.SAME
        other_npn = known.npn and asking.npn and known.npn != asking.npn
        same = not other_npn and is_same_person(known, asking)
        return IdentityMatch.SAME if same else IdentityMatch.CONFLICT

    def name_conflict(self, has_account: bool) -> Reason:
        return Reason("second_account" if has_account else "npn_in_use")

    def classify_assister(self, history: AssisterHistory, plan_year: int) -> AssisterType:
        """Returning with the year before complete; a gap, or another market only, is lapsed: the full course (B1)."""
        if is_returning(history.years, plan_year):
            return AssisterType.RETURNING
        earlier = any(year.plan_year < plan_year for year in history.years)
        return AssisterType.LAPSED if earlier else AssisterType.NEW

    def find_admission_faults(
        self, request: RegistrationRequest, policy: FederalPolicy, assister_type: AssisterType, today: date
    ) -> list[Fault]:
        return find_window_faults(policy, today)

    def find_begin_refusal(self, known: Collection[str], history: AssisterHistory, plan_year: int) -> Reason | None:
        """Whoever registered in some earlier year, be it to take the full course (B1)."""
        return None if history.years else Reason("never_registered")

    def draft_request(self, known: Mapping[str, Any], plan_year: int) -> dict[str, Any]:
        """Role and markets are a first guess; the profile is theirs to save."""
        role = Role.MARKETPLACE_AGENT_BROKER if known.get("npn") else Role.NOT_AN_AGENT_BROKER
        details = {name: value for name, value in known.items() if name in DRAFT_FIELDS}
        draft = {"role": role.value, "markets": [Market.INDIVIDUAL.value], **details}
        return draft | {"program": FEDERAL_PROGRAM, "plan_year": plan_year}

    def describe_accounts(self, history: AssisterHistory, assister_type: AssisterType) -> Accounts:
        """Of accounts elsewhere only the MLMS's matters, and nobody registered here without one."""
        return Accounts(has_lms_account=bool(history.years))

    def list_first_facts(
        self, case_id: str, request: StoredProfile, assister_type: AssisterType, origin: Origin
    ) -> list[Fact]:
        """Who returns and takes part in the Individual Market is enrolled in the short course at once (B11)."""
        if assister_type is not AssisterType.RETURNING or Market.INDIVIDUAL not in request.markets:
            return []
        return [build_enrollment_fact(case_id, Curriculum.INDIVIDUAL_RETURNING, MLMS, True, origin.at)]
