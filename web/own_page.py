"""The address of a case on one's own pages, in either program: a certification's status, or a registration's portal.

The status links of e-mails from before lead to the sign-in, and tell nothing (docs/decisions/0033).
"""

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from db.case_state import applicant_of
from db.reads.own_pages import OwnRegistration, find_own_case
from db.writes.suspensions import file_rebuttal
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.commands import Wording
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.texts import find_text_faults
from domain.shared.links import OWN_CASE_PATH, OWN_PATH
from starter.cases import now
from templates.catalogs import N_, translate
from web.assister.links import LinkRefused
from web.assister.status_page import render_status
from web.http.addresses import build_query
from web.http.auth import PUBLIC, OwnPages
from web.http.forms import read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router
from web.http.problem_pages import UNREADABLE, ProblemText
from web.http.rate_limits import limit_rate
from web.marketplace.home import render_home
from web.marketplace.visit import Visit
from web.services import ServicesDep

WITHDRAWN = Reason("withdrawn_by_owner")
ALREADY_OVER = ProblemText(
    N_("This can't be done now"),
    N_("It has ended already. Please open your own page of it again to see where it stands."),
)

NO_REBUTTAL = ProblemText(
    N_("This can't be done now"),
    N_("Nothing is open that you could speak against here, or you have written often enough. Please contact us."),
)
NOTHING_SAID = ProblemText(
    N_("Nothing was written"),
    N_("Please go back, and write what you have to say before you send it."),
)

router = build_page_router()


@router.get(OWN_CASE_PATH)
async def show_own_case(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> HTMLResponse:
    """The page of a case of one's own, in the room of its program."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if isinstance(found, OwnRegistration):
        return await render_home(Visit(request, services, reference, visitor, found))
    if found is None:
        raise LinkRefused
    return await render_status(request, services, reference, visitor, found)


@router.post(f"{OWN_CASE_PATH}/withdraw", dependencies=[limit_rate("api")])
async def withdraw_own_case(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages
) -> RedirectResponse:
    """Withdraws a case of one's own, of either program; a reason is the person's to give (C8, D6)."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if found is None:
        raise LinkRefused
    reason, wording = (await read_form(request)).get("reason", ""), Wording(written_in=choose_language(request))
    if not reason:
        reason = WITHDRAWN.sentence()
        wording = Wording(told=translate(WITHDRAWN.template, applicant_of(found.case).language))
    if find_text_faults("reason", reason):
        raise LinkRefused(UNREADABLE, 422)
    try:
        await services.cases.withdraw_request(found.case.case_id, reason, "assister", wording=wording)
    except Refusal:
        raise LinkRefused(ALREADY_OVER, 409) from None
    here = OWN_CASE_PATH.format(reference=reference)
    return RedirectResponse(f"{here}{build_query(lang=choose_language(request))}", 303, PRIVATE)


@router.post(f"{OWN_CASE_PATH}/rebuttal", dependencies=[limit_rate("api")])
async def file_own_rebuttal(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages
) -> RedirectResponse:
    """Takes what the owner of a case has to say against a suspension or a termination that staff have ordered (E4)."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if found is None:
        raise LinkRefused
    text = (await read_form(request)).get("text", "")
    if find_text_faults("text", text):
        raise LinkRefused(UNREADABLE if text.strip() else NOTHING_SAID, 422)
    try:
        await services.database.write(file_rebuttal, found.case.case_id, text, THE_ASSISTER, now())
    except Refusal:
        raise LinkRefused(NO_REBUTTAL, 409) from None
    here = OWN_CASE_PATH.format(reference=reference)
    return RedirectResponse(f"{here}{build_query(lang=choose_language(request))}", 303, PRIVATE)


@router.get("/status/{rest:path}", dependencies=[PUBLIC])
@router.post("/status/{rest:path}", dependencies=[PUBLIC, limit_rate("api")])
async def retire_status_link(rest: str) -> RedirectResponse:
    """A link of before, known or not: the sign-in, by which the same pages are reached."""
    del rest
    return RedirectResponse(OWN_PATH, 303, PRIVATE)
