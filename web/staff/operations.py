"""The operator's page: who doesn't answer, what waits and since when, what runs, and the way into the Temporal UI."""

from typing import Annotated

from fastapi.responses import HTMLResponse

from db.reads.house.operations import read_operations
from starter.cases import now
from starter.composition import list_third_parties
from starter.operations import build_list_urls, read_temporal_figures
from web.http.pages import build_page_router
from web.http.permissions import Permission
from web.staff.layout import OPERATIONS, StaffVisit, require_visit

router = build_page_router(prefix=OPERATIONS)

# Where staff see to what waits, by its name.
_WAYS = dict.fromkeys(("inbox", "given_up", "uncounted", "altered"), "/staff/webhooks")


@router.get("")
async def show_operations(visit: Annotated[StaffVisit, require_visit(Permission.READ_OPERATIONS)]) -> HTMLResponse:
    """How the house stands now; figures alone, about no person."""
    services, at = visit.services, now()
    return visit.render_page(
        "staff/operations.html",
        now=at,
        figures=await services.database.read(read_operations, at, list_third_parties(services.settings)),
        temporal=await read_temporal_figures(services.cases.temporal),
        lists=build_list_urls(services.settings.temporal_ui_url, services.cases.namespace, at),
        ways=_WAYS if visit.me.may(Permission.READ_WEBHOOKS) else {},
    )
