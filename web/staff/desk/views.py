"""Views of the queue under names: saved and dropped by whoever of staff they are of. Each sees their own alone."""

from fastapi.responses import RedirectResponse, Response

from db.writes.house.saved_views import LONGEST_NAME, drop_view, save_view
from domain.shared.cases.reasons import Refusal
from starter.cases import now
from web.http.addresses import parse_query
from web.http.forms import read_form
from web.http.pages import PRIVATE, build_page_router
from web.staff.filters import QUEUE, build_address, read_filters
from web.staff.layout import ReaderVisit
from web.staff.queue import show_unsaved_view

router = build_page_router(prefix="/staff/views")


@router.post("")
async def save_queue_view(visit: ReaderVisit) -> Response:
    """Keeps filters and order of the queue, as its address has them, under a name; back to the queue.

    Where it can't be kept the queue says why.
    """
    values = await read_form(visit.request)
    filters = read_filters(parse_query(values.get("query", "")))
    name = " ".join(values.get("name", "").split())[:LONGEST_NAME]
    if name.isprintable() and name:
        query = build_address("", filters)
        try:
            await visit.services.database.write(save_view, visit.me.actor, name, query, now())
        except Refusal as refusal:
            return await show_unsaved_view(visit, filters, name, refusal.reason)
    return RedirectResponse(build_address(QUEUE, filters), 303, PRIVATE)


@router.post("/drop")
async def drop_queue_view(visit: ReaderVisit) -> Response:
    """Drops a view of one's own; back to the queue."""
    values = await read_form(visit.request)
    await visit.services.database.write(drop_view, visit.me.actor, values.get("name", ""), now())
    return RedirectResponse(QUEUE, 303, PRIVATE)
