"""The request to register with the Marketplace, and the code by which its e-mail address is confirmed first (B3, D1).

Its rules are domain/federal/profile.py; while the code is on its way the answers are kept in a draft.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from db.writes.drafts import SENT, begin_draft, close_draft, find_draft
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.federal.profile import RegistrationRequest, parse_registration
from domain.shared.cases.notices import Topic
from domain.shared.codes import CodeAnswer
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import derive_case_id
from domain.shared.links import OWN_PATH
from domain.shared.policy import choose_policy, describe_contact, describe_npn_lookup, list_open_policies
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.reference_numbers import make_reference_number
from starter.cases import now
from web.codes import (
    TOO_OFTEN,
    CodeForm,
    ask_for_code,
    find_asked_email,
    keep_owner_signed_in,
    prepare_taking,
    render_code_form,
    use_typed_code,
)
from web.http.addresses import set_language
from web.http.auth import LINK, PUBLIC, find_own_visitor
from web.http.forms import Values, describe_faults, read_form
from web.http.limits import choose_cookie
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router, render_page
from web.http.rate_limits import limit_rate
from web.marketplace.form import SHAPE, sort_faults
from web.services import Services, ServicesDep

router = build_page_router(prefix="/portal/register")

FORM, CONFIRM, DONE = "/portal/register", "/portal/register/confirm", "/portal/register/done"
COOKIE = "registration_draft"
# What is left of a draft that was sent, for its confirmation.
LEFT = ("email", "plan_year")


@router.get("", dependencies=[PUBLIC])
async def show_registration_form(request: Request, services: ServicesDep) -> HTMLResponse:
    """The form, for the newest plan year that is open or the one asked for; filled in where a code is awaited."""
    kept = await _load_answers(request, services) if "change" in request.query_params else None
    year = request.query_params.get("plan_year") or (kept or {}).get("plan_year")
    policy, faults = choose_policy(FEDERAL_POLICIES.values(), year, now())
    return _render_registration_form(services, choose_language(request), policy, kept or {}, faults)


@router.post("", dependencies=[PUBLIC, limit_rate("request")])
async def send_registration(request: Request, services: ServicesDep) -> Response:
    """Takes the request of who is signed in by its e-mail address; everybody else is sent a code first (D1).

    Faults are shown at their fields, the answers kept.
    """
    language, values = choose_language(request), await read_form(request)
    policy, _ = choose_policy(FEDERAL_POLICIES.values(), values.get("plan_year"), now())
    try:
        wanted = parse_registration(SHAPE.read_document(values))
    except Invalid as invalid:
        return _render_registration_form(services, language, policy, values, sort_faults(invalid.faults), 422)
    name, path = _choose_cookie(services)
    before = request.cookies.get(name)
    token = await services.database.write(begin_draft, values, now(), before)
    visitor = await find_own_visitor(request, services)
    if visitor is not None and visitor.email == wanted.email.lower():
        answer = await _take_request(services, token, wanted)
    else:
        answer = RedirectResponse(set_language(CONFIRM, language), 303, PRIVATE)
        if not await ask_for_code(request, services, answer, wanted.email):
            faults = [Fault("email", TOO_OFTEN)]
            return _render_registration_form(services, language, policy, values, faults, 429)
    secure = services.settings.is_secure
    answer.set_cookie(name, token, path=path, secure=secure, httponly=True, samesite="lax")
    return answer


@router.get("/confirm", dependencies=[LINK])
async def show_confirmation(request: Request, services: ServicesDep) -> Response:
    """Where the code is typed in that was sent to the address of the request."""
    return await _render_confirmation(request, services)


@router.post("/confirm", dependencies=[LINK, limit_rate("code")])
async def confirm_address(request: Request, services: ServicesDep) -> Response:
    """Takes the request once the code is right, which also signs in to one's own pages; or has another code sent."""
    values, kept = await read_form(request), await _load_answers(request, services)
    if kept is None:
        return RedirectResponse(FORM, 303, PRIVATE)
    wanted = _read_request(kept)
    if wanted is not None and "email" in values:
        return await _send_another_code(request, services, kept, wanted)
    if wanted is None:
        return RedirectResponse(f"{FORM}?change=1", 303, PRIVATE)
    take = prepare_taking(request, services, wanted, request.cookies[_choose_cookie(services)[0]], LEFT)
    tried, taken = await use_typed_code(request, services, values, take)
    if tried.answer is not CodeAnswer.RIGHT:
        return await _render_confirmation(request, services, tried.answer)
    if taken is None:  # the address was changed meanwhile
        return RedirectResponse(f"{FORM}?change=1", 303, PRIVATE)
    answer = _answer_taken(services, taken.case_id)
    keep_owner_signed_in(services, answer, taken.token)
    return answer


@router.get("/done", dependencies=[LINK])
async def show_done(request: Request, services: ServicesDep) -> Response:
    """What happens next, for whoever has just sent a request, whatever became of it (D4)."""
    kept = await _load_draft(request, services)
    if kept is None or SENT not in kept:
        return RedirectResponse(FORM, 303, PRIVATE)
    language = choose_language(request)
    policy, _ = choose_policy(FEDERAL_POLICIES.values(), kept.get("plan_year"), now())
    return render_page(
        services,
        "portal_registered.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=DONE,
        plan_year=kept.get("plan_year", ""),
        email=kept.get("email", ""),
        own_url=set_language(OWN_PATH, language),
        reference=make_reference_number(derive_case_id(request.cookies[_choose_cookie(services)[0]])),
    )


async def _take_request(services: Services, token: str, wanted: RegistrationRequest) -> RedirectResponse:
    """The same answer whatever becomes of the request, and in the same time: its workflow is begun after it (D4)."""
    case_id = await services.cases.take_request(wanted, token)
    await services.database.write(close_draft, token, LEFT, now())
    return _answer_taken(services, case_id)


def _answer_taken(services: Services, case_id: str | None) -> RedirectResponse:
    task = BackgroundTask(services.cases.try_to_start, case_id) if case_id else None
    return RedirectResponse(DONE, 303, PRIVATE, task)


async def _send_another_code(
    request: Request, services: Services, kept: Values, wanted: RegistrationRequest
) -> Response:
    language = choose_language(request)
    answer = RedirectResponse(set_language(CONFIRM, language), 303, PRIVATE)
    if await ask_for_code(request, services, answer, wanted.email):
        return answer
    policy, _ = choose_policy(FEDERAL_POLICIES.values(), kept.get("plan_year"), now())
    return _render_registration_form(services, language, policy, kept, [Fault("email", TOO_OFTEN)], 429)


def _read_request(kept: Values) -> RegistrationRequest | None:
    try:
        return parse_registration(SHAPE.read_document(kept))
    except Invalid:
        return None


async def _load_draft(request: Request, services: Services) -> Values | None:
    token = request.cookies.get(_choose_cookie(services)[0], "")
    return await services.database.read(find_draft, token, now()) if token else None


def _choose_cookie(services: Services) -> tuple[str, str]:
    return choose_cookie(COOKIE, FORM, is_secure=services.settings.is_secure)


async def _load_answers(request: Request, services: Services) -> Values | None:
    """The answers that wait for their code; None where there are none, or they were sent."""
    kept = await _load_draft(request, services)
    return None if kept is None or SENT in kept else kept


async def _render_confirmation(request: Request, services: Services, answer: CodeAnswer | None = None) -> Response:
    """The form for the code; the request's form where this browser asked for none of late."""
    email, kept = await find_asked_email(request, services), await _load_answers(request, services)
    if kept is None:
        return RedirectResponse(FORM, 303, PRIVATE)
    wanted = _read_request(kept)
    if email is None or wanted is None or email != wanted.email.lower():
        return RedirectResponse(f"{FORM}?change=1", 303, PRIVATE)
    action = set_language(CONFIRM, choose_language(request))
    form = CodeForm(here=CONFIRM, action=action, again_action=action, other_url=f"{FORM}?change=1")
    return render_code_form(request, services, form, email, answer)


def _render_registration_form(
    services: Services, language: str, policy: FederalPolicy, values: Values, faults: Sequence[Fault], status: int = 200
) -> HTMLResponse:
    years: list[dict[str, Any]] = [
        {"year": other.plan_year, "url": f"{FORM}?plan_year={other.plan_year}&lang={language}"}
        for other in list_open_policies(FEDERAL_POLICIES.values(), now())
        if other.plan_year != policy.plan_year
    ]
    return render_page(
        services,
        "portal_register.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=f"{FORM}?plan_year={policy.plan_year}",
        status=status,
        action=f"{FORM}?lang={language}",
        portal_url=set_language("/portal", language),
        program=FEDERAL_PROGRAM,
        plan_year=policy.plan_year,
        years=years,
        npn_lookup=describe_npn_lookup(policy, language),
        values=values,
        errors=describe_faults(faults, language),
    )
