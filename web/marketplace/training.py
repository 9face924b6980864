"""The training as a page: courses to enrol in, and the way to a vendor's site with a launch ticket (B11–B14)."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.federal.markets import MLMS, Curriculum
from domain.shared.faults import Fault, Invalid
from domain.shared.links import STATUS_PATH
from domain.shared.notices import Topic
from domain.shared.policy import describe_contact
from domain.shared.reasons import Refusal
from web.http.auth import LINK
from web.http.forms import Values, describe_faults, read_form
from web.http.limits import build_content_security_policy
from web.http.pages import PRIVATE, render_page
from web.http.rate_limits import limit_rate
from web.http.sentences import explain
from web.marketplace.home import curricula_of, mlms_of, vendor_sites, vendors_of
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


@router.get("/training")
async def training(token: str, request: Request, services: ServicesDep) -> Response:
    """The courses one is enrolled in, and those that can be added (B11)."""
    visit = await visit_of(request, services, token)
    if visit is None:
        return unknown_link(request, services)
    return back(visit) if visit.place.state.ended else await _training(request, services, visit)


@router.post("/training", dependencies=[limit_rate("api")])
async def enroll(token: str, request: Request, services: ServicesDep) -> Response:
    """Enrols in a course, in the MLMS or at an approved vendor (B11–B13)."""
    visit = await visit_of(request, services, token)
    if visit is None:
        return unknown_link(request, services)
    if visit.place.state.ended:
        return ended(services, visit)
    values = await read_form(request)
    curriculum, channel = _course(values), values.get("channel")
    if curriculum is None or not channel:
        missing = {"curriculum": curriculum, "channel": channel}
        faults = [Fault(name, "required") for name, value in missing.items() if not value]
        return await _training(request, services, visit, values, faults)
    try:
        await services.registrations.enroll_in_course(visit.place.case.case_id, curriculum, channel)
    except Invalid as invalid:
        return await _training(request, services, visit, values, _by_name(visit, invalid.faults))
    except Refusal as refusal:
        return refused(services, visit, REFUSED, 409, explain(refusal.reason, visit.language))
    return back(visit, "/training", enrolled="1")


@router.get("/launches")
async def courses(token: str, request: Request, services: ServicesDep) -> Response:
    """Where a browser comes back to after a launch that was refused: the courses."""
    visit = await visit_of(request, services, token)
    return back(visit, "/training") if visit else unknown_link(request, services)


@router.post("/launches", dependencies=[limit_rate("api")])
async def launch(token: str, request: Request, services: ServicesDep) -> Response:
    """Access Training: a ticket of single use, and on to the vendor's site with it (B14)."""
    visit = await visit_of(request, services, token)
    if visit is None:
        return unknown_link(request, services)
    if visit.place.state.ended:
        return ended(services, visit)
    values = await read_form(request)
    curriculum = _course(values)
    if curriculum is None:
        return refused(services, visit, NO_SUCH_STEP, 422)
    try:
        ticket = await services.registrations.issue_launch_ticket(
            visit.place.case.case_id, curriculum, values.get("channel", "")
        )
    except Invalid as invalid:
        return refused(services, visit, REFUSED, 422, sentences_of(_by_name(visit, invalid.faults), visit.language))
    except Refusal as refusal:
        return refused(services, visit, REFUSED, 409, explain(refusal.reason, visit.language))
    return RedirectResponse(ticket.url, 303, PRIVATE)


async def _training(
    request: Request, services: Services, visit: Visit, values: Values | None = None, faults: Sequence[Fault] = ()
) -> HTMLResponse:
    case, policy, state = visit.place.case, visit.place.policy, visit.place.state
    return render_page(
        services,
        "portal_training.html",
        visit.language,
        describe_contact(policy, Topic.TRAINING, visit.language),
        here=f"{visit.home}/training",
        status=422 if faults else 200,
        headers={**PRIVATE, "Content-Security-Policy": build_content_security_policy(*vendor_sites(services, visit))},
        home_url=visit.url(),
        plan_year=case.plan_year,
        enrolled=request.query_params.get("enrolled") == "1",
        mlms=await mlms_of(services, visit),
        vendors=vendors_of(visit),
        action=visit.url("/training"),
        curricula=curricula_of(state),
        channels=[
            {"channel": MLMS, "name": None, "curricula": list(Curriculum)},
            *({"channel": key, **vendor.model_dump()} for key, vendor in policy.vendors.items()),
        ],
        values=values or {},
        errors=describe_faults(faults, visit.language),
    )


def _course(values: Values) -> Curriculum | None:
    return next((one for one in Curriculum if one == values.get("curriculum")), None)


def _by_name(visit: Visit, faults: Sequence[Fault]) -> list[Fault]:
    """Faults that list vendors name them as the page does, not by their ids."""
    vendors = visit.place.policy.vendors

    def named(ids: str) -> str:
        return ", ".join(vendors[one].name if one in vendors else one.upper() for one in ids.split(", "))

    return [
        Fault(one.field, one.code, {**one.details, "channels": named(one.details["channels"])})
        if "channels" in one.details
        else one
        for one in faults
    ]
