"""The address that the e-mails of both programs lead to: a certification's status page, or a registration's portal."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from db.reads.links import LinkedRegistration, follow_link
from domain.shared.links import STATUS_PATH
from starter.cases import now
from web.assister.links import LinkRefused
from web.assister.status_page import render_status
from web.http.auth import LINK
from web.http.pages import build_page_router
from web.marketplace.home import render_home
from web.marketplace.visit import Visit
from web.services import ServicesDep

router = build_page_router(LINK)


@router.get(STATUS_PATH)
async def follow_status_link(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """The page of the case this link was sent about, in the room of its program."""
    linked = await services.database.read(follow_link, token, now())
    if isinstance(linked, LinkedRegistration):
        return await render_home(Visit(request, services, token, linked))
    if linked is None:
        raise LinkRefused
    return await render_status(request, services, token, linked)
