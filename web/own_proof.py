"""Proving on one's own pages whose an NPN is: by a code to the address that the licence registry has for it (D2).

It stands beside the rooms because a case of either program has it.
"""

from dataclasses import replace

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from db.reads.npn.claims import ProofOffer
from db.reads.own_pages import find_own_case
from db.writes.npn.claims import prove_by_code
from db.writes.npn.lookups import ask_lookup
from domain.shared.cases.reasons import Refusal
from domain.shared.claims import mask_email
from domain.shared.codes import CodeAnswer, CodePurpose
from domain.shared.links import OWN_CASE_PATH
from starter.cases import now
from templates.catalogs import N_
from web.assister.links import LinkRefused
from web.codes import PROOF_PATH as ASK, CodeForm, ask_for_code, find_sent_code, render_code_form, use_typed_code
from web.http.addresses import build_query
from web.http.auth import OwnPages, OwnVisitor, describe_session
from web.http.forms import parse_number, read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router
from web.http.problem_pages import TOO_MANY, ProblemText
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep

PURPOSE = CodePurpose.PROVE_NPN
TYPE, LOOK_UP = f"{ASK}/code", f"{ASK}/look-up"
NOT_BY_CODE = ProblemText(
    N_("This can't be done now"),
    N_("Whose the NPN is can't be shown by this code any more. Open your own page again, or write to us."),
)

router = build_page_router()


@router.post(ASK, dependencies=[limit_rate("code")])
async def send_npn_code(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Has a code sent to the registry's address that was chosen."""
    offer = await find_offer(services, reference, visitor)
    number = parse_number((await read_form(request)).get("address", ""), 2)
    if number is None or not 0 <= number < len(offer.addresses):
        raise LinkRefused(NOT_BY_CODE, 409)
    query = build_query(lang=choose_language(request))
    answer = RedirectResponse(f"{TYPE.format(reference=reference)}{query}", 303, PRIVATE)
    if not await ask_for_code(request, services, answer, offer.addresses[number], PURPOSE):
        raise LinkRefused(TOO_MANY, 429)
    return answer


@router.post(LOOK_UP, dependencies=[limit_rate("code")])
async def ask_registry(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Has the registry asked for its address of an NPN from before; the page says so until it has answered."""
    await find_offer(services, reference, visitor)
    await services.database.write(ask_lookup, reference, now())
    return _redirect_to_case(request, reference)


@router.get(TYPE)
async def show_npn_code(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Where the code is typed in."""
    return await _render_code(reference, request, services, visitor)


@router.post(TYPE, dependencies=[limit_rate("code")])
async def prove_npn(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Proves whose the NPN is, by the right code; the case goes on from what waited for that."""
    await find_offer(services, reference, visitor)
    key, at = services.settings.identity_key_bytes, now()
    try:
        tried, told = await use_typed_code(
            request,
            services,
            await read_form(request),
            lambda session, email: prove_by_code(session, key, reference, email, at),
            PURPOSE,
        )
    except Refusal:
        raise LinkRefused(NOT_BY_CODE, 409) from None
    if told is None:
        return await _render_code(reference, request, services, visitor, tried.answer)
    await services.cases.deliver_events(told)
    return _redirect_to_case(request, reference)


async def find_offer(services: Services, reference: str, visitor: OwnVisitor) -> ProofOffer:
    """How the NPN of a case of the visitor's own may be proven. Raises `LinkRefused`."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if found is None:
        raise LinkRefused
    if found.proof is None:
        raise LinkRefused(NOT_BY_CODE, 409)
    return found.proof


async def _render_code(
    reference: str, request: Request, services: Services, visitor: OwnVisitor, answer: CodeAnswer | None = None
) -> Response:
    """The form for the code; the case's page where this browser asked for none of late, or all is proven."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if found is None:
        raise LinkRefused
    offer = found.proof
    asked = await find_sent_code(request, services, PURPOSE)
    if offer is None or asked is None or asked.address not in offer.addresses:
        return _redirect_to_case(request, reference)
    query = build_query(lang=choose_language(request))
    form = CodeForm(
        here=TYPE.format(reference=reference),
        action=f"{TYPE.format(reference=reference)}{query}",
        again_action=f"{ASK.format(reference=reference)}{query}",
        other_url="",
        hidden={"address": str(offer.addresses.index(asked.address))},
        own=describe_session(visitor),
    )
    return render_code_form(request, services, form, replace(asked, address=mask_email(asked.address)), answer)


def _redirect_to_case(request: Request, reference: str) -> RedirectResponse:
    here = OWN_CASE_PATH.format(reference=reference)
    return RedirectResponse(f"{here}{build_query(lang=choose_language(request))}", 303, PRIVATE)
