"""Who an assister is and what earlier years make of them: new, returning or lapsed (A1, A8, A9)."""

import unicodedata
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


class AssisterHistory(BaseModel):
    """What our own records and imported ones know of a person before this case.

    ``ever_registered``: registered in the LMS at some time, even if no account is left.
    """

    model_config = ConfigDict(frozen=True)

    certified_years: frozenset[int] = frozenset()
    ever_registered: bool = False
    has_lms_account: bool = False
    has_portal_account: bool = False
    has_portal_profile: bool = False
    has_scheduling_tool: bool = False

    def before(self, plan_year: int) -> "AssisterHistory":
        """The same standing with only the certifications of years earlier than ``plan_year`` (A9)."""
        return self.model_copy(update={"certified_years": frozenset(y for y in self.certified_years if y < plan_year)})


def classify(standing: AssisterHistory) -> AssisterType:
    """New, returning or lapsed; ``standing`` counts earlier plan years only (A8, A9)."""
    if standing.certified_years and standing.has_portal_account:
        return AssisterType.RETURNING
    if not standing.certified_years and not standing.ever_registered and not standing.has_lms_account:
        return AssisterType.NEW
    return AssisterType.LAPSED


_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "v", "esq", "md", "phd"})


def _words(name: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKD", name).casefold()
    letters = "".join(c if c.isalnum() else "" if unicodedata.combining(c) or c in "'’." else " " for c in folded)
    return tuple(letters.split())


def _comparable(name: str) -> str:
    words = _words(name)
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words = words[:-1]
    return "".join(words)


def same_name(first: str, last: str, other_first: str, other_last: str) -> bool:
    """Whether two names are one person's: without case, accents, punctuation and suffixes (A13)."""
    return _comparable(first) == _comparable(other_first) and _comparable(last) == _comparable(other_last)
