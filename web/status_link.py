"""The address that the e-mails of both programs lead to: a certification's status page, or a registration's portal."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from domain.shared.links import STATUS_PATH
from web.assister.pages import show_status
from web.http.auth import LINK
from web.marketplace.home import portal_home
from web.marketplace.layout import visit_of
from web.services import ServicesDep

router = APIRouter(dependencies=[LINK], include_in_schema=False, default_response_class=HTMLResponse)


@router.get(STATUS_PATH)
async def follow_status_link(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """The page of the case this link was sent about, in the room of its program."""
    visit = await visit_of(request, services, token)
    if visit is not None:
        return await portal_home(request, services, visit)
    return await show_status(token, request, services)
