"""The e-mail address that somebody goes by, changed to one they have confirmed; the one before is told (D6)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import applicant_of, list_rows
from db.own_tables import OwnSession
from db.reads.own_pages import list_own_cases
from db.tables import Assister, Case
from db.writes.facts import lock_case, record_audit
from db.writes.own.answers import keep_answer
from db.writes.own.sessions import ACTOR, find_own_session
from db.writes.persons import find_by_key, has_claimant, remember_words, rename_person, select_accounts
from domain.programs.opening import OPENING_RULES
from domain.shared.assister import Kind
from domain.shared.cases.stages import Stage
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.request_answers import RequestAnswer
from domain.state.finding_inputs import is_being_checked


@dataclass(frozen=True)
class AddressChanged:
    """What became of a new address: another person's already, or taken, where some cases may go on under the old.

    ``moves`` is False where all of them do: the address is confirmed then, and nothing goes by it yet.
    """

    is_taken: bool = False
    stays: bool = False
    moves: bool = True


def change_own_address(session: Session, identity_key: bytes, token: str, new: str, now: datetime) -> AddressChanged:
    """Has everything of somebody go by an address that was just confirmed in the session of this cookie.

    A case whose background check is under way goes on under the address it is made with. Nothing is changed where the
    address is the key of somebody else.
    """
    own = find_own_session(session, token, now)
    if own is None or own.email == new:
        return AddressChanged()
    before, found = own.email, list_own_cases(session, {own.email})
    cases = move_cases(session, identity_key, found, before, new, now)
    if cases is None:
        return AddressChanged(is_taken=True)
    for case in cases:
        record_audit(session, now, ACTOR, "own.address_changed", case, own_session=own.id)
    _note_address(session, own, new)
    return AddressChanged(stays=len(cases) < len(found), moves=bool(cases) or not found)


def move_cases(
    session: Session, identity_key: bytes, found: Collection[Case], before: str, new: str, now: datetime
) -> list[Case] | None:
    """Has the letters of these cases go to a confirmed address instead of the one before, which is told; those moved.

    A case whose background check is under way is left out. None, and nothing changed, where the address is the key of
    somebody else.
    """
    left = {case.case_id for case in list_staying_cases(found)}
    locked = [lock_case(session, case_id) for case_id in sorted({case.case_id for case in found} - left)]
    # A check may have been ordered before the case was ours.
    cases = [case for case in locked if not is_address_checked(case)]
    if any(is_key_of_another(session, identity_key, case, new) for case in cases):
        return None
    for case in cases:
        _move_case(session, identity_key, case, before, new)
    if cases:
        keep_former_address(session, cases[-1], [before], now)
    return cases


def keep_former_address(session: Session, case: Case, before: Iterable[str], now: datetime) -> None:
    """Keeps a letter to each address that isn't a case's any more, so that nobody is moved without hearing of it."""
    who = applicant_of(case)
    for address in sorted({one.lower() for one in before} - {who.email.lower()}):
        keep_answer(
            session,
            RequestAnswer.ADDRESS_CHANGED,
            now,
            email=address,
            language=who.language,
            program=case.program,
            plan_year=case.plan_year,
        )


def list_staying_cases(found: Iterable[Case]) -> list[Case]:
    """Those of somebody's cases that would go on under the address of before, were it changed now."""
    return [case for case in found if is_address_checked(case)]


def is_address_checked(case: Case) -> bool:
    """Whether a background check is made with the address: it changes by an answer alone, which has it made anew."""
    return case.program != FEDERAL_PROGRAM and is_being_checked(Kind(case.kind), Stage(case.stage))


def is_key_of_another(session: Session, identity_key: bytes, case: Case, new: str) -> bool:
    """Whether this case can't go by the address, since it is by what somebody else is known.

    That is who has no NPN, or has an account with the marketplace, or claims the same NPN with it.
    """
    others = col(Assister.assister_id) != case.assister_id
    person = session.get_one(Assister, case.assister_id)
    if has_claimant(session, identity_key, person.npn, new, case.assister_id):
        return True
    if case.program == FEDERAL_PROGRAM:
        return bool(list_rows(session, select_accounts(FEDERAL_PROGRAM, new).where(others).limit(1)))
    known = None if applicant_of(case).npn else find_by_key(session, identity_key, None, new)
    return known is not None and known.assister_id != case.assister_id


def _move_case(session: Session, identity_key: bytes, case: Case, before: str, new: str) -> None:
    case.request = {**case.request, "email": new}
    case.unpublished = case.program == FEDERAL_PROGRAM
    session.add(case)
    person = session.get_one(Assister, case.assister_id)
    if person.email.lower() == before:
        who = {"first_name": person.first_name, "last_name": person.last_name, "email": new}
        known = {**person.details, **who}
        rename_person(session, identity_key, person, person.npn, known, OPENING_RULES[case.program].form)
    remember_words(session, case.assister_id)


def _note_address(session: Session, own: OwnSession, new: str) -> None:
    own.email, own.former_email = new, own.email
    session.add(own)
