"""Finding people by the words kept of them, and their cases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy.orm import Session, aliased
from sqlmodel import col, select

from db.case_state import list_rows
from db.reads.queue import ListedCase, list_matching
from db.tables import Assister, Case, CertificateRow, SearchTerm
from domain.shared.ids import parse_certificate_number
from domain.shared.reference_numbers import find_case_range
from domain.shared.search_words import split_words

# Comes after every letter: terms from a word up to the word and this one begin with it, and an index finds them.
LAST = "\U0010ffff"
COMMON = 500  # words with more terms than that are equally common
CASES_OF_ONE = 10
TERMS_OF_ONE = 4  # that begin with the same word; who has more takes the place of others


def find_cases(session: Session, query: str, limit: int) -> list[ListedCase]:
    """The cases of a certificate's or a reference number, or else of the people in whom every word is found.

    Newest first of each. Raises `Invalid` for a query that is too long.
    """
    words = split_words(query)
    case_id = _find_certified(session, query)
    if case_id is not None:
        return list_matching(session, col(Case.case_id) == case_id, limit=1)
    if referred := _find_referred(session, query, limit):
        return referred
    people = _find_people(session, words, limit) if words else []
    if not people:
        return []
    found = list_matching(session, col(Case.assister_id).in_(people), limit=limit * CASES_OF_ONE)
    places = {assister_id: place for place, assister_id in enumerate(people)}
    return sorted(found, key=lambda case: places[case.assister_id])[:limit]


def find_people_without_case(session: Session, query: str, limit: int) -> list[Assister]:
    """The people in whom every word is found and who have no case: known from an import alone (E10).

    Raises `Invalid` for a query that is too long.
    """
    words = split_words(query)
    people = _find_people(session, words, limit) if words else []
    has_case = exists().where(col(Case.assister_id) == col(Assister.assister_id))
    found: list[Assister] = list_rows(session, select(Assister).where(col(Assister.assister_id).in_(people), ~has_case))
    places = {assister_id: place for place, assister_id in enumerate(people)}
    return sorted(found, key=lambda one: places[one.assister_id])


def _find_certified(session: Session, query: str) -> str | None:
    """The case of the certificate of this number."""
    row = session.get(CertificateRow, parse_certificate_number(query))
    return row.case_id if row else None


def _find_referred(session: Session, query: str, limit: int) -> list[ListedCase]:
    """The case of a reference number; two, where chance would have it."""
    ids = find_case_range(query)
    return list_matching(session, col(Case.case_id).between(*ids), limit=limit) if ids else []


def _find_people(session: Session, words: Sequence[str], limit: int) -> list[str]:
    """Who has a term that begins with each of the words; found by the rarest one, in the order of its terms."""
    # The index gives the few people of the rarest word; only those are held against the other words.
    rarest, *others = [word for _, word in sorted([(_count_terms(session, word), word) for word in words])]
    query = select(col(SearchTerm.assister_id)).where(*_begin_with(SearchTerm, rarest)).order_by(col(SearchTerm.term))
    for word in others:
        other = aliased(SearchTerm)
        query = query.where(exists().where(other.assister_id == SearchTerm.assister_id, *_begin_with(other, word)))  # type: ignore[arg-type]
    found = list_rows(session, query.limit(limit * TERMS_OF_ONE))
    return list(dict.fromkeys(found))[:limit]


def _count_terms(session: Session, word: str) -> int:
    """How many terms begin with a word, counted up to `COMMON`."""
    some = select(col(SearchTerm.term)).where(*_begin_with(SearchTerm, word)).limit(COMMON).subquery()
    return int((session.execute(select(func.count()).select_from(some))).scalar_one())


def _begin_with(terms: type[SearchTerm], word: str) -> tuple[Any, Any]:
    return col(terms.term) >= word, col(terms.term) < word + LAST
