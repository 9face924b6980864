"""Claims on NPNs as they are read: whose they are, and how one's own can be proven (D2, D3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, one_or_none
from db.claim_tables import NpnClaim
from db.tables import Assister, Case
from domain.shared.cases.stages import ENDED, WaitingFor
from domain.shared.claims import ClaimState


@dataclass(frozen=True)
class ProofOffer:
    """How the owner of a case may prove whose its NPN is.

    ``addresses`` are those of the registry to which a code can be sent; ``is_needed``: the case waits for the proof;
    ``is_taken``: somebody else has proven the NPN, so that it can't be proven here. ``can_ask``: the registry was not
    asked for its addresses yet, and can be; ``is_asking``: it is being asked. ``by_identity``: the registry's name is
    known, against which an identity provider's can be held.
    """

    addresses: tuple[str, ...]
    is_needed: bool
    is_taken: bool
    can_ask: bool = False
    is_asking: bool = False
    by_identity: bool = False


def find_claim(session: Session, assister_id: str, npn: str) -> NpnClaim | None:
    """Somebody's claim on an NPN."""
    which = col(NpnClaim.assister_id) == assister_id, col(NpnClaim.npn) == npn
    found: NpnClaim | None = one_or_none(session, select(NpnClaim).where(*which))
    return found


def has_proven(session: Session, assister_id: str, npn: str) -> bool:
    """Whether somebody has proven that an NPN is theirs."""
    claim = find_claim(session, assister_id, npn)
    return claim is not None and claim.state == ClaimState.PROVEN


def keeps_npn(session: Session, case: Case, npn: str) -> bool:
    """Whether the owner of a case stays known by an NPN that the case doesn't name any more.

    So they do where it is more than a claim, or where another of their cases goes by it (D3).
    """
    claim = find_claim(session, case.assister_id, npn)
    if claim is None or claim.state != ClaimState.CLAIMED:
        return True
    others = col(Case.assister_id) == case.assister_id, col(Case.case_id) != case.case_id
    named = select(Case).where(*others, col(Case.stage).not_in(ENDED))
    return any(applicant_of(one).npn == npn for one in list_rows(session, named))


def is_taken(session: Session, assister_id: str, npn: str) -> bool:
    """Whether somebody else has proven an NPN."""
    proven = col(NpnClaim.npn) == npn, col(NpnClaim.state) == ClaimState.PROVEN
    others = select(NpnClaim).where(*proven, col(NpnClaim.assister_id) != assister_id)
    return bool(list_rows(session, others.limit(1)))


def is_settled(session: Session, case: Case) -> bool:
    """Whether a case goes by its person's own address: of another one staff decide first whose case it is (A10)."""
    person = session.get_one(Assister, case.assister_id)
    return person.email.lower() == applicant_of(case).email.lower()


def find_proof_offer(session: Session, case: Case) -> ProofOffer | None:
    """How the owner of a case may prove whose its NPN is; None where there is nothing to be proven, or not any more."""
    npn = applicant_of(case).npn
    claim = find_claim(session, case.assister_id, npn) if npn and case.stage not in ENDED else None
    if npn is None or claim is None or claim.state == ClaimState.PROVEN:
        return None
    taken = is_taken(session, case.assister_id, npn)
    can = not taken and is_settled(session, case)
    # The addresses of a new claim are heard when the registry is asked about its request.
    unheard = can and claim.contact_emails is None and claim.state == ClaimState.UNPROVEN_LEGACY
    return ProofOffer(
        addresses=tuple(claim.contact_emails or ()) if can else (),
        is_needed=case.npn_unproven or case.waiting_for == WaitingFor.NPN_PROOF,
        is_taken=taken,
        can_ask=unheard and claim.lookup_due_at is None,
        is_asking=unheard and claim.lookup_due_at is not None,
        by_identity=can and bool(claim.registered_name and all(claim.registered_name)),
    )


def list_unproven(session: Session, cases: Iterable[Case]) -> set[str]:
    """The ids of those cases whose owner is still to prove whose the NPN is, those from before among them."""
    return {case.case_id for case in cases if find_proof_offer(session, case) is not None}
