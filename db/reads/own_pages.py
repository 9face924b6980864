"""What somebody's own pages show: their cases of both programs, and an account to be activated."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import (
    applicant_of,
    certification_of,
    list_rows,
    load_case,
    npn_faults_of,
    one_or_none,
    policy_of,
    snapshot_case,
)
from db.reads.npn.claims import ProofOffer, find_proof_offer
from db.tables import Case, CertificateRow, LinkRow, SearchTerm
from domain.federal.may_assist import list_marketplace_obstacles
from domain.federal.policy import FederalPolicy
from domain.federal.registration import RegistrationState
from domain.programs.policies import find_last_day
from domain.shared.documents.faults import Fault
from domain.shared.ids import hash_token
from domain.shared.policy import find_local_date
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.search_words import normalize_text
from domain.state.certification import CertificationState
from domain.state.may_assist import list_obstacles
from domain.state.policy import Policy

# Nobody has more; who had would see their newest.
MOST = 100


@dataclass(frozen=True)
class OwnCertification:
    """A certification with everything that its status page shows."""

    case: Case
    policy: Policy
    state: CertificationState
    may_assist_reasons: list[str]
    certificate_uri: str | None
    proof: ProofOffer | None


@dataclass(frozen=True)
class OwnRegistration:
    """A federal registration with everything that the marketplace's pages show; certificates' URIs by market."""

    case: Case
    policy: FederalPolicy
    state: RegistrationState
    may_assist_reasons: list[str]
    npn_faults: list[Fault]
    certificate_uris: dict[str, str]
    proof: ProofOffer | None


def list_own_cases(session: Session, emails: Collection[str]) -> list[Case]:
    """The cases of both programs whose letters go to one of these addresses, the newest plan year first."""
    people = select(col(SearchTerm.assister_id)).where(col(SearchTerm.term).in_(map(normalize_text, emails)))
    newest = (col(Case.plan_year).desc(), col(Case.opened_at).desc())
    found = list_rows(session, select(Case).where(col(Case.assister_id).in_(people)).order_by(*newest).limit(MOST))
    return [case for case in found if _is_own(case, emails)]


def find_account_email(session: Session, user_id: str) -> str | None:
    """Where the letters about a person's newest registration with the marketplace go; None for no such account (B3)."""
    ours = (col(Case.assister_id) == user_id, col(Case.program) == FEDERAL_PROGRAM)
    newest = (col(Case.plan_year).desc(), col(Case.opened_at).desc())
    case: Case | None = one_or_none(session, select(Case).where(*ours).order_by(*newest).limit(1))
    return applicant_of(case).email if case is not None else None


def find_own_case(
    session: Session, case_id: str, emails: Collection[str], now: datetime
) -> OwnCertification | OwnRegistration | None:
    """A case with what its page shows, in either program; None where there is none whose letters go to one of these."""
    case = session.get(Case, case_id)
    if case is None or not _is_own(case, emails):
        return None
    if case.program == FEDERAL_PROGRAM:
        return _load_registration(session, case, now)
    return _load_certification(session, case, now)


def _is_own(case: Case, emails: Collection[str]) -> bool:
    return applicant_of(case).email.lower() in emails


def _load_certification(session: Session, case: Case, now: datetime) -> OwnCertification:
    state, policy = certification_of(session, case), policy_of(session, case)
    reasons = list_obstacles(state, find_local_date(policy, now), find_last_day(case.program, case.plan_year))
    uris = _find_certificates(session, case)
    return OwnCertification(
        case, policy, state, reasons, next(iter(uris.values()), None), find_proof_offer(session, case)
    )


def _load_registration(session: Session, case: Case, now: datetime) -> OwnRegistration:
    snapshot = snapshot_case(session, case)
    state, policy = snapshot.registration, snapshot.federal_policy
    reasons = list_marketplace_obstacles(
        state, find_local_date(policy, now), find_last_day(case.program, case.plan_year)
    )
    faults = npn_faults_of(snapshot.facts)
    uris = _find_certificates(session, case)
    return OwnRegistration(case, policy, state, reasons, faults, uris, find_proof_offer(session, case))


def _find_certificates(session: Session, case: Case) -> dict[str, str]:
    """The URIs of a case's newest certificates by market, which is empty in the state program."""
    query = select(CertificateRow).where(col(CertificateRow.case_id) == case.case_id)
    found = list_rows(session, query.order_by(col(CertificateRow.issued_at)))
    return {row.market: row.uri for row in found}


def read_activation(session: Session, token: str, now: datetime) -> tuple[str, Case | None]:
    """The state of an activation link (ready, used, expired, void or unknown), and its case if it is known."""
    link = session.get(LinkRow, hash_token(token))
    if link is None or link.purpose != "activation":
        return "unknown", None
    case = load_case(session, link.case_id)
    if link.used_at:
        return "used", case
    if link.voided_at:
        return "void", case
    return ("expired" if link.expires_at <= now else "ready"), case
