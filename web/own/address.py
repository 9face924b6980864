"""Changing the e-mail address that one goes by: a code to the new one confirms it, and the old one is told (D6)."""

from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from db.reads.own_pages import list_own_cases
from db.writes.own.addresses import change_own_address, list_staying_cases
from domain.shared.codes import CodeAnswer, CodePurpose
from domain.shared.documents.faults import Fault, list_faults
from domain.shared.documents.fields import Email
from domain.shared.links import OWN_ADDRESS_PATH, OWN_PATH
from domain.shared.reference_numbers import make_reference_number
from starter.cases import now
from web.codes import TOO_OFTEN, CodeForm, ask_for_code, find_sent_code, render_code_form, use_typed_code
from web.field_words import word_faults
from web.http.addresses import build_query
from web.http.auth import OwnPages, OwnVisitor, choose_own_cookie, describe_session
from web.http.forms import Values, read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router, render_page
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep

PURPOSE = CodePurpose.CHANGE_ADDRESS
CONFIRM = f"{OWN_ADDRESS_PATH}/confirm"

router = build_page_router()


class _NewAddress(BaseModel):
    email: Email


@router.get(OWN_ADDRESS_PATH)
async def show_address_form(request: Request, services: ServicesDep, visitor: OwnPages) -> HTMLResponse:
    """Asks for the new address."""
    return await _render_form(request, services, visitor, {})


@router.post(OWN_ADDRESS_PATH, dependencies=[limit_rate("code")])
async def send_address_code(request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Has a code sent to the new address; nothing is changed yet."""
    values = await read_form(request)
    try:
        email = _NewAddress(email=values.get("email", "")).email
    except ValidationError as error:
        return await _render_form(request, services, visitor, values, list_faults(error))
    if email.lower() == visitor.email:
        return await _render_form(request, services, visitor, values, [Fault("email", "same_address")])
    answer = RedirectResponse(f"{CONFIRM}{build_query(lang=choose_language(request))}", 303, PRIVATE)
    if not await ask_for_code(request, services, answer, email, PURPOSE):
        return await _render_form(request, services, visitor, values, [Fault("email", TOO_OFTEN)], 429)
    return answer


@router.get(CONFIRM)
async def show_address_code(request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Where the code is typed in."""
    return await _render_code(request, services, visitor)


@router.post(CONFIRM, dependencies=[limit_rate("code")])
async def change_address(request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Changes the address by the right code, and stays signed in; refused where it is somebody else's here."""
    key, token, at = services.settings.identity_key_bytes, request.cookies[choose_own_cookie(services)], now()
    tried, changed = await use_typed_code(
        request,
        services,
        await read_form(request),
        lambda session, email: change_own_address(session, key, token, email, at),
        PURPOSE,
    )
    if changed is None:
        return await _render_code(request, services, visitor, tried.answer)
    if changed.is_taken:
        faults = [Fault("email", "address_taken")]
        return await _render_form(request, services, visitor, {"email": tried.email}, faults, 409)
    told = "address" if not changed.stays else "address-partly" if changed.moves else "address-confirmed"
    return RedirectResponse(f"{OWN_PATH}{build_query(told=told, lang=choose_language(request))}", 303, PRIVATE)


async def _render_form(
    request: Request,
    services: Services,
    visitor: OwnVisitor,
    values: Values,
    faults: Sequence[Fault] = (),
    status: int = 422,
) -> HTMLResponse:
    """The form for the new address, with what would stay under the one before."""
    language = choose_language(request)
    found = await services.database.read(list_own_cases, {visitor.email})
    staying = list_staying_cases(found)
    return render_page(
        services,
        "own_address.html",
        language,
        services.describe_general_contact(language),
        here=OWN_ADDRESS_PATH,
        status=status if faults else 200,
        own=describe_session(visitor),
        action=f"{OWN_ADDRESS_PATH}{build_query(lang=language)}",
        own_url=f"{OWN_PATH}{build_query(lang=language)}",
        staying=[{"plan_year": case.plan_year, "reference": make_reference_number(case.case_id)} for case in staying],
        moves=len(staying) < len(found) or not found,
        values=values,
        errors=word_faults(faults, language),
    )


async def _render_code(
    request: Request, services: Services, visitor: OwnVisitor, answer: CodeAnswer | None = None
) -> Response:
    """The form for the code; the one for the address where this browser asked for none of late."""
    query = build_query(lang=choose_language(request))
    asked = await find_sent_code(request, services, PURPOSE)
    if asked is None or asked.address == visitor.email:
        return RedirectResponse(f"{OWN_ADDRESS_PATH}{query}", 303, PRIVATE)
    form = CodeForm(
        here=CONFIRM,
        action=f"{CONFIRM}{query}",
        again_action=f"{OWN_ADDRESS_PATH}{query}",
        other_url=f"{OWN_ADDRESS_PATH}{query}",
        own=describe_session(visitor),
    )
    return render_code_form(request, services, form, asked, answer)
