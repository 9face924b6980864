"""A case's state, folded from its stored facts; shared by what writes and what reads."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.house_tables import KeptRules
from db.tables import Case, CondensedRow, FactRow
from domain.federal.agreements import list_versions_in_force
from domain.federal.facts import NpnRefusedData
from domain.federal.markets import Role
from domain.federal.policy import FederalPolicy
from domain.federal.profile import StoredProfile
from domain.federal.registration import (
    RegistrationOpening,
    RegistrationState,
    find_registration_group,
    fold_registration,
)
from domain.programs.policies import build_policy_of_rules, find_policy_of_rules
from domain.programs.state import CaseState
from domain.shared.applicant import Applicant
from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.authority import take_authority_snapshot
from domain.shared.cases.commands import ENDING_FACTS, ToldEnding, find_told_ending
from domain.shared.cases.condensing import RULE, CondensedFacts, condense_facts
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import AdverseActionSnapshot, AuthoritySnapshot, RegistrationSnapshot
from domain.shared.documents.faults import Fault, load_faults
from domain.shared.policy import ProgramPolicy, find_time_zone
from domain.shared.programs import FEDERAL_PROGRAM
from domain.state.certification import (
    CertificationOpening,
    CertificationState,
    find_certification_group,
    fold_certification,
)
from domain.state.policy import Policy
from domain.state.request import StoredRequest


class UnknownCase(LookupError):
    """There is no such case."""


@dataclass(frozen=True)
class CaseSnapshot:
    """A case with its policy and the facts that its fold needs, and what follows from them: where it stands.

    Of an exam that was sat many times some attempts are left out: who shows them reads every fact (`facts_of`).
    """

    case: Case
    policy: ProgramPolicy
    condensed: CondensedFacts

    @property
    def facts(self) -> Sequence[Fact]:
        """The facts that the fold needs."""
        return self.condensed.facts

    @property
    def state_policy(self) -> Policy:
        """The policy of a case of the state program."""
        return _as_state_policy(self.policy)

    @property
    def federal_policy(self) -> FederalPolicy:
        """The policy of a federal registration."""
        return _as_federal_policy(self.policy)

    @cached_property
    def applicant(self) -> Applicant:
        """Who asked for the case."""
        return applicant_of(self.case)

    @cached_property
    def certification(self) -> CertificationState:
        """Where a case of the state program stands."""
        return fold_certification(opening_of(self.case), self.condensed.facts)

    @cached_property
    def registration(self) -> RegistrationState:
        """Where a federal registration stands."""
        return registration_of(self.case, self.condensed.facts, self.condensed.total)

    @cached_property
    def state(self) -> CaseState:
        """Where the case stands, in whichever program."""
        return self.registration if self.case.program == FEDERAL_PROGRAM else self.certification

    def take_authority_snapshot(self) -> AuthoritySnapshot:
        """What the workflow of a case goes by of its authority, in whichever program."""
        return take_authority_snapshot(self.state.authority, find_time_zone(self.policy))

    def take_adverse_snapshot(self) -> AdverseActionSnapshot:
        """What the workflow of a certification is told of its adverse action; of a registration there is none."""
        action = None if self.case.program == FEDERAL_PROGRAM else self.certification.adverse_action
        return (
            AdverseActionSnapshot(number=action.number, version=action.version) if action else AdverseActionSnapshot()
        )

    def take_registration_snapshot(self) -> RegistrationSnapshot | None:
        """What the workflow of a federal registration goes by; None for a case of the state program."""
        return self.registration.take_snapshot() if self.case.program == FEDERAL_PROGRAM else None


def load_case(session: Session, case_id: str) -> Case:
    """The case of this id. Raises `UnknownCase`."""
    case = session.get(Case, case_id)
    if case is None:
        raise UnknownCase(case_id)
    return case


def load_snapshot(session: Session, case_id: str, fact_ids: Collection[str] = ()) -> CaseSnapshot:
    """The case with the facts that its fold needs, and with these, needed or not. Raises `UnknownCase`."""
    snapshot = snapshot_case(session, load_case(session, case_id))
    missing = set(fact_ids) - {fact.id for fact in snapshot.facts}
    if not missing:
        return snapshot
    more = _read_facts(session, col(FactRow.case_id) == case_id, col(FactRow.id).in_(missing))
    return replace(snapshot, condensed=replace(snapshot.condensed, facts=(*snapshot.facts, *more)))


def snapshot_case(session: Session, case: Case) -> CaseSnapshot:
    """A case with the facts that its fold needs."""
    return CaseSnapshot(case, any_policy_of(session, case), load_condensed(session, case))


def one_or_none(session: Session, query: Any, /, **values: Any) -> Any:
    """The single row a query finds, or None; ``values`` are of its bound parameters."""
    return session.execute(query, values).scalar_one_or_none()


def list_rows(session: Session, query: Any, /, **values: Any) -> list[Any]:
    """Every row a query finds; ``values`` are of its bound parameters."""
    return list(session.execute(query, values).scalars())


def opening_of(case: Case) -> CertificationOpening:
    """What the case is from its first moment on."""
    return CertificationOpening(
        kind=Kind(case.kind),
        assister_type=AssisterType(case.assister_type),
        has_lms_account=case.has_lms_account,
        has_portal_account=case.has_portal_account,
        has_portal_profile=case.has_portal_profile,
        has_scheduling_tool=case.has_scheduling_tool,
        npn_unproven=case.npn_unproven,
    )


def registration_opening_of(case: Case) -> RegistrationOpening:
    """What a federal registration is from its first moment on."""
    return RegistrationOpening(
        role=Role(case.kind),
        markets=profile_of(case).markets,
        returning=case.assister_type == AssisterType.RETURNING,
        npn_unproven=case.npn_unproven,
        npn_legacy=case.npn_legacy,
    )


def list_flags(case: Case) -> dict[str, datetime]:
    """The flags that are up, and since when; the one that was raised first comes first."""
    if case.flag is None:
        return {}
    further = {what: datetime.fromisoformat(at) for what, at in case.further_flags or ()}
    return {case.flag: case.flagged_at or case.opened_at, **further}


def applicant_of(case: Case) -> Applicant:
    """Who asked for the case, as their request or profile says now."""
    return Applicant.model_validate(case.request)


def request_of(case: Case) -> StoredRequest:
    """The request of a case of the state program, after answers."""
    return StoredRequest.model_validate(case.request)


def profile_of(case: Case) -> StoredProfile:
    """The profile of a federal registration as it was saved last, or the draft before."""
    return StoredProfile.model_validate(case.request)


def has_flag(session: Session, case_id: str, what: str) -> bool:
    """Whether a flag of the case is up. Raises `UnknownCase`."""
    return what in list_flags(load_case(session, case_id))


def any_policy_of(session: Session, case: Case) -> ProgramPolicy:
    """The policy of a case: the rules it began with, or was moved to; what is no rule as it is in force (E12)."""
    found = find_policy_of_rules(case.rules_hash)
    if found is None:
        kept = session.get_one(KeptRules, case.rules_hash)
        found = build_policy_of_rules(kept.rules_hash, kept.rules)
    return found


def policy_of(session: Session, case: Case) -> Policy:
    """The policy of a case of the state program, as `any_policy_of` says."""
    return _as_state_policy(any_policy_of(session, case))


def federal_policy_of(session: Session, case: Case) -> FederalPolicy:
    """The policy of a federal registration, as `any_policy_of` says."""
    return _as_federal_policy(any_policy_of(session, case))


def _as_state_policy(policy: ProgramPolicy) -> Policy:
    assert isinstance(policy, Policy), "of a case of the state program"
    return policy


def _as_federal_policy(policy: ProgramPolicy) -> FederalPolicy:
    assert isinstance(policy, FederalPolicy), "of a federal registration"
    return policy


def facts_of(session: Session, case_id: str) -> list[Fact]:
    """Every stored fact of a case: columns, since rows as objects would cost twice as much."""
    return _read_facts(session, col(FactRow.case_id) == case_id)


def _read_facts(session: Session, *which: Any) -> list[Fact]:
    columns = select(col(FactRow.id), col(FactRow.kind), col(FactRow.at), col(FactRow.data))
    found = session.execute(columns.where(*which))
    return [Fact(id=fact_id, kind=FactKind(kind), at=at, data=data) for fact_id, kind, at, data in found]


# Built once, as every statement that most units make: building one takes longer than SQLite needs to carry it out.
# No objects, since the database takes rows away by itself: a session would go on with the one it has.
_CONDENSED = select(col(CondensedRow.total), col(CondensedRow.facts)).where(
    col(CondensedRow.case_id) == bindparam("case_id"), col(CondensedRow.rule) == RULE
)


def load_condensed(session: Session, case: Case) -> CondensedFacts:
    """The facts that a case's fold needs, as they are kept; chosen from every fact where they aren't."""
    row = session.execute(_CONDENSED, {"case_id": case.case_id}).one_or_none()
    if row is None:
        return condense_case(case, facts_of(session, case.case_id))
    return CondensedFacts(tuple(map(Fact.model_validate, row.facts)), row.total)


def condense_case(case: Case, facts: Sequence[Fact], left_out: int = 0) -> CondensedFacts:
    """Those of a case's facts that its fold needs, by the rules of its program; others were left out before."""
    find_group = find_registration_group if case.program == FEDERAL_PROGRAM else find_certification_group
    return CondensedFacts(tuple(condense_facts(facts, find_group)), len(facts) + left_out)


def fold_case(case: Case, facts: Iterable[Fact], total: int | None = None) -> CaseState:
    """The fold over the case's facts, by the rules of its program; ``total`` where some of them were left out."""
    if case.program == FEDERAL_PROGRAM:
        return registration_of(case, facts, total)
    return fold_certification(opening_of(case), facts)


def registration_of(case: Case, facts: Iterable[Fact], total: int | None = None) -> RegistrationState:
    """The fold over a federal registration's facts; ``total`` is their number where some of them were left out."""
    return fold_registration(registration_opening_of(case), facts, list_versions_in_force(), total)


def state_of(session: Session, case: Case) -> CaseState:
    """Where a case stands; of an exam's attempts those that decide."""
    return snapshot_case(session, case).state


def certification_of(session: Session, case: Case) -> CertificationState:
    """Where a case of the state program stands; of an exam's attempts those that decide."""
    return snapshot_case(session, case).certification


def find_ending(session: Session, case_id: str) -> ToldEnding:
    """How the case was withdrawn, revoked or terminated, as its assister is told: see `find_told_ending`."""
    kinds = col(FactRow.kind).in_(kind.value for kind in ENDING_FACTS.values())
    return find_told_ending(_read_facts(session, col(FactRow.case_id) == case_id, kinds))


def npn_faults_of(facts: Iterable[Fact]) -> list[Fault]:
    """What is wrong with the NPNs of the profile saved last, once the registry has said so (B9)."""
    refused = [fact for fact in facts if fact.kind is FactKind.NPN_REFUSED]
    last = max((fact.read_as(NpnRefusedData) for fact in refused), key=lambda one: one.version, default=None)
    return load_faults(last.faults) if last else []
