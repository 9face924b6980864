"""Claims on an NPN: several people may make one, who proves it first has it, others hold nothing (D2, D3)."""

from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, one_or_none
from db.claim_tables import NpnClaim
from db.reads.npn.claims import find_claim, find_proof_offer, has_proven, is_settled, is_taken
from db.tables import SYSTEM, Assister, Case, InboxRow
from db.writes.facts import append_facts, flag_locked_case, lock_case, queue_fact, raise_flag, record_audit
from db.writes.own.answers import keep_claim_answer
from db.writes.own.identities import link_proven_identity
from db.writes.persons import give_npn_key
from domain.programs.opening import OPENING_RULES
from domain.shared.assister import is_same_name
from domain.shared.cases.events import EventSource
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED
from domain.shared.claims import (
    BY_IDENTITY_PROVIDER,
    BY_REGISTRY_CODE,
    BY_REGISTRY_EMAIL,
    ClaimState,
    IdentityFault,
    NpnProof,
    RegisteredOwner,
    find_proof_refusal,
)
from domain.shared.request_answers import RequestAnswer
from domain.shared.vouching import Voucher

ASSISTER = "assister"
IDENTITY_REFUSED = "identity_refused"
# An owner has one address a state; more are not kept.
MOST_EMAILS = 5


def claim_npn(session: Session, assister_id: str, npn: str | None, now: datetime) -> bool:
    """Notes that somebody says an NPN is theirs; whether that is still to be proven."""
    if npn is None:
        return False
    claim = find_claim(session, assister_id, npn)
    if claim is None:
        others = list_rows(session, select(col(NpnClaim.id)).where(col(NpnClaim.npn) == npn).limit(1))
        claim = NpnClaim(
            assister_id=assister_id,
            npn=npn,
            state=ClaimState.CLAIMED,
            claimed_at=now,
            contested_at=now if others else None,
        )
        session.add(claim)
        session.flush()
    return claim.state != ClaimState.PROVEN


def claim_changed_npn(session: Session, case: Case, before: str | None, now: datetime) -> None:
    """Notes the NPN that a case has now; ``before`` is the one it had.

    An NPN that stays takes nothing away: who was certified before claims were proven keeps that (D2).
    """
    npn = applicant_of(case).npn
    is_unproven = claim_npn(session, case.assister_id, npn, now)
    case.npn_unproven = is_unproven and (npn != before or case.npn_unproven)
    case.npn_legacy = is_unproven and npn == before and case.npn_legacy


def prove_npn(session: Session, identity_key: bytes, case_id: str, proof: NpnProof, now: datetime) -> list[InboxRow]:
    """Staff say whose the NPN of a case is; what the workflows of its owner's cases are to be told (D2).

    A repeat changes nothing. Raises `UnknownCase`, and `Refusal` where the case has no NPN or has ended, where it is
    doubtful whose case it is, and where somebody else has proven the NPN: of two at once one is first.
    """
    case = _lock_claims(session, case_id)
    npn = applicant_of(case).npn
    why = find_proof_refusal(
        npn,
        case.stage,
        is_settled=is_settled(session, case),
        is_taken=npn is not None and is_taken(session, case.assister_id, npn),
    )
    if why is not None:
        raise Refusal(why)
    assert npn is not None, "an NPN that is missing is refused"
    return keep_proof(session, identity_key, case, npn, proof, now)


def _lock_claims(session: Session, case_id: str) -> Case:
    """The case, locked after the claims on its NPN: two who prove it at once wait for each other in one order."""
    npn = (one_or_none(session, select(col(Case.request)).where(col(Case.case_id) == case_id)) or {}).get("npn")
    claims = select(col(NpnClaim.id)).where(col(NpnClaim.npn) == npn).order_by(col(NpnClaim.id))
    list_rows(session, claims.with_for_update())
    return lock_case(session, case_id)


def take_shown_proof(session: Session, identity_key: bytes, case: Case, voucher: Voucher, now: datetime) -> None:
    """Takes the proof that stands in a request which staff have sent: they vouch for its NPN (D2).

    What is doubtful, taken or proven stays as it is. Workflows are told by the next delivery.
    """
    npn = applicant_of(case).npn
    if voucher.proof is None or npn is None or not case.npn_unproven or case.stage in ENDED:
        return
    if is_settled(session, case) and not is_taken(session, case.assister_id, npn):
        shown = NpnProof(voucher.proof.method, voucher.actor, voucher.proof.document)
        keep_proof(session, identity_key, case, npn, shown, now)


def take_registry_answer(
    session: Session, identity_key: bytes, case: Case, owner: RegisteredOwner | None, now: datetime
) -> list[InboxRow]:
    """Keeps whom the registry has for a case's NPN: addresses for a code to be sent to, and a name.

    Where the case was asked for with one of them, that proves it (D2): every letter of the case goes there, and so does
    the code that opens one's own pages, so that nobody else gets anything of it. An address that an answer or a profile
    brings later proves nothing by itself. ``owner`` is None where the registry was not asked. What is
    doubtful, taken or proven stays as it is, and so is an answer about an NPN that the case has no more.
    """
    npn = applicant_of(case).npn
    if not case.npn_unproven or npn is None or owner is None or owner.npn != npn:
        return []
    claim_npn(session, case.assister_id, npn, now)
    claim = find_claim(session, case.assister_id, npn)
    assert claim is not None, "it was claimed just now"
    keep_owner(claim, owner)
    session.add(claim)
    if (case.first_email or "").lower() not in owner.emails:
        return []
    if not is_settled(session, case) or is_taken(session, case.assister_id, npn):
        return []
    return keep_proof(session, identity_key, case, npn, NpnProof(method=BY_REGISTRY_EMAIL, by=SYSTEM), now)


def prove_by_identity(
    session: Session, identity_key: bytes, case_id: str, first: str, last: str, identity: str, now: datetime
) -> list[InboxRow] | None:
    """An identity provider vouches for this name; None where the registry has another, which staff are told of (D2).

    ``identity`` is the digest of whom the provider knows: it opens its owner's pages from now on (D6). None, too, where
    somebody else has proven an NPN with it.
    Raises `Refusal` where it can't be proven here any more.
    """
    case = _lock_claims(session, case_id)
    offer, npn = find_proof_offer(session, case), applicant_of(case).npn
    claim = find_claim(session, case.assister_id, npn) if npn else None
    if offer is None or not offer.by_identity or npn is None or claim is None or claim.registered_name is None:
        raise Refusal(Reason("not_now"))
    if not is_same_name(first, last, *claim.registered_name):
        note_refused_identity(session, case_id, IdentityFault.OTHER_NAME, now)
        return None
    if not link_proven_identity(session, identity, case.assister_id, now):
        note_refused_identity(session, case_id, IdentityFault.ANOTHERS, now)
        return None
    return keep_proof(session, identity_key, case, npn, NpnProof(method=BY_IDENTITY_PROVIDER, by=ASSISTER), now)


def note_refused_identity(session: Session, case_id: str, fault: IdentityFault, now: datetime) -> None:
    """Staff are told of an identity that an NPN was to be proven with, and was not."""
    case = lock_case(session, case_id)
    if case.stage in ENDED:
        return
    raise_flag(case, IDENTITY_REFUSED, now)
    session.add(case)
    record_audit(session, now, ASSISTER, "npn.identity_refused", case, fault=fault)


def keep_owner(claim: NpnClaim, owner: RegisteredOwner) -> None:
    """Keeps with a claim whom the registry has for its NPN."""
    claim.contact_emails = [*owner.emails][:MOST_EMAILS]
    claim.registered_name = [owner.first_name, owner.last_name]


def prove_by_code(session: Session, identity_key: bytes, case_id: str, email: str, now: datetime) -> list[InboxRow]:
    """Who is on a case's own pages has typed in the code that was sent to the registry's address for its NPN (D2).

    Raises `Refusal` as `prove_npn` does, and where the registry has another address by now.
    """
    case = _lock_claims(session, case_id)
    offer, npn = find_proof_offer(session, case), applicant_of(case).npn
    if offer is None and npn is not None and has_proven(session, case.assister_id, npn):
        return []  # it was proven meanwhile
    if offer is None or npn is None or email.lower() not in offer.addresses:
        raise Refusal(Reason("npn_proven_by_other" if offer is not None and offer.is_taken else "not_now"))
    return keep_proof(session, identity_key, case, npn, NpnProof(method=BY_REGISTRY_CODE, by=ASSISTER), now)


def keep_proof(
    session: Session,
    identity_key: bytes,
    case: Case,
    npn: str,
    proof: NpnProof,
    now: datetime,
    same_as: str | None = None,
) -> list[InboxRow]:
    """Records that an NPN is proven to be the owner's of a case; what their workflows are to be told.

    ``same_as`` is a claimant who is the same person: they aren't told of somebody else.
    """
    person = session.get_one(Assister, case.assister_id)
    claim_npn(session, person.assister_id, npn, now)
    claim = find_claim(session, person.assister_id, npn)
    assert claim is not None, "it was claimed just now"
    if claim.state == ClaimState.PROVEN and not (case.npn_unproven or case.npn_legacy):
        return []
    claim.state, claim.method, claim.proven_by, claim.proven_at = ClaimState.PROVEN, proof.method, proof.by, now
    claim.document, claim.reason = proof.document, proof.reason
    session.add(claim)
    # Of two who prove it at once, the second fails here by the unique index, and is done again.
    session.flush()
    give_npn_key(session, identity_key, person, npn)
    details = {"method": proof.method, "document": proof.document}
    record_audit(session, now, proof.by, "npn.proven", case, proof.reason, **details)
    _tell_rivals(session, case, npn, now, same_as)
    return [row for one in _list_proven_cases(session, case, npn) for row in _release_case(session, one, claim, now)]


def _list_proven_cases(session: Session, case: Case, npn: str) -> list[Case]:
    """The person's open cases of the same NPN, whatever their address; not those that may be somebody else's.

    Staff first decide whether such a one, under another name or address, is this person's (A10).
    """
    email = applicant_of(case).email.lower()
    open_cases = col(Case.assister_id) == case.assister_id, col(Case.stage).not_in(ENDED)
    found = list_rows(session, select(col(Case.case_id)).where(*open_cases).order_by(col(Case.case_id)))
    locked = [lock_case(session, case_id) for case_id in found]
    asked = [(one, applicant_of(one)) for one in locked if one.npn_unproven or one.npn_legacy]
    return [
        one
        for one, by in asked
        if by.npn == npn and (one.identity_matches or by.email.lower() == email or is_settled(session, one))
    ]


def _release_case(session: Session, case: Case, claim: NpnClaim, now: datetime) -> list[InboxRow]:
    """A case goes on from what waited for the proof."""
    case.npn_unproven = case.npn_legacy = False
    session.add(case)
    fact = Fact(id=f"{case.case_id}:npn_proven:{claim.id}", kind=FactKind.NPN_PROVEN, at=now)
    append_facts(session, case, [fact], now)
    return [queue_fact(session, case, fact, EventSource.STAFF, now)]


def _tell_rivals(session: Session, case: Case, npn: str, now: datetime, same_as: str | None) -> None:
    """Staff look at the open cases of others who claim the same NPN; who claims it is told by mail, once an address."""
    for claim in list_rows(session, select(NpnClaim).where(col(NpnClaim.npn) == npn)):
        if claim.assister_id != case.assister_id and claim.contested_at is None:
            claim.contested_at = now
            session.add(claim)
    claimed = select(col(NpnClaim.assister_id)).where(col(NpnClaim.npn) == npn)
    others = col(Case.assister_id).in_(claimed), col(Case.assister_id) != case.assister_id
    rivals = select(col(Case.case_id)).where(*others, col(Case.stage).not_in(ENDED)).order_by(col(Case.case_id))
    told: set[str] = set()
    for case_id in list_rows(session, rivals):
        rival = lock_case(session, case_id)
        if (who := applicant_of(rival)).npn != npn or rival.assister_id == same_as:
            continue
        flag_locked_case(session, rival, OPENING_RULES[rival.program].conflict, now)
        if who.email.lower() not in told:
            told.add(who.email.lower())
            keep_claim_answer(session, RequestAnswer.NPN_TAKEN, rival, now)
            record_audit(session, now, SYSTEM, "npn.rival_told", rival)
