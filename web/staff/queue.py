"""Staff's lists of cases: the queue of those that wait for a person, every case, and the search; nothing is changed."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from db.reads.queue import Filters, View, read_case_page
from db.reads.search import find_cases
from db.writes.access_log import record_access
from domain.shared.documents.faults import Invalid
from starter.cases import now
from web.http.auth import StaffMember, require_permission
from web.http.forms import describe_faults, read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE
from web.http.permissions import Permission
from web.services import Services, ServicesDep
from web.staff.export import COLUMNS
from web.staff.filters import ALL, QUEUE, build_address, list_facets, read_filters
from web.staff.layout import render_staff_page

router = APIRouter(prefix="/staff", include_in_schema=False, default_response_class=HTMLResponse)

Reader = Annotated[StaffMember, require_permission(Permission.READ_CASES)]
PATHS = {View.QUEUE: QUEUE, View.ALL: ALL}
SEARCH = "/staff/search"
AT_A_TIME = 25
MOST_FOUND = 50


@router.get("")
async def show_queue(request: Request, services: ServicesDep, me: Reader) -> Response:
    """The cases that wait for a person, oldest first."""
    return await _show_list(request, services, me, View.QUEUE)


@router.get("/cases")
async def show_all_cases(request: Request, services: ServicesDep, me: Reader) -> Response:
    """Every case, newest first."""
    return await _show_list(request, services, me, View.ALL)


async def _show_list(request: Request, services: Services, me: StaffMember, view: View) -> Response:
    filters, after = read_filters(request.query_params), request.query_params.get("after") or None
    try:
        page = await services.database.read(read_case_page, view, filters, after, AT_A_TIME)
    except Invalid:  # no place of this list
        return RedirectResponse(build_address(PATHS[view], filters), 303, PRIVATE)
    counts = await services.numbers.count_cases(view, filters)
    if page.rows:
        await services.database.write(
            record_access,
            me.actor,
            "queue" if view is View.QUEUE else "cases",
            [row.case_id for row in page.rows],
            now(),
        )
    words = services.pages[choose_language(request)].filters
    return render_staff_page(
        request,
        services,
        me,
        "staff/queue.html" if view is View.QUEUE else "staff/cases.html",
        now=now(),
        rows=page.rows,
        # Counts are some seconds old; a list that is all on one page counts itself.
        total=counts.total if page.next or page.previous else len(page.rows),
        facets=list_facets(filters, counts, words),
        is_filtered=bool(filters.list_wanted()),
        **_build_addresses(view, filters, page.next, page.previous),
    )


def _build_addresses(view: View, filters: Filters, following: str | None, previous: str | None) -> dict[str, Any]:
    """Where a list leads: its pages, its file, and what is handed on to a case so that one comes back here."""
    path = PATHS[view]
    return {
        "path": path,
        "first_url": build_address(path, filters) if previous else None,
        "previous_url": build_address(path, filters, after=previous) if previous else None,
        "next_url": build_address(path, filters, after=following) if following else None,
        "export_columns": COLUMNS.items(),
        "export_url": build_address("/staff/export.csv", filters, view=view.value),
        "of_case": build_address("", filters, view="all" if view is View.ALL else None),
    }


@router.get("/search")
async def show_search(request: Request, services: ServicesDep, me: Reader) -> Response:
    """Where to look for somebody."""
    return _render_search(request, services, me, {})


@router.post("/search")
async def search_cases(request: Request, services: ServicesDep, me: Reader) -> Response:
    """Who was found; the words come in the body, so that no address and no log holds them."""
    values = await read_form(request)
    words = values.get("words", "")
    if not words:
        return _render_search(request, services, me, values)
    try:
        rows = await services.database.read(find_cases, words, MOST_FOUND)
    except Invalid as invalid:
        errors = describe_faults(invalid.faults, choose_language(request))
        return _render_search(request, services, me, values, status=422, errors=errors)
    if rows:
        await services.database.write(record_access, me.actor, "search", [row.case_id for row in rows], now())
    return _render_search(request, services, me, values, rows=rows)


def _render_search(
    request: Request, services: Services, me: StaffMember, values: Mapping[str, str], status: int = 200, **found: Any
) -> HTMLResponse:
    shown = {"rows": None, "errors": [], **found}
    return render_staff_page(
        request,
        services,
        me,
        "staff/search.html",
        here=SEARCH,
        status=status,
        words=values.get("words", ""),
        most=MOST_FOUND,
        of_case="",
        **shown,
    )
