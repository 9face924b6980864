"""A list of cases as a file for a spreadsheet, streamed; what a cell begins with is never taken for a formula."""

import csv
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Annotated, Any

from fastapi.responses import StreamingResponse

from db.reads.queue import ExportedCase, View, stream_cases
from domain.shared.documents.formulas import quote_formula
from domain.shared.documents.instants import format_instant
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
    "program": N_("bewellnm for New Mexico, ffm for the federal program"),
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
    "opened_at": N_("when the case was opened, in UTC"),
}
NAMES = {View.QUEUE: "work-queue", View.ALL: "cases"}
MARK = "\ufeff"  # tells spreadsheets that it is UTF-8


@router.get("/export.csv")
async def export_cases(visit: Annotated[StaffVisit, require_visit(Permission.EXPORT)]) -> StreamingResponse:
    """The whole list under the address's filters, in its order: ``view`` is queue or all."""
    query = visit.request.query_params
    view = View.ALL if query.get("view") == View.ALL else View.QUEUE
    await visit.record_access("export", ())
    today = find_local_date(next(iter(POLICIES.values())), now())
    named = {"Content-Disposition": f'attachment; filename="{NAMES[view]}-{today}.csv"'}
    pages = stream_cases(visit.services.database, view, read_filters(query))
    return StreamingResponse(stream_csv(pages), headers={**PRIVATE, **named}, media_type="text/csv; charset=utf-8")


async def stream_csv(pages: AsyncIterator[list[ExportedCase]]) -> AsyncIterator[bytes]:
    """A header, and a line for each case."""
    yield (MARK + _write_csv([list(COLUMNS)])).encode()
    async for page in pages:
        yield _write_csv([format_cell(getattr(case, name)) for name in COLUMNS] for case in page).encode()


def format_cell(value: Any) -> str:
    """A value as a spreadsheet shows it and doesn't compute it."""
    if isinstance(value, datetime):
        return format_instant(value, "seconds")
    return quote_formula("" if value is None else str(value))


def _write_csv(rows: Iterable[Sequence[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
