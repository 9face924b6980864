"""Signing in to one's own pages by a code to the e-mail address, staying, signing out, the list of one's cases (D6).

Whether an address is known the pages don't tell: a code is sent to any, and who has no case finds an empty list (D4).
"""

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from db.case_state import applicant_of
from db.reads.npn.claims import list_unproven
from db.reads.own_pages import list_own_cases
from db.writes.own.sessions import (
    end_other_sessions,
    end_own_session,
    list_other_sessions,
    open_own_session,
    stay_in_own_session,
)
from domain.shared.codes import CodeAnswer
from domain.shared.documents.faults import Fault, list_faults
from domain.shared.documents.fields import Email
from domain.shared.ids import read_user_id
from domain.shared.links import OWN_ADDRESS_PATH, OWN_CASE_PATH, OWN_PATH
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.reference_numbers import make_reference_number
from starter.cases import now
from web.codes import (
    TOO_OFTEN,
    CodeForm,
    ask_for_code,
    find_sent_code,
    keep_owner_signed_in,
    render_code_form,
    use_typed_code,
)
from web.field_words import word_faults
from web.http.addresses import build_query, find_local_address
from web.http.auth import PUBLIC, OwnPages, OwnVisitor, choose_own_cookie, describe_session, find_own_visitor
from web.http.forms import Values, read_form
from web.http.negotiation import choose_language
from web.http.pages import FORGET, PRIVATE, build_page_router, render_page
from web.http.rate_limits import limit_rate
from web.own.kept_form import drop_kept_form, has_kept_form, install_handlers as keep_forms
from web.services import Services, ServicesDep

router = build_page_router()

CODE, SIGN_IN, SIGN_OUT, KEPT = "/me/code", "/me/sign-in", "/me/sign-out", "/me/kept"
OTHERS = "/me/sign-out-elsewhere"
# Where the identity provider is gone to, beside the code.
IDENTITY_SIGN_IN = "/me/sign-in/identity"
_NOT_ONWARD = (CODE, SIGN_IN, SIGN_OUT, KEPT, OTHERS)
TOLD, TOLD_OF_LIST = ("out", "ended", "no_code"), ("address", "address-partly", "address-confirmed", "elsewhere")


class _Asked(BaseModel):
    email: Email


@router.get(OWN_PATH, dependencies=[PUBLIC])
async def show_own_pages(request: Request, services: ServicesDep) -> Response:
    """One's cases of both programs; for who isn't signed in, how to do so."""
    visitor = await find_own_visitor(request, services)
    if visitor is not None:
        return await _render_cases(request, services, visitor)
    return render_sign_in(request, services)


@router.post(CODE, dependencies=[PUBLIC, limit_rate("code")])
async def send_code(request: Request, services: ServicesDep) -> Response:
    """Has a code sent to an address, or to that of a user ID, known or not; only who asks too often is told so."""
    values, language = await read_form(request), choose_language(request)
    typed = values.get("email", "").strip()
    if not typed:
        return render_sign_in(request, services, values, [Fault("email", "required")])
    try:
        email = read_user_id(typed) or _Asked(email=typed).email
    except ValidationError as error:
        return render_sign_in(request, services, values, list_faults(error))
    answer = RedirectResponse(f"{CODE}{build_query(next=find_onward(request), lang=language)}", 303, PRIVATE)
    if not await ask_for_code(request, services, answer, email):
        return render_sign_in(request, services, values, [Fault("email", TOO_OFTEN)], 429)
    return answer


@router.get(CODE, dependencies=[PUBLIC])
async def show_code_form(request: Request, services: ServicesDep) -> Response:
    """Where the code is typed in, in the browser that asked for it."""
    return await _render_code(request, services)


@router.post(SIGN_IN, dependencies=[PUBLIC, limit_rate("code")])
async def sign_in(request: Request, services: ServicesDep) -> Response:
    """Opens a session for the address whose code is right; the session this browser had before is ended."""
    before, at = request.cookies.get(choose_own_cookie(services)), now()
    tried, token = await use_typed_code(
        request, services, await read_form(request), lambda session, email: open_own_session(session, email, before, at)
    )
    if token is None:
        return await _render_code(request, services, tried.answer)
    onward = await find_next(request, services, tried.email, find_onward(request))
    answer = RedirectResponse(onward, 303, PRIVATE)
    keep_owner_signed_in(services, answer, token)
    return answer


@router.get(SIGN_IN, dependencies=[PUBLIC])
@router.get(SIGN_OUT, dependencies=[PUBLIC])
async def redirect_to_own_pages() -> RedirectResponse:
    """Where a browser comes back to that opens the address of a form."""
    return RedirectResponse(OWN_PATH, 303, PRIVATE)


@router.post(SIGN_OUT, dependencies=[PUBLIC, limit_rate("api")])
async def sign_out(request: Request, services: ServicesDep) -> RedirectResponse:
    """Ends the session; the cookie of an ended one opens nothing."""
    if token := request.cookies.get(choose_own_cookie(services)):
        await services.database.write(end_own_session, token, now())
    answer = RedirectResponse(f"{OWN_PATH}?told=out", 303, {**PRIVATE, **FORGET})
    answer.delete_cookie(choose_own_cookie(services), secure=services.settings.is_secure, httponly=True, samesite="lax")
    drop_kept_form(answer, services)
    return answer


@router.post("/me/stay", dependencies=[limit_rate("api")])
async def stay_signed_in(request: Request, services: ServicesDep, visitor: OwnPages) -> JSONResponse:
    """Lets the half hour begin anew, for somebody who is still writing: {seconds}, after which the session ends."""
    token = request.cookies[choose_own_cookie(services)]
    ends_at = await services.database.write(stay_in_own_session, token, now())
    return JSONResponse({"seconds": describe_session(OwnVisitor(visitor.email, ends_at))["seconds"]}, headers=PRIVATE)


@router.post(OTHERS, dependencies=[limit_rate("api")])
async def end_sessions_elsewhere(request: Request, services: ServicesDep, _: OwnPages) -> RedirectResponse:
    """Ends every other session of who is signed in: a browser they don't know opens nothing any more."""
    await services.database.write(end_other_sessions, request.cookies[choose_own_cookie(services)], now())
    return RedirectResponse(f"{OWN_PATH}{build_query(told='elsewhere', lang=choose_language(request))}", 303, PRIVATE)


def install_handlers(app: FastAPI) -> None:
    """Answers who isn't signed in, or not any more: what they have typed is kept until they are."""
    keep_forms(app)


async def find_next(
    request: Request, services: Services, email: str, onward: str | None, language: str | None = None
) -> str:
    """Where somebody goes who has just signed in: to a form of theirs that is kept, else ``onward``, else the list."""
    if await has_kept_form(request, services, email):
        return f"{KEPT}{build_query(lang=language or choose_language(request))}"
    return onward or f"{OWN_PATH}{build_query(lang=language)}"


def find_onward(request: Request) -> str | None:
    """The page of one's own that was asked for before the sign-in; None for the list."""
    found = find_local_address(request.query_params.get("next"), OWN_PATH, OWN_PATH)
    return None if found == OWN_PATH or found.startswith(_NOT_ONWARD) else found


async def _render_cases(request: Request, services: Services, visitor: OwnVisitor) -> HTMLResponse:
    language, told = choose_language(request), request.query_params.get("told")
    found = await services.database.read(list_own_cases, visitor.emails)
    token = request.cookies[choose_own_cookie(services)]
    unproven = await services.database.read(list_unproven, found)
    return render_page(
        services,
        "own.html",
        language,
        services.describe_general_contact(language),
        here=OWN_PATH,
        addressed_as=next(filter(None, (applicant_of(case).addressed_as for case in found)), ""),
        own=describe_session(visitor),
        told=told if told in TOLD_OF_LIST else None,
        others=await services.database.read(list_other_sessions, token, now()),
        others_action=f"{OTHERS}{build_query(lang=language)}",
        address_url=f"{OWN_ADDRESS_PATH}{build_query(lang=language)}",
        cases=[
            {
                "program": case.program,
                "plan_year": case.plan_year,
                "kind": case.kind,
                "reference": make_reference_number(case.case_id),
                "stage": case.stage,
                "waiting_for": case.waiting_for,
                "user_id": case.assister_id if case.program == FEDERAL_PROGRAM else None,
                "unproven": case.case_id in unproven,
                "email": email if (email := applicant_of(case).email).lower() != visitor.email else None,
                "url": f"{OWN_CASE_PATH.format(reference=case.case_id)}?lang={language}",
            }
            for case in found
        ],
    )


def render_sign_in(
    request: Request,
    services: Services,
    values: Values | None = None,
    faults: Sequence[Fault] = (),
    status: int | None = None,
    *,
    told: str | None = None,
    onward: str | None = None,
    language: str | None = None,
) -> HTMLResponse:
    """The page to sign in by; ``told`` is what the identity provider's answer came to, as the page wants it."""
    language, onward = language or choose_language(request), onward or find_onward(request)
    asked, query = request.query_params.get("told"), build_query(next=onward, lang=language)
    return render_page(
        services,
        "own_sign_in.html",
        language,
        services.describe_general_contact(language),
        here=f"{OWN_PATH}{build_query(next=onward)}",
        status=status or (422 if faults else 200),
        action=f"{CODE}{query}",
        identity_url=f"{IDENTITY_SIGN_IN}{query}" if services.proofing else None,
        told=told or (asked if asked in TOLD else None),
        values=values or {},
        errors=word_faults(faults, language),
    )


async def _render_code(request: Request, services: Services, answer: CodeAnswer | None = None) -> Response:
    """The form for the code; the sign-in where this browser asked for none of late."""
    language, onward = choose_language(request), find_onward(request)
    asked = await find_sent_code(request, services)
    if asked is None:
        return RedirectResponse(f"{OWN_PATH}{build_query(next=onward, told='no_code')}", 303, PRIVATE)
    query = build_query(next=onward, lang=language)
    form = CodeForm(
        here=f"{CODE}{build_query(next=onward)}",
        action=f"{SIGN_IN}{query}",
        again_action=f"{CODE}{query}",
        other_url=f"{OWN_PATH}{query}",
    )
    return render_code_form(request, services, form, asked, answer)
