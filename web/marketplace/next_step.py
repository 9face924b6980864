"""From a vendor's site straight to the next step of the registration (B15)."""

from fastapi import Request
from fastapi.responses import RedirectResponse

from db.reads.federal.launches import find_launched_case
from domain.federal.markets import MarketplaceAgreement
from domain.federal.registration import RegistrationState
from domain.federal.steps import find_acceptance_refusal
from domain.shared.cases.stages import WaitingFor
from web.http.auth import OwnPages
from web.http.pages import build_page_router
from web.marketplace.sign_in import RETURNED_PATH
from web.marketplace.visit import find_visit, redirect_back
from web.services import ServicesDep

router = build_page_router()

_PAGES = {
    WaitingFor.MARKETPLACE_PROFILE: "/profile",
    WaitingFor.MARKETPLACE_TRAINING: "/training",
}


@router.get(RETURNED_PATH)
async def lead_to_next_step(
    learner: str, request: Request, services: ServicesDep, visitor: OwnPages
) -> RedirectResponse:
    """Leads who comes back from a vendor to what is to be done now, in the registration the course belongs to."""
    case_id = await services.database.read(find_launched_case, learner)
    visit = await find_visit(case_id or "", request, services, visitor)
    return redirect_back(visit, find_next_page(visit.registration.state), back="1")


def find_next_page(state: RegistrationState) -> str:
    """The page of what is to be done now, under the registration's own; "" for that itself.

    An agreement that can be accepted comes first, though another market may still wait for its training.
    """
    if state.ended:
        return ""
    for one in state.agreements:
        if one.accepted_at is None and _is_ready(state, one.agreement):
            return f"/agreements/{one.agreement}"
    return _PAGES.get(state.waiting_for, "") if state.waiting_for else ""


def _is_ready(state: RegistrationState, name: MarketplaceAgreement) -> bool:
    """Whether an agreement can be opened now, and then accepted."""
    why_not = find_acceptance_refusal(state, name)
    return why_not is None or why_not.code == "agreement_not_opened"
