"""Opening a case of the state program: who is new, returning or lapsed, and who may come in (A7–A11)."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from domain.shared.assister import AssisterHistory, AssisterType, Identity, Kind, is_same_person
from domain.shared.cases.facts import Fact
from domain.shared.cases.opening import FORM as FROM_FORM, Accounts, IdentityMatch, OpeningRules, Origin
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault
from domain.shared.policy import find_window_faults
from domain.shared.programs import STATE_PROGRAM
from domain.state.agreements import AGREEMENT_NAME, CONSENT_NAME, build_acceptance_fact, build_consent_fact
from domain.state.policies import find_state_policy
from domain.state.policy import Policy
from domain.state.request import FORM, CounselorRequest, Request, StoredRequest

IDENTITY_CONFLICT = "identity_conflict"


def classify_assister(history: AssisterHistory, plan_year: int) -> AssisterType:
    """Returning with a certification of an earlier year and a portal account; lapsed with anything less (A8, A9)."""
    certified = any(year.certified and year.plan_year < plan_year for year in history.years)
    if certified and history.has_portal_account:
        return AssisterType.RETURNING
    # Who once registered in the LMS is not new, even if no account is left.
    registered = history.has_lms_account or any(year.registered or year.trained for year in history.years)
    return AssisterType.LAPSED if certified or registered else AssisterType.NEW


def find_admission_faults(request: Request, policy: Policy, assister_type: AssisterType, today: date) -> list[Fault]:
    """What keeps a well-formed request out: the window (C6) and the intake scope of new assisters (A7)."""
    faults = find_window_faults(policy, today)
    business = None if isinstance(request, CounselorRequest) else request.business_address.state
    physical = request.physical_address.state
    if not policy.intake.admits(Kind(request.kind), assister_type, physical, business):
        outside = [
            Fault(field, "intake_scope")
            for field, state in (("physical_address.state", physical), ("business_address.state", business))
            if state not in policy.intake.neighbour_states
        ]
        faults += outside
    return faults


class StateOpening(OpeningRules[Request, StoredRequest, Policy]):
    """The exchange's rules of opening a case; what each method promises stands in `OpeningRules`."""

    program = STATE_PROGRAM
    stored = StoredRequest
    kind_field = "kind"
    form = FORM
    email_is_account = False
    conflict = IDENTITY_CONFLICT
    conflict_reason = Reason("other_person")

    def find_policy(self, plan_year: int) -> Policy | None:
        return find_state_policy(STATE_PROGRAM, plan_year)

    def identify_applicant(self, request: Request) -> Identity:
        npn = None if isinstance(request, CounselorRequest) else request.npn
        return Identity(npn, request.email, request.first_name, request.last_name)

    def describe_request(self, request: Request) -> dict[str, Any]:
        return request.model_dump(mode="json")

    def match_identity(self, asking: Identity, known: Identity | None, running: Identity | None) -> IdentityMatch:
        """A counselor is known by the e-mail alone; an NPN that comes with another name or e-mail is for staff."""
        if asking.npn is None or known is None:
            return IdentityMatch.SAME
        if running is not None:
            return IdentityMatch.SAME if is_same_person(running, asking) else IdentityMatch.CONFLICT
        return IdentityMatch.SAME if is_same_person(known, asking) else IdentityMatch.DOUBTFUL

    def name_conflict(self, has_account: bool) -> Reason:
        return Reason("npn_in_use")

    def classify_assister(self, history: AssisterHistory, plan_year: int) -> AssisterType:
        return classify_assister(history, plan_year)

    def find_admission_faults(
        self, request: Request, policy: Policy, assister_type: AssisterType, today: date
    ) -> list[Fault]:
        return find_admission_faults(request, policy, assister_type, today)

    def find_begin_refusal(self, known: Collection[str], history: AssisterHistory, plan_year: int) -> Reason | None:
        """Only returning assisters are spared the form (A11); without a kind there is nothing to open."""
        returning = classify_assister(history, plan_year) is AssisterType.RETURNING
        return None if returning and self.kind_field in known else Reason("not_returning")

    def draft_request(self, known: Mapping[str, Any], plan_year: int) -> dict[str, Any]:
        form = {name: value for name, value in known.items() if name in FORM}
        return form | {"program": STATE_PROGRAM, "plan_year": plan_year, "agreement_accepted": False}

    def describe_accounts(self, history: AssisterHistory, assister_type: AssisterType) -> Accounts:
        """Profile and Scheduling Tool belong to a portal account; who returns has both (A11)."""
        returning = assister_type is AssisterType.RETURNING
        return Accounts(
            has_lms_account=history.has_lms_account,
            has_portal_account=history.has_portal_account,
            has_portal_profile=history.has_portal_account and (returning or history.has_portal_profile),
            has_scheduling_tool=history.has_portal_account and (returning or history.has_scheduling_tool),
        )

    def list_first_facts(
        self, case_id: str, request: StoredRequest, assister_type: AssisterType, origin: Origin
    ) -> list[Fact]:
        """The agreement and the consent to a background check, where they came with the request (A3, A14)."""
        facts, source = [], origin.source
        if request.agreement_accepted:
            language = origin.shown.get(AGREEMENT_NAME, request.language)
            facts.append(build_acceptance_fact(case_id, language, origin.at, source))
        # What a case that staff open has from an earlier year is no consent to this year's check.
        if request.background_check_consent and source == FROM_FORM:
            language = origin.shown.get(CONSENT_NAME, request.language)
            facts.append(build_consent_fact(case_id, language, origin.at, source))
        return facts
