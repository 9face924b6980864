"""Finding people by the words kept of them, and their cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, or_
from sqlalchemy.orm import Session, aliased
from sqlmodel import col, select

from db.case_state import list_rows
from db.own_tables import ReferenceAlias
from db.reads.queue import ListedCase, list_matching
from db.tables import Assister, Case, CertificateRow, SearchTerm
from domain.shared.documents.fields import parse_npn
from domain.shared.ids import CERTIFICATE_CHARACTERS, parse_certificate_number
from domain.shared.reference_numbers import CaseRange, find_case_range, list_alike_ranges
from domain.shared.search_words import LONGEST, find_number, list_alike, list_exchanged, split_words

# Comes after every letter: terms from a word up to the word and this one begin with it, and an index finds them.
LAST = "\U0010ffff"
COMMON = 500  # words with more terms than that are equally common
CASES_OF_ONE = 10
MOST_GUESSED = 10  # words that one with a typo may stand for
TERMS_OF_ONE = 4  # that begin with the same word; who has more takes the place of others


@dataclass(frozen=True)
class SearchFindings:
    """What a search has found: cases, and people who have none; ``is_guess`` where one word was taken for a typo."""

    cases: list[ListedCase]
    people: list[Assister]
    is_guess: bool = False


def search_everything(session: Session, query: str, limit: int) -> SearchFindings:
    """What somebody of staff looks for, by whatever they have of it.

    The case of a certificate's, a reference or a case's own number, or else the cases of the people in whom every word
    is found, newest first of each, and those of these people who are known from an import alone (E10). A phone or a
    license number is found however it is written. Where there is nobody, one word of a name may have one typo, and in a
    number two neighbours may have changed places.
    Raises `Invalid` for a query that is too long.
    """
    words = split_words(query)
    if numbered := _find_numbered(session, query, limit):
        return SearchFindings(numbered, [])
    people = _find_numbered_people(session, query, limit) or (_find_people(session, words, limit) if words else [])
    is_guess = not people
    if is_guess and (numbered := _guess_numbered(session, query, limit)):
        return SearchFindings(numbered, [], is_guess)
    people = people or _guess_people(session, words, limit) or _guess_people(session, _list_numbers(query)[:1], limit)
    if not people:
        return SearchFindings([], [])
    found = list_matching(session, col(Case.assister_id).in_(people), limit=limit * CASES_OF_ONE)
    places = {assister_id: place for place, assister_id in enumerate(people)}
    cases = sorted(found, key=lambda case: places[case.assister_id])[:limit]
    return SearchFindings(cases, _list_without_case(session, places), is_guess)


def _list_without_case(session: Session, places: Mapping[str, int]) -> list[Assister]:
    has_case = exists().where(col(Case.assister_id) == col(Assister.assister_id))
    among = select(Assister).where(col(Assister.assister_id).in_(list(places)), ~has_case)
    found: list[Assister] = list_rows(session, among)
    return sorted(found, key=lambda one: places[one.assister_id])


def _find_numbered(session: Session, query: str, limit: int) -> list[ListedCase]:
    """The case that has this number: of its certificate, of reference, or its own."""
    case_id = _find_certified(session, query) or _find_case_id(query)
    if case_id is not None and (found := list_matching(session, col(Case.case_id) == case_id, limit=1)):
        return found
    found_range = find_case_range(query)
    return _find_referred(session, [found_range], limit) if found_range else []


def _guess_numbered(session: Session, query: str, limit: int) -> list[ListedCase]:
    """The cases of certificate or reference numbers in which two neighbours of what was typed changed places."""
    plain = "".join(c for c in query.upper() if c.isalnum())
    if len(plain) == CERTIFICATE_CHARACTERS:
        numbers = [parse_certificate_number(one) for one in list_exchanged(plain)]
        certified = select(col(CertificateRow.case_id)).where(col(CertificateRow.number).in_(numbers))
        return list_matching(session, col(Case.case_id).in_(list_rows(session, certified)), limit=limit)
    return _find_referred(session, list_alike_ranges(query), limit)


def _find_case_id(query: str) -> str | None:
    try:
        return str(UUID(query.strip()))
    except ValueError:
        return None


def _find_numbered_people(session: Session, query: str, limit: int) -> list[str]:
    """Who has this phone or license number, or this NPN however it is written."""
    return next(filter(None, (_find_people(session, [number], limit) for number in _list_numbers(query))), [])


def _list_numbers(query: str) -> list[str]:
    """The NPN, the phone and the license number that a whole query may be, each as terms have it."""
    return [*dict.fromkeys(filter(None, (parse_npn(query[:LONGEST]), find_number(query))))]


def _guess_people(session: Session, words: Sequence[str], limit: int) -> list[str]:
    """Who has a word that differs by one typo from one of these, and every other one as it is."""
    for word in words:
        # Each word that somebody has is looked for as any other is: by the rarest one.
        known = select(col(SearchTerm.term)).where(col(SearchTerm.term).in_(list_alike(word))).distinct()
        meant = list_rows(session, known.limit(MOST_GUESSED))
        others = [other for other in words if other != word]
        found = dict.fromkeys(one for term in meant for one in _find_people(session, [term, *others], limit))
        if found:
            return [*found][:limit]
    return []


def _find_certified(session: Session, query: str) -> str | None:
    """The case of the certificate of this number."""
    row = session.get(CertificateRow, parse_certificate_number(query))
    return row.case_id if row else None


def _find_referred(session: Session, ranges: Sequence[CaseRange], limit: int) -> list[ListedCase]:
    """The cases of reference numbers, their own or those of requests sent again; two of one, where chance has it so."""
    if not ranges:
        return []
    # A request sent again was confirmed under a number of its own.
    is_again = or_(*(col(ReferenceAlias.alias_id).between(*ids) for ids in ranges))
    again = list_rows(session, select(col(ReferenceAlias.case_id)).where(is_again).limit(limit))
    is_meant = or_(*(col(Case.case_id).between(*ids) for ids in ranges), col(Case.case_id).in_(again))
    return list_matching(session, is_meant, limit=limit)


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
