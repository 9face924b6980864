"""The training as a page: courses to enrol in, and the way to a vendor's site with a launch ticket (B11–B14)."""

from collections.abc import Sequence

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.federal.markets import MLMS, Curriculum
from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.links import OWN_CASE_PATH
from web.field_words import word_faults
from web.http.forms import Values, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.rate_limits import limit_rate
from web.marketplace.home import allow_vendor_sites, describe_mlms_courses, describe_vendor_courses, list_curricula
from web.marketplace.next_step import find_next_page
from web.marketplace.visit import (
    NO_SUCH_STEP,
    CurrentVisit,
    OpenVisit,
    Visit,
    VisitRefused,
    explain_refusals,
    name_vendors,
    redirect_back,
)

PATH = "/training"

router = build_page_router(prefix=OWN_CASE_PATH)


@router.get(PATH)
async def show_training(visit: CurrentVisit) -> Response:
    """The courses one is enrolled in, and those that can be added (B11).

    Who is back from a vendor is led on as soon as something else is to be done (B15).
    """
    if visit.registration.state.ended:
        return redirect_back(visit)
    following = find_next_page(visit.registration.state)
    if _is_back(visit) and following != PATH:
        return redirect_back(visit, following, back="1")
    return await _render_training(visit)


@router.post(PATH, dependencies=[limit_rate("api")])
async def enroll_in_course(visit: OpenVisit) -> Response:
    """Enrols in a course, in the MLMS or at an approved vendor (B11–B13)."""
    values = await read_form(visit.request)
    curriculum, channel = _read_curriculum(values), values.get("channel")
    if curriculum is None or not channel:
        missing = {"curriculum": curriculum, "channel": channel}
        faults = [Fault(name, "required") for name, value in missing.items() if not value]
        return await _render_training(visit, values, faults)
    with explain_refusals(visit):
        try:
            await visit.services.registrations.enroll_in_course(visit.case_id, curriculum, channel)
        except Invalid as invalid:
            return await _render_training(visit, values, name_vendors(visit, invalid.faults))
    return redirect_back(visit, PATH, enrolled="1")


@router.get("/launches")
async def redirect_to_training(visit: CurrentVisit) -> Response:
    """Where a browser comes back to after a launch that was refused: the courses."""
    return redirect_back(visit, PATH)


@router.post("/launches", dependencies=[limit_rate("api")])
async def launch_course(visit: OpenVisit) -> Response:
    """Access Training: a ticket of single use, and on to the vendor's site with it (B14)."""
    values = await read_form(visit.request)
    curriculum = _read_curriculum(values)
    if curriculum is None:
        raise VisitRefused(NO_SUCH_STEP, 422, visit)
    with explain_refusals(visit):
        channel = values.get("channel", "")
        ticket = await visit.services.registrations.issue_launch_ticket(visit.case_id, curriculum, channel)
    return RedirectResponse(ticket.url, 303, PRIVATE)


async def _render_training(visit: Visit, values: Values | None = None, faults: Sequence[Fault] = ()) -> HTMLResponse:
    return visit.render_page(
        "portal_training.html",
        Topic.TRAINING,
        PATH,
        status=422 if faults else 200,
        headers=allow_vendor_sites(visit),
        home_url=visit.url(),
        plan_year=visit.registration.case.plan_year,
        enrolled=visit.request.query_params.get("enrolled") == "1",
        is_back=_is_back(visit),
        again_url=visit.url(PATH, back="1"),
        mlms=await describe_mlms_courses(visit),
        vendors=describe_vendor_courses(visit),
        action=visit.url(PATH),
        curricula=list_curricula(visit.registration.state),
        channels=[
            {"channel": MLMS, "name": None, "curricula": list(Curriculum)},
            *({"channel": key, **vendor.model_dump()} for key, vendor in visit.registration.policy.vendors.items()),
        ],
        values=values or {},
        errors=word_faults(faults, visit.language),
    )


def _is_back(visit: Visit) -> bool:
    """Whether somebody comes straight from a vendor's site."""
    return visit.request.query_params.get("back") == "1"


def _read_curriculum(values: Values) -> Curriculum | None:
    return next((one for one in Curriculum if one == values.get("curriculum")), None)
