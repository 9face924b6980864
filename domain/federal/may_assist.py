"""What a registration's state allows: helping consumers in the Marketplace; and its parts of the status document."""

from datetime import date
from typing import Any

from domain.federal.markets import Market, NpnStatus
from domain.federal.profile import ProfileStatus
from domain.federal.registration import RegistrationState
from domain.shared.cases.authority import describe_authority

MAY_ASSIST_REASONS = (
    "not_an_agent_broker",
    "profile_not_complete",
    "npn_not_verified",
    "training_not_complete",
    "agreements_not_accepted",
    "no_certificate",
    "certificate_expired",
    "withdrawn",
    "revoked",
    "terminated",
    "license_lapsed",
    "suspended_by_staff",
    "system_suspension",
    "closed",
    "under_appeal",
)


def list_marketplace_obstacles(state: RegistrationState, today: date, last_day: date | None = None) -> list[str]:
    """Why this person may not help consumers: codes of reasons; empty when they may in some market.

    ``last_day`` is that of a certificate which was issued without one.
    """
    reasons = [state.stage.value] if state.ended else [cause.value for cause in state.authority.causes]
    if not state.is_listed_role:
        reasons.append("not_an_agent_broker")
    if state.opening.npn_unproven and not state.profile.confirmed_before:
        reasons.append("npn_not_verified")
    elif not state.profile.confirmed_before:  # a registry that is silent now takes nothing away
        if state.profile.npn in (NpnStatus.UNVERIFIED, NpnStatus.REFUSED):
            reasons.append("npn_not_verified")
        elif state.profile.status is not ProfileStatus.COMPLETE:
            reasons.append("profile_not_complete")
    return reasons + min((_list_market_obstacles(market, state, today, last_day) for market in state.markets), key=len)


def _list_market_obstacles(market: Market, state: RegistrationState, today: date, last_day: date | None) -> list[str]:
    reasons = []
    if market not in state.trained_at:
        reasons.append("training_not_complete")
    if market not in state.agreed_at:
        reasons.append("agreements_not_accepted")
    certificate = state.certificates.get(market)
    if certificate is None:
        reasons.append("no_certificate")
    elif (until := certificate.valid_until or last_day) and today > until:
        reasons.append("certificate_expired")
    return reasons


def describe_registration(state: RegistrationState) -> dict[str, Any]:
    """The parts of the status document that follow from the facts alone in the federal program."""
    certificates = [
        {"market": market, **one.model_dump(exclude_unset=True)} for market, one in state.certificates.items()
    ]
    return {
        "stage": state.stage,
        "waiting_for": state.waiting_for,
        "waiting_since": state.waiting_since,
        "markets": [{"market": market, "completed_at": state.completed_at.get(market)} for market in state.markets],
        "profile": state.profile.model_dump(exclude={"confirmed_before"}),
        "enrollments": [one.model_dump() for one in state.enrollments],
        "training": {market.value: state.trained_at.get(market) for market in state.markets},
        "agreements": [one.model_dump() for one in state.agreements],
        "certificate": next(iter(state.certificates.values())).model_dump(exclude_unset=True) if certificates else None,
        "certificates": certificates,
        "publication": {
            "lists": [one.model_dump() for one in state.publication],
            "help_desk_told_at": state.help_desk_told_at,
        },
        **describe_authority(state.authority),
    }
