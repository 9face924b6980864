"""The words by which staff find a person, kept beside the person as they change."""

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import rows
from db.tables import Assister, Case, SearchTerm
from domain.shared.search_words import terms_of


def remember_words(session: Session, assister_id: str) -> None:
    """Keeps by which words a person is found: their own, and those of their requests where they differ."""
    person = session.get_one(Assister, assister_id)
    wanted = terms_of(person.first_name, person.last_name, person.email, person.npn)
    for request in rows(session, select(col(Case.request)).where(col(Case.assister_id) == assister_id)):
        wanted |= terms_of(request["first_name"], request["last_name"], request["email"], request.get("npn"))
    of_person = col(SearchTerm.assister_id) == assister_id
    known = set(rows(session, select(col(SearchTerm.term)).where(of_person)))
    if gone := known - wanted:
        session.execute(delete(SearchTerm).where(of_person, col(SearchTerm.term).in_(gone)))
    if new := wanted - known:
        session.execute(insert(SearchTerm), [{"term": term, "assister_id": assister_id} for term in sorted(new)])
