"""A case is left to others, or taken over from whoever has it on their desk; opening it is what takes it."""

from typing import Annotated

from fastapi.responses import RedirectResponse, Response

from db.writes.desk.assignments import release_case
from starter.cases import now
from web.http.defence.file_access import check_file_access
from web.http.pages import PRIVATE, build_page_router
from web.staff.decisions import PostedForm, require_form
from web.staff.filters import ALL, QUEUE, build_address, read_filters

router = build_page_router(prefix="/staff/cases/{case_id}")


@router.post("/release")
async def release_by_hand(form: Annotated[PostedForm, require_form("release")]) -> Response:
    """Back to the queue where the case was one's own; else to the case, which is one's own by opening it."""
    visit = form.visit
    await check_file_access(visit.services, visit.me, form.case_id)
    had = await visit.services.database.write(release_case, form.case_id, visit.me.actor, now())
    filters = read_filters(visit.request.query_params)
    path = QUEUE if had == visit.me.actor else f"{ALL}/{form.case_id}"
    return RedirectResponse(build_address(path, filters), 303, PRIVATE)
