"""Staff decide between two who claim one NPN: the same person, whose address is updated, or somebody else (D3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows
from db.claim_tables import NpnClaim
from db.reads.npn.claims import is_settled
from db.reads.npn.merged import name_merging
from db.reads.npn.rivals import Claimant, Rivals, find_rivals
from db.tables import Case, CommandRow, InboxRow
from db.writes.commands import keep_command
from db.writes.corrections import rename_person_everywhere
from db.writes.facts import lock_case, lower_flag, record_audit
from db.writes.npn.claims import keep_proof
from db.writes.own.answers import keep_claim_answer
from db.writes.persons import change_email, park_key, remember_words
from domain.programs.opening import OPENING_RULES
from domain.shared.cases.authors import ProofMethod
from domain.shared.cases.commands import CommandOrigin, CorrectName, Withdraw, Wording
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.stages import ENDED
from domain.shared.claims import ClaimState, NpnProof
from domain.shared.ids import make_command_id
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.request_answers import RequestAnswer


class UnknownRivals(LookupError):
    """There is no such pair."""


@dataclass(frozen=True)
class SamePerson:
    """What is left to be done for two who are one: what workflows are to be told, and the commands that end cases.

    ``corrections`` are the commands by which certificates are printed anew under the name that is theirs now.
    """

    told: Sequence[InboxRow]
    withdrawals: Sequence[CommandRow]
    corrections: Sequence[CommandRow] = ()


def settle_same_person(
    session: Session,
    identity_key: bytes,
    number: int,
    *,
    takes_second_email: bool,
    takes_second_name: bool = False,
    proof: NpnProof,
    now: datetime,
) -> SamePerson:
    """Two claimants are one person: the first one's cases go on, under the address and name that are theirs now (D3).

    The NPN is proven to be theirs, by what staff have seen; that the second one's open cases are withdrawn is kept with
    it, so that it is done whatever happens next. Both addresses are written to.

    Raises `UnknownRivals`; `Refusal` where it was decided before, or where the case that goes on is under another
    address than its person's, so that it is to be decided first whose it is.
    """
    pair = _lock_rivals(session, number)
    kept, other = pair.first, pair.second
    if not kept.open_cases and kept.claim.state != ClaimState.PROVEN:
        raise Refusal(Reason("first_has_no_case"))
    addresses, name = (kept.email, other.email), other.name
    if takes_second_email:
        _swap_emails(session, identity_key, kept, other)
    told = _prove_kept(session, identity_key, pair, proof, now)
    _settle(session, pair, now)
    corrections = _take_name(session, kept, name, proof, now) if takes_second_name else []
    details = {"method": proof.method, "document": proof.document}
    changed = [what for what, is_so in (("email", takes_second_email), ("name", takes_second_name)) if is_so]
    for one in (kept, other):
        for case in one.cases[:1]:
            record_audit(session, now, proof.by, "npn.same_person", case, proof.reason, changed=changed, **details)
    for one, email in zip((kept, other), addresses, strict=True):
        for case in one.cases[:1]:
            keep_claim_answer(session, RequestAnswer.SAME_PERSON, case, now, email)
    return SamePerson(told, _keep_withdrawals(session, identity_key, other, proof, now), corrections)


def _take_name(
    session: Session, kept: Claimant, name: tuple[str, str], proof: NpnProof, now: datetime
) -> list[CommandRow]:
    """Gives the one who stays the other's name: in their open cases, whose certificates are printed anew (E11)."""
    first, last = name
    correction = CorrectName(
        first_name=first, last_name=last, method=ProofMethod(proof.method), document=proof.document or ""
    )
    origin = CommandOrigin(name_merging(kept.claim.id), "", proof.by, proof.reason or "", now)
    return rename_person_everywhere(session, kept.person, correction, origin)


def _keep_withdrawals(
    session: Session, identity_key: bytes, other: Claimant, proof: NpnProof, now: datetime
) -> list[CommandRow]:
    kept, withdrawal = [], Withdraw(**Wording(written_in=proof.written_in).list_given())
    for case in other.open_cases:
        command_id = make_command_id(name_merging(other.claim.id), case.case_id)
        origin = CommandOrigin(command_id, case.case_id, proof.by, proof.reason or "", now)
        row = keep_command(session, identity_key, withdrawal, origin)
        if isinstance(row, CommandRow):  # else it is ending already, which is audited
            kept.append(row)
    return kept


def settle_someone_else(session: Session, number: int, actor: str, reason: str, now: datetime) -> None:
    """Two claimants are two people: each is written to, and the NPN stays to be proven (D3).

    Raises `UnknownRivals`, and `Refusal` where it was decided before.
    """
    pair = _lock_rivals(session, number)
    _settle(session, pair, now)
    for one in (pair.first, pair.second):
        for case in one.cases[:1]:
            record_audit(session, now, actor, "npn.someone_else", case, reason)
            keep_claim_answer(session, RequestAnswer.SOMEONE_ELSE, case, now)


def _lock_rivals(session: Session, number: int) -> Rivals:
    """The pair with its open cases and both claims locked. Raises `UnknownRivals`, and `Refusal` once it is settled."""
    pair = find_rivals(session, number)
    if pair is None:
        raise UnknownRivals(number)
    claims = select(NpnClaim).where(col(NpnClaim.npn) == pair.second.claim.npn).order_by(col(NpnClaim.id))
    list_rows(session, claims.with_for_update())
    for case_id in sorted(case.case_id for case in (*pair.first.open_cases, *pair.second.open_cases)):
        lock_case(session, case_id)
    session.expire_all()  # what was read before it was locked may have changed
    pair = find_rivals(session, number)
    if pair is None or not pair.is_open:
        raise Refusal(Reason("rivals_settled"))
    return pair


def _swap_emails(session: Session, identity_key: bytes, kept: Claimant, other: Claimant) -> None:
    """Gives the one who stays the other's address, and the other theirs: an address is one person's account (B3)."""
    old, new = kept.person.email, other.email
    park_key(session, other.person)
    change_email(session, identity_key, kept.person, new)
    change_email(session, identity_key, other.person, old)
    going = col(Case.assister_id) == kept.person.assister_id, col(Case.stage).not_in(ENDED)
    own = select(col(Case.case_id)).where(*going)
    for case_id in list_rows(session, own.order_by(col(Case.case_id))):
        case = lock_case(session, case_id)
        if applicant_of(case).email.lower() == old.lower():
            case.request = {**case.request, "email": new}
            case.unpublished = case.unpublished or case.program == FEDERAL_PROGRAM
            session.add(case)
    for person in (kept.person, other.person):
        remember_words(session, person.assister_id)


def _prove_kept(
    session: Session, identity_key: bytes, pair: Rivals, proof: NpnProof, now: datetime
) -> Sequence[InboxRow]:
    kept = pair.first
    if kept.claim.state == ClaimState.PROVEN:
        return []
    case = lock_case(session, kept.open_cases[0].case_id)
    if not is_settled(session, case):
        raise Refusal(Reason("identity_unsettled"))
    same_as = pair.second.person.assister_id
    return keep_proof(session, identity_key, case, kept.claim.npn, proof, now, same_as)


def _settle(session: Session, pair: Rivals, now: datetime) -> None:
    """Staff have looked: the claim isn't among those to be decided any more, and its cases' flags are down.

    The first one's stay up where somebody else still stands against them.
    """
    pair.second.claim.settled_at = now
    session.add(pair.second.claim)
    waits = _has_open_rival(session, pair)
    for case in (*(() if waits else pair.first.open_cases), *pair.second.open_cases):
        if lower_flag(case, OPENING_RULES[case.program].conflict):
            session.add(case)


def _has_open_rival(session: Session, pair: Rivals) -> bool:
    two = pair.first.claim.id, pair.second.claim.id
    claims = col(NpnClaim.npn) == pair.second.claim.npn, col(NpnClaim.contested_at).is_not(None)
    others = list_rows(session, select(col(NpnClaim.id)).where(*claims, col(NpnClaim.id).not_in(two)))
    found = (find_rivals(session, number) for number in others)
    return any(one is not None and one.is_open for one in found)
