"""A list of cases as a file for a spreadsheet, streamed; what a cell begins with is never taken for a formula."""

from typing import Annotated

from fastapi.responses import StreamingResponse

from db.reads.queue import View, stream_cases
from domain.shared.documents.spreadsheets import stream_lines
from domain.shared.policy import find_local_date
from domain.state.policies import POLICIES
from starter.cases import now
from templates.catalogs import N_
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.staff.filters import read_filters
from web.staff.layout import StaffVisit, require_visit

router = build_page_router(prefix="/staff")

# The columns in their order; each is a field of `db.reads.queue.ExportedCase`.
COLUMNS: dict[str, str] = {
    "case_id": N_("number of the case; its page is /staff/cases/ and this number"),
    "first_name": N_("first name"),
    "last_name": N_("last name"),
    "email": N_("e-mail address"),
    "npn": N_("National Producer Number; empty where there is none"),
    "language": N_("language in which we write: en or es"),
    "program": N_("ffm for the federal program, the other one for [state]"),
    "plan_year": N_("plan year"),
    "attempt": N_("how many requests there were for this plan year, this one included"),
    "kind": N_("what the person is certified as"),
    "assister_type": N_("new or returning"),
    "stage": N_("where the case is"),
    "waiting_for": N_("what it waits for"),
    "waiting_since": N_("since when, in UTC"),
    "attention": N_("why staff should look at it: decision, or a flag; empty where nothing is to be looked at"),
    "attention_since": N_("since when, in UTC"),
    "flag": N_("the flag that is up"),
    "finding": N_(
        "what its checks come to while it waits for a decision: passed, failed, consider, unknown or answered"
    ),
    "opened_at": N_("when the case was opened, in UTC"),
}
NAMES = {View.QUEUE: "work-queue", View.ALL: "cases"}


@router.get("/export.csv")
async def export_cases(visit: Annotated[StaffVisit, require_visit(Permission.EXPORT)]) -> StreamingResponse:
    """The whole list under the address's filters, in its order: ``view`` is queue or all."""
    query = visit.request.query_params
    view = View.ALL if query.get("view") == View.ALL else View.QUEUE
    await visit.record_access("export", ())
    today = find_local_date(next(iter(POLICIES.values())), now())
    named = {"Content-Disposition": f'attachment; filename="{NAMES[view]}-{today}.csv"'}
    pages = stream_cases(visit.services.database, view, read_filters(query))
    lines = stream_lines(list(COLUMNS), pages)
    return StreamingResponse(lines, headers={**PRIVATE, **named}, media_type="text/csv; charset=utf-8")
