"""The agreements as pages: launched, read, then accepted (B16)."""

from fastapi.responses import HTMLResponse, Response

from domain.federal.agreements import find_marketplace_agreement
from domain.federal.markets import MarketplaceAgreement
from domain.federal.steps import find_acceptance_refusal
from domain.shared.cases.notices import Topic
from domain.shared.links import OWN_CASE_PATH
from web.http.forms import read_form
from web.http.pages import build_page_router
from web.http.rate_limits import limit_rate
from web.http.sentences import explain_reason
from web.marketplace.visit import (
    NO_SUCH_STEP,
    CurrentVisit,
    OpenVisit,
    Visit,
    VisitRefused,
    explain_refusals,
    find_visit,
    redirect_back,
)

router = build_page_router(prefix=OWN_CASE_PATH)


@router.get("/agreements/{name}")
async def show_agreement(name: str, visit: CurrentVisit) -> Response:
    """An agreement before it is launched; its text once it is accepted (B16)."""
    return _render_agreement(visit, _find_agreement(visit, name))


@router.get("/agreements/{name}/open")
@router.get("/agreements/{name}/accept")
async def redirect_to_agreement(name: str, visit: CurrentVisit) -> Response:
    """Where a browser comes back to after a form post: the agreement is launched anew."""
    return redirect_back(visit, f"/agreements/{_find_agreement(visit, name)}")


@router.post("/agreements/{name}/open", dependencies=[limit_rate("api")])
async def launch_agreement(name: str, visit: OpenVisit) -> Response:
    """Launch: the full text, and "I Agree" after its end; that it was opened is recorded (B16)."""
    wanted = _find_agreement(visit, name)
    with explain_refusals(visit):
        await visit.services.registrations.open_agreement(visit.case_id, wanted, visit.language)
    now_opened = await find_visit(visit.reference, visit.request, visit.services, visit.visitor)
    return _render_agreement(now_opened, wanted, launched=True)


@router.post("/agreements/{name}/accept", dependencies=[limit_rate("api")])
async def accept_agreement(name: str, visit: OpenVisit) -> Response:
    """I Agree, to the text whose hash the page holds (B16)."""
    wanted, values = _find_agreement(visit, name), await read_form(visit.request)
    with explain_refusals(visit):
        await visit.services.registrations.accept_agreement(visit.case_id, wanted, values.get("sha256", ""))
    return redirect_back(visit, told="accepted")


def _find_agreement(visit: Visit, name: str) -> MarketplaceAgreement:
    """The agreement of this name. Raises `VisitRefused` where there is none."""
    for one in MarketplaceAgreement:
        if one == name:
            return one
    raise VisitRefused(NO_SUCH_STEP, 404, visit)


def _render_agreement(visit: Visit, wanted: MarketplaceAgreement, launched: bool = False) -> HTMLResponse:
    """The page of an agreement. Raises `VisitRefused` for one that the registration's markets don't ask for."""
    state, language = visit.registration.state, visit.language
    standing = next((one for one in state.agreements if one.agreement == wanted), None)
    if standing is None:
        raise VisitRefused(NO_SUCH_STEP, 404, visit)
    accepted = standing.accepted_at is not None
    why_not = find_acceptance_refusal(state, wanted) if launched else None
    read_in = standing.language if accepted and standing.language else language
    here = f"/agreements/{wanted}"
    return visit.render_page(
        "portal_agreement.html",
        Topic.TRAINING,
        here,
        home_url=visit.url(),
        is_back=visit.request.query_params.get("back") == "1" and not accepted,
        agreement=wanted,
        market=wanted.market,
        version=standing.version,
        text=find_marketplace_agreement(wanted, read_in) if launched or accepted else None,
        accepted_at=standing.accepted_at,
        open_action=None if accepted or launched or state.ended else visit.url(f"{here}/open"),
        accept_action=visit.url(f"{here}/accept") if launched and not accepted and why_not is None else None,
        why_not=explain_reason(why_not, language) if why_not else None,
    )
