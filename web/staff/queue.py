"""Staff's lists of cases: the queue of those that wait for a person, every case, and the search; nothing is changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from db.cursors import Cursor
from db.reads.counts import add_desks
from db.reads.desk.queue_page import QueuePage, read_queue_page
from db.reads.queue import OLDEST_FIRST, Filters, View, read_case_page
from db.reads.search import search_everything
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Invalid
from starter.cases import now
from web.http.forms import describe_faults, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.sentences import explain_reason
from web.staff.ages import measure_ages
from web.staff.export import COLUMNS
from web.staff.filters import (
    ALL,
    QUEUE,
    build_address,
    list_facets,
    list_sortings,
    read_filters,
    spell_sorting,
)
from web.staff.layout import ReaderVisit, StaffVisit, build_page_urls

router = build_page_router(prefix="/staff")

PATHS = {View.QUEUE: QUEUE, View.ALL: ALL}
SEARCH = "/staff/search"
AT_A_TIME = 25
MOST_FOUND = 50


@router.get("")
async def show_queue(visit: ReaderVisit) -> Response:
    """The cases that wait for a person, oldest first."""
    asked = visit.request.query_params
    return await _show_list(visit, View.QUEUE, read_filters(asked), asked.get("after") or None)


@router.get("/cases")
async def show_all_cases(visit: ReaderVisit) -> Response:
    """Every case, newest first."""
    asked = visit.request.query_params
    filters = replace(read_filters(asked), desk=None, sorting=OLDEST_FIRST)
    return await _show_list(visit, View.ALL, filters, asked.get("after") or None)


async def show_unsaved_view(visit: StaffVisit, filters: Filters, name: str, refused: Reason) -> Response:
    """The queue under these filters, which can't be saved as a view of this name, and why."""
    return await _show_list(visit, View.QUEUE, filters, None, name, refused)


async def _show_list(
    visit: StaffVisit,
    view: View,
    filters: Filters,
    after: Cursor | None,
    view_name: str = "",
    refused: Reason | None = None,
) -> Response:
    services, at, is_queue = visit.services, now(), view is View.QUEUE
    try:
        shown = await _read_list(visit, view, filters, after, at)
    except Invalid:  # no place of this list
        return RedirectResponse(build_address(PATHS[view], filters), 303, PRIVATE)
    page, counts = shown.cases, await services.numbers.count_cases(view, filters)
    if page.rows:
        await visit.record_access("queue" if is_queue else "cases", [row.case_id for row in page.rows])
    if is_queue:
        counts = add_desks(counts, shown.held, filters)
    words = services.pages[visit.language].filters
    return visit.render_page(
        "staff/queue.html" if is_queue else "staff/cases.html",
        here=build_address(PATHS[view], filters) if refused else None,
        status=409 if refused else 200,
        now=at,
        rows=page.rows,
        # Counts are some seconds old; a list that is all on one page counts itself.
        total=counts.total if page.next or page.previous else len(page.rows),
        facets=list_facets(filters, counts, words, visit.me.actor, visit.staff_names),
        is_filtered=bool(filters.list_wanted()),
        ages=measure_ages(page.rows, at) if is_queue else {},
        sortings=list_sortings(filters) if is_queue else {},
        views=shown.views,
        view_query=build_address("", filters),
        view_name=view_name,
        view_refused=explain_reason(refused, visit.language) if refused else None,
        sorted_by=spell_sorting(filters.sorting) or "since",
        **build_page_urls(page, lambda after: build_address(PATHS[view], filters, after=after)),
        **_build_addresses(view, filters),
    )


async def _read_list(visit: StaffVisit, view: View, filters: Filters, after: Cursor | None, at: datetime) -> QueuePage:
    """A page of a list; desks and saved views are the queue's alone. Raises `Invalid` for an invalid cursor."""
    database = visit.services.database
    if view is View.QUEUE:
        return await database.read(read_queue_page, filters, after, AT_A_TIME, visit.me.actor, at)
    return QueuePage(await database.read(read_case_page, view, filters, after, AT_A_TIME), held=[], views=[])


def _build_addresses(view: View, filters: Filters) -> dict[str, Any]:
    """Where a list leads besides its pages: its file, and what is handed on to a case so that one comes back here."""
    return {
        "path": PATHS[view],
        "export_columns": COLUMNS.items(),
        "export_url": build_address("/staff/export.csv", filters, view=view.value),
        "of_case": build_address("", filters, view="all" if view is View.ALL else None),
    }


@router.get("/search")
async def show_search(visit: ReaderVisit) -> Response:
    """Where to look for somebody."""
    return _render_search(visit, {})


@router.post("/search")
async def search_cases(visit: ReaderVisit) -> Response:
    """Who was found; the words come in the body, so that no address and no log holds them."""
    values = await read_form(visit.request)
    words = values.get("words", "")
    if not words:
        return _render_search(visit, values)
    try:
        found = await visit.services.database.read(search_everything, words, MOST_FOUND)
    except Invalid as invalid:
        errors = describe_faults(invalid.faults, visit.language)
        return _render_search(visit, values, status=422, errors=errors)
    if found.cases or found.people:
        shown = [row.case_id for row in found.cases]
        await visit.record_access("search", [*shown, None] if found.people else shown)
    return _render_search(visit, values, rows=found.cases, people=found.people, is_guess=found.is_guess)


def _render_search(visit: StaffVisit, values: Mapping[str, str], status: int = 200, **found: Any) -> HTMLResponse:
    shown = {"rows": None, "people": [], "is_guess": False, "errors": [], **found}
    return visit.render_page(
        "staff/search.html",
        here=SEARCH,
        status=status,
        words=values.get("words", ""),
        most=MOST_FOUND,
        of_case="",
        **shown,
    )
