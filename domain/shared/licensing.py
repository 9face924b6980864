"""What a licence registry says of a producer, in our own words, and what follows for any program (A13, E15).

No registry's format is known here.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.shared.license_words import find_license_words


class License(BaseModel):
    """One state licence of a producer. ``state`` is a two-letter code, ``expires`` the last valid day.

    ``lines`` are its lines of authority as the registry writes them, ``ended_lines`` those that it says aren't active.
    """

    model_config = ConfigDict(frozen=True)

    state: str
    number: str
    residency: Literal["resident", "nonresident"] | None
    active: bool
    expires: date | None
    lines: tuple[str, ...]
    ended_lines: tuple[str, ...] = ()


class Producer(BaseModel):
    """The holder of a National Producer Number (NPN): a person or a firm (A13, B10).

    ``contact_emails`` are the addresses at which the registry reaches them, in lower case (D2).
    """

    model_config = ConfigDict(frozen=True)

    npn: str
    entity: Literal["individual", "firm"]
    first_name: str
    last_name: str
    suffix: str = ""
    company: str
    contact_emails: tuple[str, ...] = ()
    licenses: tuple[License, ...]


class HealthLine(StrEnum):
    """Whether licences have the health line of authority, each by its state's own words (E15)."""

    HELD = "held"
    MISSING = "missing"
    OTHER_WORDS = "other_words"
    NOT_REPORTED = "not_reported"


def find_health_line(licenses: Sequence[License]) -> HealthLine:
    """What the lines of these licences come to: one that has it is enough.

    Words that may mean it and aren't known here are never taken for its absence, nor is the registry's silence.
    """
    held = [(one.state, _plain(line)) for one in licenses for line in one.lines]
    words = find_license_words()
    if any(line in words.usual or line in words.states.get(state, ()) for state, line in held):
        return HealthLine.HELD
    if any(_may_be_health(line) for _, line in held):
        return HealthLine.OTHER_WORDS
    return HealthLine.MISSING if held or any(one.ended_lines for one in licenses) else HealthLine.NOT_REPORTED


def _may_be_health(line: str) -> bool:
    words = find_license_words()
    return any(word in line for word in words.hints) and not any(word in line for word in words.other_lines)


def _plain(line: str) -> str:
    letters = line.casefold().replace("&", " and ")
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())


def is_in_force(license_: License, today: date) -> bool:
    """Whether its last valid day has not passed."""
    return license_.expires is None or license_.expires >= today


def is_being_renewed(license_: License, today: date) -> bool:
    """Whether it is past its last day by no more than a renewal takes, and still shown as active."""
    expires = license_.expires
    renewal = timedelta(days=find_license_words().renewal_days)
    return license_.active and expires is not None and timedelta(0) < today - expires <= renewal


def strip_number(number: str) -> str:
    """A licence's number or an NPN as it is compared: small letters and digits, no leading zeros."""
    return "".join(c for c in number.casefold() if c.isalnum()).lstrip("0")
