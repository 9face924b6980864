"""Who an assister is, who is the same person, and what is known of their earlier years (A1, A8–A10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.shared.search_words import normalize_text


class Kind(StrEnum):
    """The three kinds of assister of the guide (A1)."""

    AGENT = "agent"
    BROKER = "broker"
    ENROLLMENT_COUNSELOR = "enrollment_counselor"

    @property
    def is_licensed(self) -> bool:
        """Agents and brokers hold a licence and an NPN; counselors do not (A3)."""
        return self is not Kind.ENROLLMENT_COUNSELOR


class AssisterType(StrEnum):
    """What earlier years make of a person (A8, A9)."""

    NEW = "new"
    RETURNING = "returning"
    LAPSED = "lapsed"


class YearRecord(BaseModel):
    """What is known of a person in one plan year of a program: by our own records, or imported (A8, A9, B1)."""

    model_config = ConfigDict(frozen=True)

    plan_year: int
    registered: bool = False
    trained: bool = False
    certified: bool = False
    individual_market: bool = False


class AssisterHistory(BaseModel):
    """What is known of a person in one program before a case is opened; years in no order, a year maybe twice."""

    model_config = ConfigDict(frozen=True)

    years: tuple[YearRecord, ...] = ()
    has_lms_account: bool = False
    has_portal_account: bool = False
    has_portal_profile: bool = False
    has_scheduling_tool: bool = False


@dataclass(frozen=True)
class Identity:
    """By what people are told apart: NPN, else e-mail; and the name they go by (A10)."""

    npn: str | None
    email: str
    first_name: str
    last_name: str


_MOST_COMPARED = 200
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "v", "esq", "md", "phd"})


def _split_words(name: str) -> tuple[str, ...]:
    letters = "".join(c if c.isalnum() else "" if c in "'’." else " " for c in normalize_text(name))
    words = tuple(letters.split())
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words = words[:-1]
    return words


def _normalize_name(name: str) -> str:
    return "".join(_split_words(name))


def is_same_name(first: str, last: str, other_first: str, other_last: str) -> bool:
    """Whether two names are one person's: without case, accents, punctuation and suffixes (A13)."""
    return _normalize_name(first) == _normalize_name(other_first) and _normalize_name(last) == _normalize_name(
        other_last
    )


def is_alike_name(first: str, last: str, other_first: str, other_last: str) -> bool:
    """Whether one of two names may be the other, written shorter: without a second given name, or a second surname.

    A likeness is for a person to look at; it says neither that they are one nor that they aren't (P19).
    """
    return _is_likeness(first, other_first) and _is_likeness(last, other_last)


def _is_likeness(name: str, other: str) -> bool:
    one, two = (_split_words(text[:_MOST_COMPARED]) for text in (name, other))
    return _is_part(one, two) or _is_part(two, one)


def _is_part(words: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether words are some of a name's, however they are joined: *DELAMUESTRA* is of *De la Muestra Ejemplo*."""
    joined, places = "".join(words), range(len(whole) + 1)
    return bool(words) and (
        set(words) <= set(whole)
        or any("".join(whole[begin:end]) == joined for begin in places for end in places[begin + 1 :])
    )


def is_same_person(one: Identity, other: Identity) -> bool:
    """Whether two who share an NPN or e-mail give the same e-mail and the same name (A10)."""
    return one.email.lower() == other.email.lower() and is_same_name(
        one.first_name, one.last_name, other.first_name, other.last_name
    )
