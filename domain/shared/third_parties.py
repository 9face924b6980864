"""The third parties we call, and what is seen of them: when they last did what was asked, and since when they don't."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ThirdParty(StrEnum):
    """Whom we call. Our own database and the certificate's signer, which asks nobody, are none."""

    MAIL = "mail"
    REGISTRY = "registry"
    REGISTRY_ALERTS = "registry_alerts"
    LMS = "lms"
    MLMS = "mlms"
    PORTAL = "portal"
    BACKGROUND_CHECKS = "background_checks"
    LISTS = "lists"
    ABSORB = "absorb"


@dataclass(frozen=True)
class CallsSeen:
    """What came of calls to one third party, each moment None where there was none.

    ``succeeded_at`` is the last call that did what was asked; ``answered_at`` the last answer, though it were a
    refusal; ``failed_at`` the last call that didn't, with ``failure_code``; ``silent_since`` the first one of those
    without an answer since the last answer. ``carries_letters`` is of the mail server alone: whether it takes addresses
    with accents and other letters before the @ (SMTPUTF8), as it said last.
    """

    succeeded_at: datetime | None = None
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    failure_code: str | None = None
    silent_since: datetime | None = None
    carries_letters: bool | None = None


def build_success(at: datetime) -> CallsSeen:
    """A call that did what was asked."""
    return CallsSeen(succeeded_at=at, answered_at=at)


def build_failure(at: datetime, code: str, *, is_answered: bool) -> CallsSeen:
    """A call that failed; ``is_answered`` where the third party said no, rather than nothing."""
    if is_answered:
        return CallsSeen(answered_at=at, failed_at=at, failure_code=code)
    return CallsSeen(failed_at=at, failure_code=code, silent_since=at)


def add_calls(kept: CallsSeen, seen: CallsSeen) -> CallsSeen:
    """What both come to together, in whichever order they are told: several workers call the same third party."""
    answered_at = _find_latest(kept.answered_at, seen.answered_at)
    silences = [
        one
        for one in (kept.silent_since, seen.silent_since)
        if one is not None and (answered_at is None or one > answered_at)
    ]
    failed_at = _find_latest(kept.failed_at, seen.failed_at)
    return CallsSeen(
        succeeded_at=_find_latest(kept.succeeded_at, seen.succeeded_at),
        answered_at=answered_at,
        failed_at=failed_at,
        failure_code=seen.failure_code if failed_at == seen.failed_at else kept.failure_code,
        silent_since=min(silences, default=None),
        carries_letters=kept.carries_letters if seen.carries_letters is None else seen.carries_letters,
    )


def _find_latest(*moments: datetime | None) -> datetime | None:
    return max((one for one in moments if one is not None), default=None)
