"""Who looked at whose data, and who is signed in: for auditors and operators; sessions can be ended."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from db.reads.access_log import read_access_log
from db.writes.sessions import end_session as close_session, list_open_sessions
from domain.shared.faults import Invalid
from starter.cases import now
from web.http.addresses import build_query
from web.http.auth import StaffMember, require_permission
from web.http.pages import PRIVATE
from web.http.permissions import Permission, StaffRole
from web.services import ServicesDep
from web.staff.layout import render_staff_page

router = APIRouter(prefix="/staff", include_in_schema=False, default_response_class=HTMLResponse)

ACCESS_LOG, SESSIONS = "/staff/access-log", "/staff/sessions"
AT_A_TIME = 50
LONGEST = 200
# What the page of sessions says first, by what stands in its address.
TOLD = ("ended", "gone")


@router.get("/access-log")
async def show_access_log(
    request: Request, services: ServicesDep, me: Annotated[StaffMember, require_permission(Permission.READ_ACCESS_LOG)]
) -> Response:
    """Who looked at whose personal data, newest first; one actor's and one case's, if asked for."""
    asked = {name: request.query_params.get(name, "").strip()[:LONGEST] for name in ("actor", "case_id")}
    try:
        page = await services.database.read(
            read_access_log, request.query_params.get("after") or None, AT_A_TIME, **asked
        )
    except Invalid:  # no place of this list
        return RedirectResponse(ACCESS_LOG + build_query(**asked), 303, PRIVATE)
    return render_staff_page(
        request,
        services,
        me,
        "staff/access_log.html",
        rows=page.rows,
        asked=asked,
        first_url=ACCESS_LOG + build_query(**asked) if page.previous else None,
        previous_url=ACCESS_LOG + build_query(**asked, after=page.previous) if page.previous else None,
        next_url=ACCESS_LOG + build_query(**asked, after=page.next) if page.next else None,
    )


@router.get("/looks")
async def redirect_to_access_log(
    request: Request, _: Annotated[StaffMember, require_permission(Permission.READ_ACCESS_LOG)]
) -> RedirectResponse:
    """The page's former address, which auditors may have kept."""
    return RedirectResponse(ACCESS_LOG + build_query(**request.query_params), 301, PRIVATE)


@router.get("/sessions")
async def show_sessions(
    request: Request, services: ServicesDep, me: Annotated[StaffMember, require_permission(Permission.READ_SESSIONS)]
) -> HTMLResponse:
    """Who is signed in, the last seen first."""
    told = request.query_params.get("told")
    rows = await services.database.read(list_open_sessions, services.settings.session_idle, now())
    return render_staff_page(
        request,
        services,
        me,
        "staff/sessions.html",
        here=SESSIONS,
        rows=rows,
        told=told if told in TOLD else None,
        now=now(),
        known=frozenset(StaffRole),
    )


@router.post("/sessions/{session_id}/end")
async def end_session(
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.END_SESSIONS)],
    session_id: Annotated[str, Path(pattern="^[0-9a-f]{1,64}$")],
) -> RedirectResponse:
    """Ends somebody's session: their next click leads to the log-in."""
    idle = services.settings.session_idle
    ended = await services.database.write(close_session, session_id, me.actor, idle, now())
    return RedirectResponse(f"{SESSIONS}?told={'ended' if ended else 'gone'}", 303, PRIVATE)
