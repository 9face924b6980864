"""Claims on an NPN: several people may make one, who proves it first has it, others hold nothing (D2, D3)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, one_or_none
from db.claim_tables import NpnClaim
from db.tables import SYSTEM, Assister, Case, InboxRow
from db.writes.facts import append_facts, lock_case, raise_flag, record_audit
from db.writes.persons import give_npn_key
from domain.programs.opening import OPENING_RULES
from domain.shared.cases.events import EventSource, EventState
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Refusal
from domain.shared.cases.stages import ENDED
from domain.shared.claims import BY_REGISTRY_EMAIL, ClaimState, NpnProof, find_proof_refusal


def claim_npn(session: Session, assister_id: str, npn: str | None, now: datetime) -> bool:
    """Notes that somebody says an NPN is theirs; whether that is still to be proven."""
    if npn is None:
        return False
    claim = find_claim(session, assister_id, npn)
    if claim is None:
        claim = NpnClaim(assister_id=assister_id, npn=npn, state=ClaimState.CLAIMED, claimed_at=now)
        session.add(claim)
        session.flush()
    return claim.state != ClaimState.PROVEN


def find_claim(session: Session, assister_id: str, npn: str) -> NpnClaim | None:
    """Somebody's claim on an NPN."""
    which = col(NpnClaim.assister_id) == assister_id, col(NpnClaim.npn) == npn
    found: NpnClaim | None = one_or_none(session, select(NpnClaim).where(*which))
    return found


def has_proven(session: Session, assister_id: str, npn: str) -> bool:
    """Whether somebody has proven that an NPN is theirs."""
    claim = find_claim(session, assister_id, npn)
    return claim is not None and claim.state == ClaimState.PROVEN


def prove_npn(session: Session, identity_key: bytes, case_id: str, proof: NpnProof, now: datetime) -> list[InboxRow]:
    """Staff say whose the NPN of a case is; what the workflows of its owner's cases are to be told (D2).

    A repeat changes nothing. Raises `UnknownCase`, and `Refusal` where the case has no NPN or has ended, where it is
    doubtful whose case it is, and where somebody else has proven the NPN: of two at once one is first.
    """
    case = lock_case(session, case_id)
    npn = applicant_of(case).npn
    why = find_proof_refusal(
        npn,
        case.stage,
        is_settled=_is_settled(session, case),
        is_taken=npn is not None and _is_taken(session, case, npn),
    )
    if why is not None:
        raise Refusal(why)
    assert npn is not None, "an NPN that is missing is refused"
    return _keep_proof(session, identity_key, case, npn, proof, now)


def prove_by_registry(
    session: Session, identity_key: bytes, case: Case, emails: Collection[str], now: datetime
) -> list[InboxRow]:
    """The address a case was asked for with is the registry's for its NPN: that proves it (D2).

    Every letter of the case goes there, and so does the code that opens one's own pages: nobody else gets anything of
    it. An address that an answer or a profile brings later proves nothing. ``emails`` are the registry's, in lower
    case. What is doubtful, taken or proven stays as it is.
    """
    npn = applicant_of(case).npn
    if not case.npn_unproven or npn is None or (case.first_email or "").lower() not in emails:
        return []
    if not _is_settled(session, case) or _is_taken(session, case, npn):
        return []
    return _keep_proof(session, identity_key, case, npn, NpnProof(method=BY_REGISTRY_EMAIL, by=SYSTEM), now)


def _is_settled(session: Session, case: Case) -> bool:
    """Whether a case goes by its person's own address: of another one staff decide first whose case it is (A10)."""
    person = session.get_one(Assister, case.assister_id)
    return person.email.lower() == applicant_of(case).email.lower()


def _is_taken(session: Session, case: Case, npn: str) -> bool:
    proven = col(NpnClaim.npn) == npn, col(NpnClaim.state) == ClaimState.PROVEN
    others = select(NpnClaim).where(*proven, col(NpnClaim.assister_id) != case.assister_id)
    return bool(list_rows(session, others.limit(1)))


def _keep_proof(
    session: Session, identity_key: bytes, case: Case, npn: str, proof: NpnProof, now: datetime
) -> list[InboxRow]:
    person = session.get_one(Assister, case.assister_id)
    claim_npn(session, person.assister_id, npn, now)
    claim = find_claim(session, person.assister_id, npn)
    assert claim is not None, "it was claimed just now"
    if claim.state == ClaimState.PROVEN and not case.npn_unproven:
        return []
    claim.state, claim.method, claim.proven_by, claim.proven_at = ClaimState.PROVEN, proof.method, proof.by, now
    claim.document, claim.reason = proof.document, proof.reason
    session.add(claim)
    # Of two who prove it at once, the second fails here by the unique index, and is done again.
    session.flush()
    give_npn_key(session, identity_key, person, npn)
    details = {"method": proof.method, "document": proof.document}
    record_audit(session, now, proof.by, "npn.proven", case, proof.reason, **details)
    _flag_rivals(session, case, npn, now)
    return [row for one in _list_proven_cases(session, case, npn) for row in _release_case(session, one, claim, now)]


def _list_proven_cases(session: Session, case: Case, npn: str) -> list[Case]:
    """The person's open cases of the same NPN and address: a proof is about these."""
    email = applicant_of(case).email.lower()
    open_cases = col(Case.assister_id) == case.assister_id, col(Case.stage).not_in(ENDED)
    found = list_rows(session, select(col(Case.case_id)).where(*open_cases).order_by(col(Case.case_id)))
    locked = [lock_case(session, case_id) for case_id in found]
    asked = [(one, applicant_of(one)) for one in locked if one.npn_unproven]
    return [one for one, by in asked if by.npn == npn and by.email.lower() == email]


def _release_case(session: Session, case: Case, claim: NpnClaim, now: datetime) -> list[InboxRow]:
    """A case goes on from what waited for the proof."""
    case.npn_unproven = False
    session.add(case)
    fact = Fact(id=f"{case.case_id}:npn_proven:{claim.id}", kind=FactKind.NPN_PROVEN, at=now)
    append_facts(session, case, [fact], now)
    row = InboxRow(
        source=EventSource.STAFF,
        event_id=fact.id,
        case_id=case.case_id,
        kind=fact.kind,
        digest="",
        fact_id=fact.id,
        state=EventState.PENDING,
        received_at=now,
    )
    session.add(row)
    return [row]


def _flag_rivals(session: Session, case: Case, npn: str, now: datetime) -> None:
    """Staff look at the open cases of others who claim the same NPN."""
    claimed = select(col(NpnClaim.assister_id)).where(col(NpnClaim.npn) == npn)
    others = col(Case.assister_id).in_(claimed), col(Case.assister_id) != case.assister_id
    rivals = select(col(Case.case_id)).where(*others, col(Case.stage).not_in(ENDED)).order_by(col(Case.case_id))
    for case_id in list_rows(session, rivals):
        rival = lock_case(session, case_id)
        rules = OPENING_RULES[rival.program]
        if applicant_of(rival).npn == npn and raise_flag(rival, rules.conflict, now):
            session.add(rival)
            record_audit(session, now, SYSTEM, f"case.flagged.{rules.conflict}", rival)
