"""What a certification's state allows: the certificate, helping consumers; and its parts of the status document."""

from datetime import date
from typing import Any

from domain.shared.cases.authority import describe_authority
from domain.shared.cases.stages import Stage
from domain.state.adverse_actions import describe_adverse_action
from domain.state.certification import CertificationState, EligibilityStatus

MAY_ASSIST_REASONS = (
    "not_eligible",
    "training_not_complete",
    "exam_not_passed",
    "no_certificate",
    "certificate_expired",
    "portal_not_ready",
    "denied",
    "withdrawn",
    "revoked",
    "terminated",
    "license_lapsed",
    "suspended_by_staff",
    "system_suspension",
    "training_lapsed",
    "closed",
    "under_appeal",
)


def list_obstacles(state: CertificationState, today: date, last_day: date | None = None) -> list[str]:
    """Why this person may not begin helping consumers: codes of reasons; empty when they may (A30).

    ``today`` is the exchange's date; ``last_day`` is that of a certificate which was issued without one. Each step
    that isn't done is named.
    """
    reasons = [state.stage.value] if state.ended else [cause.value for cause in state.authority.causes]
    if state.is_lapsed:
        reasons.append("training_lapsed")
    if state.eligibility is not EligibilityStatus.APPROVED and state.stage is not Stage.DENIED:
        reasons.append("not_eligible")
    if state.trained_at is None:
        reasons.append("training_not_complete")
    if state.passed_at is None:
        reasons.append("exam_not_passed")
    if state.certificate is None:
        reasons.append("no_certificate")
    elif (until := state.certificate.valid_until or last_day) and today > until:
        reasons.append("certificate_expired")
    if not state.portal_ready:
        reasons.append("portal_not_ready")
    return reasons


def is_certificate_due(state: CertificationState) -> bool:
    """Whether the certificate is to be issued: eligible, trained and passed, and none issued yet (A23)."""
    return (
        not state.ended
        and state.eligibility is EligibilityStatus.APPROVED
        and state.trained_at is not None
        and state.passed_at is not None
        and state.certificate is None
    )


def describe_certification(state: CertificationState) -> dict[str, Any]:
    """The parts of the status document that follow from the facts alone."""
    decision = state.decision
    return {
        "stage": state.stage,
        "waiting_for": state.waiting_for,
        "waiting_since": state.waiting_since,
        "eligibility": {
            "status": state.eligibility,
            "decided_by": decision.by if decision else None,
            "decided_at": decision.at if decision else None,
            "reason": decision.reason if decision else None,
            "override": decision.override if decision else None,
            "fields": list(decision.fields) if decision else [],
            "findings": [one.model_dump(exclude_none=True) for one in state.findings],
        },
        "training": {"lms_account": state.lms_account, "profile": state.lms_profile, "completed_at": state.trained_at},
        "exam": {"passed_at": state.passed_at, "attempts": [one.model_dump() for one in state.attempts]},
        "certificate": state.certificate.model_dump(exclude_unset=True) if state.certificate else None,
        "portal": {
            "portal": "broker" if state.opening.kind.is_licensed else "assister",
            "account": state.portal_account,
            "profile": state.portal_profile,
            "scheduling_tool": state.scheduling_tool,
        },
        "adverse_action": describe_adverse_action(state.adverse_action),
        **describe_authority(state.authority),
    }
