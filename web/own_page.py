"""The address of a case on one's own pages, in either program: a certification's status, or a registration's portal.

The status links of e-mails from before lead to the sign-in, and tell nothing (docs/decisions/0033).
"""

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from db.reads.own_pages import OwnRegistration, find_own_case
from domain.shared.links import OWN_CASE_PATH, OWN_PATH
from starter.cases import now
from web.assister.links import LinkRefused
from web.assister.status_page import render_status
from web.http.auth import PUBLIC, OwnPages
from web.http.pages import PRIVATE, build_page_router
from web.http.rate_limits import limit_rate
from web.marketplace.home import render_home
from web.marketplace.visit import Visit
from web.services import ServicesDep

router = build_page_router()


@router.get(OWN_CASE_PATH)
async def show_own_case(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> HTMLResponse:
    """The page of a case of one's own, in the room of its program."""
    found = await services.database.read(find_own_case, reference, visitor.email, now())
    if isinstance(found, OwnRegistration):
        return await render_home(Visit(request, services, reference, visitor, found))
    if found is None:
        raise LinkRefused
    return await render_status(request, services, reference, visitor, found)


@router.get("/status/{rest:path}", dependencies=[PUBLIC])
@router.post("/status/{rest:path}", dependencies=[PUBLIC, limit_rate("api")])
async def retire_status_link(rest: str) -> RedirectResponse:
    """A link of before, known or not: the sign-in, by which the same pages are reached."""
    del rest
    return RedirectResponse(OWN_PATH, 303, PRIVATE)
