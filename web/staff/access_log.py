"""The access log as a page for auditors: who of staff was shown whose personal data, when and on which page."""

from typing import Annotated

from fastapi.responses import RedirectResponse, Response

from db.reads.access_log import read_access_log
from domain.shared.documents.faults import Invalid
from web.http.addresses import build_query
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.staff.layout import StaffVisit, build_page_urls, require_visit

router = build_page_router(prefix="/staff")

AuditorVisit = Annotated[StaffVisit, require_visit(Permission.READ_ACCESS_LOG)]
ACCESS_LOG = "/staff/access-log"
AT_A_TIME = 50
LONGEST = 200


@router.get("/access-log")
async def show_access_log(visit: AuditorVisit) -> Response:
    """Who looked at whose personal data, newest first; one actor's and one case's, if asked for."""
    query = visit.request.query_params
    asked = {name: query.get(name, "").strip()[:LONGEST] for name in ("actor", "case_id")}
    try:
        page = await visit.services.database.read(read_access_log, query.get("after") or None, AT_A_TIME, **asked)
    except Invalid:  # no place of this list
        return RedirectResponse(ACCESS_LOG + build_query(**asked), 303, PRIVATE)
    return visit.render_page(
        "staff/access_log.html",
        rows=page.rows,
        asked=asked,
        **build_page_urls(page, lambda after: ACCESS_LOG + build_query(**asked, after=after)),
    )


@router.get("/looks", response_class=RedirectResponse)
async def redirect_to_access_log(visit: AuditorVisit) -> RedirectResponse:
    """The page's former address, which auditors may have kept."""
    return RedirectResponse(ACCESS_LOG + build_query(**visit.request.query_params), 301, PRIVATE)
