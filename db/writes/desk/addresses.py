"""A mistyped e-mail address that staff correct: the assister reads them the code sent to the new one (D1, D6)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, load_case, one_or_none, state_of
from db.house_tables import ReturnedLetter
from db.tables import Assister, Case, CommandRow, EffectRow, SearchTerm, SentMail
from db.writes.commands import CONSENT, keep_command
from db.writes.facts import MAIL_REFUSED, lock_case, record_audit, unflag_locked_case
from db.writes.own.addresses import is_address_checked, is_key_of_another, move_cases
from domain.programs.commands import find_refusal
from domain.shared.cases.authors import OnBehalf, WordMethod
from domain.shared.cases.commands import CommandOrigin, ResendNotice
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.search_words import normalize_text
from domain.state.certification import CertificationState
from domain.state.commands import AnswerQuestion

# So many are named who go by an address.
MOST_NAMED = 5

# How staff have it, in the audit: a code that was read to them, which the new address alone was sent.
METHOD = "phone"


@dataclass(frozen=True)
class AddressCorrection:
    """Who of staff corrects the address of which case, and why; ``command_id`` is the form's.

    ``consented``: the assister agrees to a background check with the new address.
    """

    case_id: str
    actor: str
    reason: str
    command_id: str
    consented: bool = False


@dataclass(frozen=True)
class AddressCorrected:
    """What a correction leaves to do: letters to be sent again, each with its case; and an answer to be applied."""

    letters: list[tuple[str, Notice]]
    answer: CommandRow | None = None


@dataclass(frozen=True)
class AddressHolder:
    """Somebody who goes by an address, and their newest case; None for who has none here."""

    name: str
    case_id: str | None


def find_correction_refusal(session: Session, case_id: str) -> Reason | None:
    """Why the address of a case can't be corrected by staff now. Raises `UnknownCase`."""
    case = load_case(session, case_id)
    state = state_of(session, case)
    if state.ended:
        return Reason("case_ended", {"stage": state.stage.value})
    is_asked = isinstance(state, CertificationState) and state.is_asked
    return Reason("address_in_check") if is_address_checked(case) and not is_asked else None


def needs_consent(session: Session, case_id: str) -> bool:
    """Whether a background check would be made anew with a corrected address, which the assister has to agree to."""
    return is_address_checked(load_case(session, case_id))


def list_others_by(session: Session, case_id: str, email: str) -> list[AddressHolder]:
    """Who else goes by this address, with their newest case each: who reads its mail would see the pages of all.

    Raises `UnknownCase`.
    """
    own = load_case(session, case_id).assister_id
    known = select(SearchTerm.assister_id).where(col(SearchTerm.term) == normalize_text(email))
    others = select(Assister).where(col(Assister.assister_id).in_(known), col(Assister.assister_id) != own)
    return [_describe_holder(session, one) for one in list_rows(session, others.limit(MOST_NAMED))]


def _describe_holder(session: Session, person: Assister) -> AddressHolder:
    theirs = select(Case).where(col(Case.assister_id) == person.assister_id)
    case = one_or_none(session, theirs.order_by(col(Case.opened_at).desc(), col(Case.case_id)).limit(1))
    return AddressHolder(f"{person.first_name} {person.last_name}", case.case_id if case else None)


def is_address_taken(session: Session, identity_key: bytes, case_id: str, new: str) -> bool:
    """Whether no code could have the case go by this address, since somebody else is known by it.

    An address that a background check is made with is judged as the answer that changes it. Raises `UnknownCase`.
    """
    case = load_case(session, case_id)
    return not is_address_checked(case) and is_key_of_another(session, identity_key, case, new)


def correct_address(
    session: Session, identity_key: bytes, correction: AddressCorrection, new: str, now: datetime
) -> AddressCorrected:
    """Has the case go by an address whose mail the assister reads, and every case of theirs under the same one.

    Where a background check is made with it, this is the answer to the question that is open. Raises `Refusal` where
    it can't be done now, and `Invalid` for somebody else's address or a consent that is missing; nothing is changed
    then, and the code isn't used up.
    """
    case = load_case(session, correction.case_id)
    before = applicant_of(case).email.lower()
    if why := find_correction_refusal(session, case.case_id):
        raise Refusal(why)
    if before == new:
        return AddressCorrected([])
    if is_address_checked(case):
        return _answer_with_address(session, identity_key, correction, new, now)
    theirs = list_rows(session, select(Case).where(col(Case.assister_id) == case.assister_id))
    found = [one for one in theirs if applicant_of(one).email.lower() == before]
    cases = move_cases(session, identity_key, found, before, new, now)
    if cases is None:
        raise Invalid([Fault("email", "address_taken")])
    for one in cases:
        _record_correction(session, one, correction, now)
    return AddressCorrected([letter for one in cases for letter in _list_letters_again(session, one)])


def _answer_with_address(
    session: Session, identity_key: bytes, correction: AddressCorrection, new: str, now: datetime
) -> AddressCorrected:
    said = OnBehalf(method=WordMethod.OTHER, reason=correction.reason)
    changes = {"email": new, **({CONSENT: True} if correction.consented else {})}
    origin = CommandOrigin(correction.command_id, correction.case_id, correction.actor, correction.reason, now)
    kept = keep_command(session, identity_key, AnswerQuestion(changes=changes, on_behalf=said), origin)
    if isinstance(kept, Reason):
        raise Refusal(kept)
    case = lock_case(session, correction.case_id)
    _record_correction(session, case, correction, now)
    return AddressCorrected(_list_letters_again(session, case, answers=True), kept)


def _record_correction(session: Session, case: Case, correction: AddressCorrection, now: datetime) -> None:
    record_audit(session, now, correction.actor, "case.address_corrected", case, correction.reason, method=METHOD)
    unflag_locked_case(session, case, MAIL_REFUSED, now)


def _list_letters_again(session: Session, case: Case, *, answers: bool = False) -> list[tuple[str, Notice]]:
    """The notices that the new address is sent, as far as they are still true.

    Those that the mail server refused when they were sent last, or that came back; and a question that is open, which
    somebody else may have read, unless the correction ``answers`` it.
    """
    rows = list_rows(session, select(EffectRow).where(col(EffectRow.case_id) == case.case_id))
    last = {row.kind: row for row in sorted(rows, key=lambda row: row.done_at or row.intended_at)}
    came_back = set(
        session.scalars(
            select(SentMail.key)
            .join(ReturnedLetter, col(ReturnedLetter.message_id) == col(SentMail.message_id))
            .where(col(SentMail.case_id) == case.case_id, col(ReturnedLetter.returned_at).is_not(None))
        )
    )
    failed = {
        kind
        for kind, row in last.items()
        if row.key in came_back or (row.result is not None and row.result.get("refused"))
    }
    state, question = state_of(session, case), f"notice.{Notice.INFORMATION_NEEDED}"
    failed = failed - {question} if answers else failed | {question}
    return [
        (case.case_id, notice)
        for notice in Notice
        if f"notice.{notice}" in failed and not find_refusal(ResendNotice(notice=notice), state)
    ]
