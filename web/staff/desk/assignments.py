"""A case is left to others, taken over from whoever has it on their desk, or put on a colleague's; opening takes it."""

from datetime import timedelta
from typing import Annotated

from fastapi.responses import RedirectResponse, Response

from db.reads.desk.assignments import list_colleagues
from db.writes.desk.assignments import hand_over_case, release_case
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault
from starter.cases import now
from web.http.defence.file_access import check_file_access
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import DECIDERS
from web.staff.decisions import PostedForm, require_form
from web.staff.filters import ALL, QUEUE, build_address, read_filters

router = build_page_router(prefix="/staff/cases/{case_id}")

# Who is given a case by hand may be away from their desk; who opens one has it for the policy's minutes.
ASSIGNED_FOR = timedelta(days=1)


@router.post("/release")
async def release_by_hand(form: Annotated[PostedForm, require_form("release")]) -> Response:
    """Back to the queue where the case was one's own; else to the case, which is one's own by opening it."""
    visit = form.visit
    await check_file_access(visit.services, visit.me, form.case_id)
    had = await visit.services.database.write(release_case, form.case_id, visit.me.actor, now())
    filters = read_filters(visit.request.query_params)
    path = QUEUE if had == visit.me.actor else f"{ALL}/{form.case_id}"
    return RedirectResponse(build_address(path, filters), 303, PRIVATE)


@router.post("/assign")
async def assign_to_colleague(form: Annotated[PostedForm, require_form("assign")]) -> Response:
    """Puts the case on the desk of a colleague who decides, for a day; their queue shows it as theirs."""
    visit, database = form.visit, form.visit.services.database
    await check_file_access(visit.services, visit.me, form.case_id)
    colleague = form.values.get("colleague", "")
    if colleague not in await database.read(list_colleagues, DECIDERS, visit.me.actor):
        return await form.show_faults([Fault("colleague", "required")])
    if not await database.write(hand_over_case, form.case_id, colleague, visit.me.actor, now(), ASSIGNED_FOR):
        return await form.show_refusal(Reason("not_now"))
    filters = read_filters(visit.request.query_params)
    address = build_address(f"{ALL}/{form.case_id}", filters, done="assign", of=form.case_id)
    return RedirectResponse(address, 303, PRIVATE)
