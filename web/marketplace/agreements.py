"""The agreements as pages, launched, read, then accepted; and the certificates they lead to (B16, B17)."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from domain.federal.agreements import find_marketplace_agreement
from domain.federal.markets import Market, MarketplaceAgreement
from domain.federal.steps import find_acceptance_refusal
from domain.shared.faults import Invalid
from domain.shared.links import STATUS_PATH
from domain.shared.notices import Topic
from domain.shared.policy import describe_contact
from domain.shared.reasons import Reason, Refusal
from web.http.auth import LINK
from web.http.forms import read_form
from web.http.pages import PRIVATE, render_page
from web.http.problem_pages import NO_CERTIFICATE, NO_FILE
from web.http.rate_limits import limit_rate
from web.http.sentences import explain
from web.marketplace.layout import (
    NO_SUCH_STEP,
    REFUSED,
    Visit,
    back,
    ended,
    refused,
    sentences_of,
    unknown_link,
    visit_of,
)
from web.services import Services, ServicesDep

router = APIRouter(
    prefix=STATUS_PATH, include_in_schema=False, default_response_class=HTMLResponse, dependencies=[LINK]
)


# the agreements


@router.get("/agreements/{name}")
async def agreement(token: str, name: str, request: Request, services: ServicesDep) -> Response:
    """An agreement before it is launched; its text once it is accepted (B16)."""
    visit = await visit_of(request, services, token)
    if visit is None:
        return unknown_link(request, services)
    return await _agreement(services, visit, name)


@router.get("/agreements/{name}/open")
@router.get("/agreements/{name}/accept")
async def launch_anew(token: str, name: str, request: Request, services: ServicesDep) -> Response:
    """Where a browser comes back to after a form post: the agreement is launched anew."""
    visit = await visit_of(request, services, token)
    return back(visit, f"/agreements/{_named(name)}") if visit and _named(name) else unknown_link(request, services)


@router.post("/agreements/{name}/open", dependencies=[limit_rate("api")])
async def launch_agreement(token: str, name: str, request: Request, services: ServicesDep) -> Response:
    """Launch: the full text, and "I Agree" after its end; that it was opened is recorded (B16)."""
    visit = await visit_of(request, services, token)
    if visit is None:
        return unknown_link(request, services)
    if visit.place.state.ended:
        return ended(services, visit)
    wanted = _named(name)
    if wanted is None:
        return refused(services, visit, NO_SUCH_STEP, 404)
    try:
        await services.registrations.open_agreement(visit.place.case.case_id, wanted, visit.language)
    except Refusal as refusal:
        return refused(services, visit, REFUSED, 409, explain(refusal.reason, visit.language))
    return await _agreement(services, await _again(request, services, visit), name, launched=True)


@router.post("/agreements/{name}/accept", dependencies=[limit_rate("api")])
async def accept(token: str, name: str, request: Request, services: ServicesDep) -> Response:
    """I Agree, to the text whose hash the page holds (B16)."""
    visit = await visit_of(request, services, token)
    if visit is None:
        return unknown_link(request, services)
    if visit.place.state.ended:
        return ended(services, visit)
    wanted, values = _named(name), await read_form(request)
    if wanted is None:
        return refused(services, visit, NO_SUCH_STEP, 404)
    try:
        await services.registrations.accept_agreement(visit.place.case.case_id, wanted, values.get("sha256", ""))
    except Invalid as invalid:
        return refused(services, visit, REFUSED, 422, sentences_of(invalid.faults, visit.language))
    except Refusal as refusal:
        return refused(services, visit, REFUSED, 409, explain(refusal.reason, visit.language))
    return back(visit, told="accepted")


async def _again(request: Request, services: Services, visit: Visit) -> Visit:
    """The same visit, with the registration as it stands now."""
    return await visit_of(request, services, visit.token) or visit


async def _agreement(services: Services, visit: Visit, name: str, launched: bool = False) -> HTMLResponse:
    place, language = visit.place, visit.language
    wanted = _named(name)
    standing = next((one for one in place.state.agreements if one.agreement == wanted), None)
    if wanted is None or standing is None:
        return refused(services, visit, NO_SUCH_STEP, 404)
    accepted = standing.accepted_at is not None
    why_not = find_acceptance_refusal(place.state, wanted) if launched else None
    read_in = standing.language if accepted and standing.language else language
    here = f"/agreements/{wanted}"
    return render_page(
        services,
        "portal_agreement.html",
        language,
        describe_contact(place.policy, Topic.TRAINING, language),
        here=f"{visit.home}{here}",
        home_url=visit.url(),
        agreement=wanted,
        market=wanted.market,
        version=standing.version,
        text=find_marketplace_agreement(wanted, read_in) if launched or accepted else None,
        accepted_at=standing.accepted_at,
        open_action=None if accepted or launched or place.state.ended else visit.url(f"{here}/open"),
        accept_action=visit.url(f"{here}/accept") if launched and not accepted and why_not is None else None,
        why_not=explain(why_not, language) if why_not else None,
    )


def _named(name: str) -> MarketplaceAgreement | None:
    return next((one for one in MarketplaceAgreement if one == name), None)


# the certificates


@router.get("/certificates/{name}")
async def certificate(token: str, name: str, request: Request, services: ServicesDep) -> Response:
    """Print Certificate(s): a market's certificate as a file, once its every step is complete (B17)."""
    visit = await visit_of(request, services, token)
    if visit is None:
        return unknown_link(request, services)
    market = next((one for one in Market if one == name), None)
    if market is None:
        return refused(services, visit, NO_SUCH_STEP, 404)
    issued = visit.place.state.certificates.get(market)
    uri = visit.place.certificate_uris.get(market)
    if issued is None or uri is None:
        why = explain(Reason("certificate_after_all_steps"), visit.language)
        return refused(services, visit, NO_CERTIFICATE, 404, why)
    file = services.settings.certificates_dir / Path(uri).name
    if not file.is_file():
        return refused(services, visit, NO_FILE, 503)
    return FileResponse(
        file, headers=PRIVATE, media_type="application/pdf", filename=f"certificate-{issued.number}.pdf"
    )
