"""The address that the e-mails of both programs lead to: a certification's status page, or a registration's portal."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from db.reads.links import LinkedRegistration, follow_link
from domain.shared.links import STATUS_PATH
from starter.cases import now
from web.assister.links import LinkRefused
from web.assister.status_page import render_status
from web.http.auth import LINK
from web.marketplace.home import render_home
from web.marketplace.visit import begin_visit
from web.services import ServicesDep

router = APIRouter(dependencies=[LINK], include_in_schema=False, default_response_class=HTMLResponse)


@router.get(STATUS_PATH)
async def follow_status_link(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """The page of the case this link was sent about, in the room of its program."""
    linked = await services.database.read(follow_link, token, now())
    if isinstance(linked, LinkedRegistration):
        return await render_home(request, services, begin_visit(request, token, linked))
    if linked is None:
        raise LinkRefused
    return await render_status(request, services, token, linked)
