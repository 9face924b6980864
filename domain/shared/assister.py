"""Who an assister is, who is the same person, and what is known of their earlier years (A1, A8–A10)."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


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


_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "v", "esq", "md", "phd"})


def _split_words(name: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(c if c.isalnum() else "" if unicodedata.combining(c) or c in "'’." else " " for c in folded)
    return tuple(letters.split())


def _normalize_name(name: str) -> str:
    words = _split_words(name)
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words = words[:-1]
    return "".join(words)


def is_same_name(first: str, last: str, other_first: str, other_last: str) -> bool:
    """Whether two names are one person's: without case, accents, punctuation and suffixes (A13)."""
    return _normalize_name(first) == _normalize_name(other_first) and _normalize_name(last) == _normalize_name(
        other_last
    )


def is_same_person(one: Identity, other: Identity) -> bool:
    """Whether two who share an NPN or e-mail give the same e-mail and the same name (A10)."""
    return one.email.lower() == other.email.lower() and is_same_name(
        one.first_name, one.last_name, other.first_name, other.last_name
    )
