"""What becomes of an event that somebody reports about a case: told to its workflow, or without effect (A24, C5)."""

from enum import StrEnum

from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import ENDED


class EventSource(StrEnum):
    """Who reports; each has its signal."""

    LMS = "lms"
    PORTAL = "portal"
    BACKGROUND_CHECKS = "background-checks"
    VENDORS = "vendors"
    ASSISTER = "assister"
    STAFF = "staff"
    AUTHORITY = "authority"


class EventState(StrEnum):
    """Whether the case's workflow has been told of an event.

    One that is *expected* is what its sender says on the way to what counts: it is stored, and wants nothing (P15).
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    WITHOUT_EFFECT = "without_effect"
    EXPECTED = "expected"


# Codes of reasons: a report that came too early, of which staff are told.
PREMATURE = frozenset({"before_certificate", "account_not_set_up"})
# A report on the way to the one that counts, of a kind that its sender is known to send.
ON_THE_WAY = "on_the_way"
# Why staff can't have an event delivered, by why it has no effect; any other one was reported too early (A24).
_REFUSED = {
    "case_ended": "webhook_ended",
    "not_final": "webhook_not_final",
    ON_THE_WAY: "webhook_not_final",
    "reported_before": "webhook_repeated",
    "check_outdated": "webhook_outdated",
}
_TOO_EARLY = "webhook_premature"


def find_reason_without_effect(stage: str, found: Reason | None) -> Reason | None:
    """Why an event has no effect: its case had ended, or what else was ``found``; None where it counts."""
    wants_nothing = found is not None and found.code == ON_THE_WAY
    return Reason("case_ended", {"stage": stage}) if stage in ENDED and not wants_nothing else found


def find_event_state(reason: Reason | None) -> EventState:
    """How an event is stored, by why it has no effect; None where it counts."""
    if reason is None:
        return EventState.PENDING
    return EventState.EXPECTED if reason.code == ON_THE_WAY else EventState.WITHOUT_EFFECT


def find_release_refusal(reason: Reason | None) -> Reason | None:
    """Why staff can't have an event delivered that has no effect for this reason; None for one that counts."""
    return None if reason is None else Reason(_REFUSED.get(reason.code, _TOO_EARLY))


def find_delivery_refusal(state: str, code: str | None) -> Reason | None:
    """Why staff can't have a held event delivered; ``code`` says why it has no effect, where that is known."""
    if state in (EventState.WITHOUT_EFFECT, EventState.EXPECTED):
        return Reason(_REFUSED.get(code or "", _TOO_EARLY))
    return None if state == EventState.PENDING else Reason("webhook_delivered")


def find_altered_refusal(stage: str, *, taken: bool, kept: bool) -> Reason | None:
    """Why staff can't have an altered event taken: it was taken before, its case ended, or too little of it is kept."""
    if taken:
        return Reason("webhook_taken")
    if stage in ENDED:
        return Reason("webhook_ended")
    return None if kept else Reason("webhook_not_kept")
