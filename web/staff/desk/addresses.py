"""A mistyped e-mail address that staff correct on the phone, by the code sent to the new one (D1, D6)."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated
from uuid import uuid4

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from db.case_state import applicant_of, load_case
from db.writes.desk.addresses import (
    AddressCorrected,
    AddressCorrection,
    AddressHolder,
    correct_address,
    find_correction_refusal,
    is_address_taken,
    list_others_by,
    needs_consent,
)
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.codes import LIFE, CodePurpose
from domain.shared.documents.faults import Fault, Invalid, list_faults
from domain.shared.documents.fields import Email
from domain.shared.documents.texts import find_text_faults
from domain.shared.ids import make_command_id
from starter.cases import now
from templates.catalogs import N_, translate
from web.codes import FAULTS, TOO_OFTEN, ask_for_code, find_sent_code, use_typed_code
from web.http.addresses import build_query
from web.http.forms import Values, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.rate_limits import limit_rate
from web.http.sentences import explain_reason
from web.staff.filters import ALL
from web.staff.layout import StaffVisit, require_file_visit

PURPOSE = CodePurpose.CORRECT_ADDRESS
# Whoever acts for the assister, and may read this case's file.
CallerVisit = Annotated[StaffVisit, require_file_visit(Permission.ACT_FOR_ASSISTER)]

router = build_page_router(prefix="/staff/cases/{case_id}/address")

# What faults of an owner's own form say to who isn't the owner.
_SAID = {
    "same_address": N_("Letters go to this address already; enter the new one."),
    "address_taken": N_("Somebody else is known here by this address already; ask the assister for another one."),
    "code_wrong": N_("This is not the code; have the newest one read to you again."),
}


class _NewAddress(BaseModel):
    email: Email


@router.get("")
async def show_address(visit: CallerVisit, case_id: str) -> Response:
    """Asks for the new address; for the code and the reason, once one was sent."""
    why = await visit.services.database.read(find_correction_refusal, case_id)
    return await _render(visit, case_id, {}, refused=why)


@router.post("", dependencies=[limit_rate("code")])
async def send_code(visit: CallerVisit, case_id: str) -> Response:
    """Has a code sent to the new address, in its owner's language; nothing is changed yet.

    Where somebody else goes by it, staff are told who and have to say that both read its mail: a code proves no more.
    """
    values, services = await read_form(visit.request), visit.services
    if why := await services.database.read(find_correction_refusal, case_id):
        return await _render(visit, case_id, values, refused=why)
    try:
        email = _NewAddress(email=values.get("email", "")).email
    except ValidationError as error:
        return await _render(visit, case_id, values, list_faults(error))
    who = applicant_of(await services.database.read(load_case, case_id))
    if email.lower() == who.email.lower():
        return await _render(visit, case_id, values, [Fault("email", "same_address")])
    others = await services.database.read(list_others_by, case_id, email)
    if await services.database.read(is_address_taken, services.settings.identity_key_bytes, case_id, email.lower()):
        return await _render(visit, case_id, values, [Fault("email", "address_taken")], others=others)
    if others and values.get("shared") != "true":
        return await _render(visit, case_id, values, [Fault("shared", "address_shared")], others=others)
    answer = _lead_to(visit, f"{ALL}/{case_id}/address")
    if not await ask_for_code(visit.request, services, answer, email, PURPOSE, case_id, who.language):
        return await _render(visit, case_id, values, [Fault("email", TOO_OFTEN)], 429)
    return answer


@router.post("/confirm", dependencies=[limit_rate("code")])
async def confirm_address(visit: CallerVisit, case_id: str) -> Response:
    """Corrects the address by the code that its owner has read out, and sends again what the server had refused."""
    values, services, actor = await read_form(visit.request), visit.services, visit.me.actor
    reason = values.get("reason", "")
    if faults := find_text_faults("reason", reason):
        return await _render(visit, case_id, values, faults)
    key, at = services.settings.identity_key_bytes, now()
    correction = AddressCorrection(
        case_id=case_id,
        actor=actor,
        reason=reason.strip(),
        command_id=make_command_id(values.get("command_id", "")[:64], case_id),
        consented=values.get("background_check_consent") == "true",
    )
    try:
        tried, corrected = await use_typed_code(
            visit.request,
            services,
            values,
            lambda session, email: correct_address(session, key, correction, email, at),
            PURPOSE,
            case_id,
        )
    except Invalid as invalid:
        return await _render(visit, case_id, values, invalid.faults)
    except Refusal as refusal:
        return await _render(visit, case_id, values, refused=refusal.reason)
    if corrected is None:
        return await _render(visit, case_id, values, [Fault("code", FAULTS[tried.answer])])
    await _follow(visit, correction, corrected)
    services.numbers.forget()
    return _lead_to(visit, f"{ALL}/{case_id}", done="address", of=case_id)


async def _follow(visit: StaffVisit, correction: AddressCorrection, corrected: AddressCorrected) -> None:
    """Has the answer applied, where the correction is one, and then the letters sent again that are still true."""
    cases = visit.services.cases
    if corrected.answer is not None:
        with suppress(Refusal, Invalid):  # its page says what became of it
            await cases.send_command(corrected.answer)
    for case_id, notice in corrected.letters:
        with suppress(Refusal):
            await cases.resend_notice(case_id, notice, correction.reason, correction.actor)


async def _render(
    visit: StaffVisit,
    case_id: str,
    values: Values,
    faults: Sequence[Fault] = (),
    status: int = 422,
    refused: Reason | None = None,
    others: Sequence[AddressHolder] = (),
) -> HTMLResponse:
    database, language = visit.services.database, visit.language
    case = await database.read(load_case, case_id)
    now_email = applicant_of(case).email
    asked = await find_sent_code(visit.request, visit.services, PURPOSE, case_id)
    asked_email = asked.address if asked else None
    is_asked = asked_email not in (None, now_email.lower())
    sharing = await database.read(list_others_by, case_id, asked_email or "") if is_asked else []
    await visit.record_access("address", [case_id, *(one.case_id for one in (*others, *sharing))])
    return visit.render_page(
        "staff/address.html",
        here=f"{ALL}/{case_id}/address",
        status=status if faults else 409 if refused and visit.request.method == "POST" else 200,
        case_id=case_id,
        name=applicant_of(case).name,
        now_email=now_email,
        asked_email=asked_email if is_asked else None,
        sharing=sharing,
        others=others,
        needs_consent=await database.read(needs_consent, case_id),
        theirs=applicant_of(case).language,
        minutes=int(LIFE.total_seconds() // 60),
        command_id=uuid4().hex,
        tried="address",
        values=values,
        # Without a code that counts there is one field alone.
        errors=[
            {
                "field": one.field if is_asked or one.field == "shared" else "email",
                "message": _explain_fault(one, language),
            }
            for one in faults
        ],
        refused=explain_reason(refused, language) if refused else None,
        query=build_query(lang=visit.request.query_params.get("lang")),
    )


def _explain_fault(fault: Fault, language: str) -> str:
    own = _SAID.get(fault.code)
    return translate(own, language) if own else explain_reason(fault, language)


def _lead_to(visit: StaffVisit, path: str, **told: str) -> RedirectResponse:
    query = build_query(**told, lang=visit.request.query_params.get("lang"))
    return RedirectResponse(f"{path}{query}", 303, PRIVATE)
