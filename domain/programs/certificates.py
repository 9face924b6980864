"""When a certificate of either program may be issued, and what it is worth today."""

from datetime import date

from domain.federal.markets import Market
from domain.federal.registration import RegistrationState
from domain.programs.state import CaseState
from domain.shared.cases.stages import TAKEN_BACK, Stage
from domain.state.may_assist import is_certificate_due


def may_issue_certificate(state: CaseState, market: str) -> bool:
    """Whether a certificate is due, or was before: a repeat finds the first (A23, B17).

    ``market`` is empty in the state program.
    """
    if isinstance(state, RegistrationState):
        return Market(market) in state.completed_at
    return state.certificate is not None or is_certificate_due(state)


def find_newest_number(state: CaseState, market: str) -> str | None:
    """The number of the certificate that supersedes every other one of this market (E11); None before the first."""
    newest = state.certificates.get(Market(market)) if isinstance(state, RegistrationState) else state.certificate
    return newest.number if newest is not None else None


def find_certificate_status(
    state: CaseState, number: str, market: str, valid_until: date | None, today: date, *, is_unproven: bool
) -> str:
    """valid, superseded by a newer one, withdrawn, revoked, expired or unproven (A24).

    ``market`` is empty in the state program. ``is_unproven``: whose the case's NPN is has still to be proven, since a
    profile has named another one (D2).
    """
    if state.stage is Stage.WITHDRAWN:
        return "withdrawn"
    if state.stage in TAKEN_BACK:
        return "revoked"
    if find_newest_number(state, market) not in (None, number):
        return "superseded"
    if state.stage is Stage.CLOSED or (valid_until is not None and today > valid_until):
        return "expired"
    return "unproven" if is_unproven else "valid"
