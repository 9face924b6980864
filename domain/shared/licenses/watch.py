"""The watch over licences of the certified: what an answer of the registry comes to, and when to ask again (E1–E3).

What an answer means is the program's to say (`domain.state.eligibility`, `domain.federal.profile`); here is what both
go by.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from domain.shared.license_words import find_license_words
from domain.shared.licensing import License
from domain.shared.policy import LicenseWatch


class LicenseStanding(StrEnum):
    """What the registry's answer comes to. What is neither right nor wrong by itself changes nothing."""

    GOOD = "good"
    LAPSED = "lapsed"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class LicenseVerdict:
    """How a licence stands: ``reason`` is the code of why it has lapsed, ``expires_on`` its last day if it has one."""

    standing: LicenseStanding
    reason: str | None = None
    expires_on: date | None = None


def find_expiry(licenses: Iterable[License]) -> date | None:
    """The last day on which one of these licences is in force; None where one has no such day, or there is none."""
    days = [one.expires for one in licenses]
    return None if None in days else max((day for day in days if day is not None), default=None)


def find_next_due(rules: LicenseWatch, day: date, expires_on: date | None, *, is_suspended: bool) -> date:
    """When to ask again about somebody the registry has answered about on a day; ``expires_on`` is their last day.

    By the cadence, and sooner where it will have something new to say: the day after the last one of a licence, and
    the day after a renewal can no longer be under way.
    """
    turns = [day + timedelta(days=rules.lapsed_every_days if is_suspended else rules.every_days)]
    if expires_on is not None and not is_suspended:
        turns += [expires_on + timedelta(days=1), expires_on + timedelta(days=find_license_words().renewal_days + 1)]
    return min(turn for turn in turns if turn > day)


def name_license_reminder(expires_on: date, before: int) -> str:
    """What a reminder of a licence's last day is about, as its letter's ``about``: of a last day each is sent once."""
    return f"{expires_on.isoformat()}:{before}"


def read_license_expiry(about: str) -> date:
    """The last day that a letter is about."""
    return date.fromisoformat(about.partition(":")[0])
