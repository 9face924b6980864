"""How the owner of a certification is reached, corrected on a page of their own (D6)."""

from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from db.case_state import applicant_of
from db.reads.own_pages import OwnCertification
from db.writes.own.contacts import correct_own_contacts
from domain.shared.cases.notices import Topic
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.links import OWN_ADDRESS_PATH, OWN_CASE_PATH
from domain.shared.policy import describe_contact
from domain.state.contacts import list_contacts
from starter.cases import now
from web.assister.answer import NOT_NOW
from web.assister.links import CurrentCertification, LinkRefused, redirect_back
from web.field_words import word_faults
from web.http.addresses import build_query
from web.http.auth import OwnPages, OwnVisitor, describe_session
from web.http.forms import Values, read_form
from web.http.negotiation import choose_language
from web.http.pages import build_page_router, render_page
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep
from web.state_form import drop_copied_faults, find_changes, list_values, mark_same_address

router = build_page_router()

OWN_CONTACTS_PATH = f"{OWN_CASE_PATH}/contacts"


@router.get(OWN_CONTACTS_PATH)
async def show_contacts(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages, certification: CurrentCertification
) -> HTMLResponse:
    """Phone and addresses as they stand, to be corrected."""
    if certification.state.ended:
        raise LinkRefused(NOT_NOW, 409, certification)
    return _render_contacts(request, services, reference, visitor, certification)


@router.post(OWN_CONTACTS_PATH, dependencies=[limit_rate("api")])
async def correct_contacts(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages, certification: CurrentCertification
) -> Response:
    """Takes what was corrected; nothing of it where a field is at fault."""
    case, values = certification.case, await read_form(request)
    changes, faults = find_changes(values, case.request)
    if faults:
        return _render_contacts(request, services, reference, visitor, certification, values, faults)
    try:
        await services.database.write(correct_own_contacts, case.case_id, changes, now())
    except Invalid as invalid:
        return _render_contacts(request, services, reference, visitor, certification, values, invalid.faults)
    except Refusal:
        raise LinkRefused(NOT_NOW, 409, certification) from None
    return redirect_back(request, reference, "corrected=1")


def _render_contacts(
    request: Request,
    services: Services,
    reference: str,
    visitor: OwnVisitor,
    certification: OwnCertification,
    values: Values | None = None,
    faults: Sequence[Fault] = (),
) -> HTMLResponse:
    case = certification.case
    language, here = choose_language(request), OWN_CONTACTS_PATH.format(reference=reference)
    query = build_query(lang=language)
    return render_page(
        services,
        "own_contacts.html",
        language,
        describe_contact(certification.policy, Topic.GENERAL, language),
        here=here,
        status=422 if faults else 200,
        addressed_as=applicant_of(case).addressed_as,
        own=describe_session(visitor),
        action=f"{here}{query}",
        case_url=f"{OWN_CASE_PATH.format(reference=reference)}{query}",
        address_url=f"{OWN_ADDRESS_PATH}{query}",
        contacts=list_contacts(case.kind),
        values=values if values is not None else {**list_values(case.request), **mark_same_address(case.request)},
        errors=word_faults(drop_copied_faults(values or {}, faults), language),
    )
