"""Persons: found by keyed hash or by the words staff search, added, and renamed by what they sign (A10, B3)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows, one_or_none
from db.tables import Assister, Case, EarlierYear, SearchTerm
from domain.shared.applicant import Applicant
from domain.shared.assister import Identity
from domain.shared.cases.opening import merge_details
from domain.shared.ids import make_assister_id, make_claim_key, make_person_key
from domain.shared.search_words import list_terms, make_sort_name


def find_by_key(session: Session, identity_key: bytes, npn: str | None, email: str) -> Assister | None:
    """The person with this NPN; without one, with this e-mail address (A10)."""
    key = make_person_key(identity_key, npn, email)
    found: Assister | None = one_or_none(session, select(Assister).where(col(Assister.person_key) == key))
    return found


def find_claimant(session: Session, identity_key: bytes, npn: str, email: str) -> Assister | None:
    """Who claims this NPN with this e-mail address, where somebody else has its key (D3)."""
    key = make_claim_key(identity_key, npn, email)
    found: Assister | None = one_or_none(session, select(Assister).where(col(Assister.person_key) == key))
    return found


def has_claimant(session: Session, identity_key: bytes, npn: str | None, email: str, own_id: str) -> bool:
    """Whether somebody else than ``own_id`` is known as who claims this NPN with this address: one is enough (D3)."""
    known = find_claimant(session, identity_key, npn, email) if npn else None
    return known is not None and known.assister_id != own_id


def _choose_key(session: Session, identity_key: bytes, npn: str | None, email: str, own_id: str | None = None) -> str:
    """By what a person is found: the key of an NPN is the first one's, until somebody proves it (D3)."""
    holder = find_by_key(session, identity_key, npn, email)
    if npn is None or holder is None or holder.assister_id == own_id:
        return make_person_key(identity_key, npn, email)
    return make_claim_key(identity_key, npn, email)


def give_npn_key(session: Session, identity_key: bytes, person: Assister, npn: str) -> None:
    """Gives the key of an NPN to who has proven it; who had it before is found as one who claims it (D3)."""
    holder = find_by_key(session, identity_key, npn, person.email)
    person.npn = person.npn or npn  # a case of before may have one that its person was never known by
    if person.npn != npn or (holder is not None and holder.assister_id == person.assister_id):
        return
    if holder is not None:
        park_key(session, person)  # it may be the very one that the holder is found by then
        holder.person_key = make_claim_key(identity_key, npn, holder.email)
        session.add(holder)
        session.flush()
    person.person_key = make_person_key(identity_key, npn, person.email)
    session.add(person)
    session.flush()


def select_accounts(program: str, email: str) -> Any:
    """Whose account in a program this e-mail address is: who asked here, or was there in an earlier year (B3)."""
    here = exists().where(col(Case.assister_id) == col(Assister.assister_id), col(Case.program) == program)
    earlier = exists().where(
        col(EarlierYear.assister_id) == col(Assister.assister_id), col(EarlierYear.program) == program
    )
    return select(Assister).where(func.lower(col(Assister.email)) == email.lower(), here | earlier)


def add_person(session: Session, identity_key: bytes, details: Mapping[str, Any], now: datetime) -> Assister:
    """A person as a request or an import describes them, stored."""
    who = Applicant.model_validate(details)
    person = Assister(
        assister_id=make_assister_id(),
        person_key=_choose_key(session, identity_key, who.npn, who.email),
        **who.model_dump(),
        details=dict(details),
        created_at=now,
    )
    session.add(person)
    session.flush()
    return person


def identity_of(person: Assister) -> Identity:
    """By what a person is known."""
    return Identity(person.npn, person.email, person.first_name, person.last_name)


def describe_person(person: Assister) -> dict[str, Any]:
    """What is known of a person from their last request or import, for a case without a form."""
    return {
        "language": person.language,
        **person.details,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        **({"npn": person.npn} if person.npn else {}),
    }


def rename_person(
    session: Session,
    identity_key: bytes,
    person: Assister,
    npn: str | None,
    request: Mapping[str, Any],
    form: Collection[str],
) -> None:
    """Gives a person the name, e-mail and NPN of a request or profile, by which they are found from now on (A10)."""
    who = Applicant.model_validate(request)
    person.npn, person.email = npn, who.email
    person.person_key = _choose_key(session, identity_key, npn, who.email, person.assister_id)
    person.first_name, person.last_name = who.first_name, who.last_name
    person.details = merge_details(person.details, request, form)
    session.add(person)
    session.flush()


def park_key(session: Session, person: Assister) -> None:
    """Finds somebody by nothing for a moment: while two exchange addresses, no two have one key."""
    person.person_key = f"parked:{person.assister_id}"
    session.add(person)
    session.flush()


def change_email(session: Session, identity_key: bytes, person: Assister, email: str) -> None:
    """Gives a person another e-mail address, by which they are found from now on."""
    person.email = email
    person.person_key = _choose_key(session, identity_key, person.npn, email, person.assister_id)
    session.add(person)
    session.flush()


def remember_words(session: Session, assister_id: str) -> None:
    """Keeps by which words a person is found: their own, and those of their requests where they differ."""
    person = session.get_one(Assister, assister_id)
    _order_cases(session, person)
    wanted = _list_terms(person, person.details)
    for request in list_rows(session, select(col(Case.request)).where(col(Case.assister_id) == assister_id)):
        asked = Applicant.model_validate(request)
        wanted |= _list_terms(asked, request)
    of_person = col(SearchTerm.assister_id) == assister_id
    known = set(list_rows(session, select(col(SearchTerm.term)).where(of_person)))
    if gone := known - wanted:
        session.execute(delete(SearchTerm).where(of_person, col(SearchTerm.term).in_(gone)))
    if new := wanted - known:
        session.execute(insert(SearchTerm), [{"term": term, "assister_id": assister_id} for term in sorted(new)])


def _list_terms(who: Assister | Applicant, form: Mapping[str, Any]) -> set[str]:
    numbers = [str(form.get(name) or "") for name in ("phone", "license_number")]
    return list_terms(who.first_name, who.last_name, who.email, who.npn, *numbers)


def _order_cases(session: Session, person: Assister) -> None:
    """Has the person's cases stand in lists where the name they have now belongs."""
    name = make_sort_name(person.first_name, person.last_name)
    theirs = col(Case.assister_id) == person.assister_id, col(Case.sort_name) != name
    session.execute(update(Case).where(*theirs).values(sort_name=name))
