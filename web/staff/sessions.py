"""Staff's sessions: signing in by the identity provider, signing out, who is signed in, ending somebody's session."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from db.writes.house.staff_accounts import recognize_staff
from db.writes.sessions import end_session, find_session, list_open_sessions, open_session
from starter.cases import now
from web.http.addresses import find_local_address
from web.http.auth import PUBLIC, choose_session_cookie, find_staff_member
from web.http.defence.security_log import log_security
from web.http.identity_provider import SignInFailed
from web.http.negotiation import choose_language
from web.http.pages import FORGET, PRIVATE, build_page_router, render_page
from web.http.permissions import Permission, StaffRole
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep
from web.staff.desk.kept_form import KEPT, drop_kept_form
from web.staff.layout import ReaderVisit, StaffVisit, require_visit

router = build_page_router(prefix="/staff")

HOME, SESSIONS, OWN_SESSIONS = "/staff", "/staff/sessions", "/staff/own-sessions"
# What the pages say first, by what stands in their addresses.
TOLD = ("ended", "out", "failed", "no_role")
TOLD_OF_SESSIONS = ("ended", "gone")


@router.get("/sign-in", dependencies=[PUBLIC])
async def show_sign_in(request: Request, services: ServicesDep) -> Response:
    """The page that leads to the identity provider; whoever is signed in goes on."""
    if await find_staff_member(request, services) is not None:
        return RedirectResponse(_find_onward(request.query_params.get("next")), 303, PRIVATE)
    told = request.query_params.get("told")
    return _render_sign_in(request, services, told if told in TOLD else None)


@router.get("/sign-in/start", dependencies=[PUBLIC, limit_rate("sign_in")])
async def start_sign_in(request: Request, services: ServicesDep) -> Response:
    """To the identity provider, which may know them at once: another site's link leads to the page before it."""
    if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return RedirectResponse(f"{HOME}/sign-in", 303, PRIVATE)
    if services.identity_provider is None:
        return _render_sign_in(request, services, "failed", 503)
    request.session["next"] = _find_onward(request.query_params.get("next"))
    try:
        return await services.identity_provider.redirect_to_sign_in(request)
    except SignInFailed:
        return _render_sign_in(request, services, "failed", 503)


@router.get("/sign-in/callback", dependencies=[PUBLIC, limit_rate("sign_in")])
async def finish_sign_in(request: Request, services: ServicesDep) -> Response:
    """Back from the identity provider: opens the session of somebody who has a role here."""
    onward = _find_onward(request.session.get("next"))
    if services.identity_provider is None:
        return _render_sign_in(request, services, "failed", 503)
    try:
        found = await services.identity_provider.read_identity(request)
    except SignInFailed:
        log_security("sign_in_failed")
        return _render_sign_in(request, services, "failed", 403)
    finally:
        request.session.clear()
    if not found.roles:
        log_security("sign_in_without_role")
        return _render_sign_in(request, services, "no_role", 403)
    longest = services.settings.session_longest
    recognized = await services.database.write(
        recognize_staff,
        found.issuer,
        found.subject,
        found.actor,
        found.roles,
        now(),
        services.settings.staff_tokens,
        found.name,
    )
    actor = recognized.actor
    await _end_session_before(request, services)
    token = await services.database.write(open_session, actor, found.name, found.roles, longest, now())
    opened = await services.database.read(find_session, token, services.settings.session_idle, now())
    if opened is not None:
        log_security("signed_in", session=opened.id, roles=opened.roles)
        if recognized.roles_before not in (None, opened.roles):
            log_security("roles_changed", session=opened.id, before=recognized.roles_before, roles=opened.roles)
    answer = RedirectResponse(onward, 303, PRIVATE)
    seconds = services.settings.session_hours * 3600
    answer.set_cookie(
        choose_session_cookie(services),
        token,
        max_age=seconds,
        secure=services.settings.is_secure,
        httponly=True,
        samesite="lax",
    )
    return answer


async def _end_session_before(request: Request, services: Services) -> None:
    """Who signs in again in the same browser leaves no session behind that a copied cookie would open."""
    idle, cookie = services.settings.session_idle, request.cookies.get(choose_session_cookie(services), "")
    before = await services.database.read(find_session, cookie, idle, now()) if cookie else None
    if before is not None:
        await services.database.write(end_session, before.id, before.actor, idle, now())


@router.post("/sign-out")
async def sign_out(visit: ReaderVisit) -> RedirectResponse:
    """Ends the session; the cookie of an ended one opens nothing."""
    me, services = visit.me, visit.services
    await services.database.write(end_session, me.session, me.actor, services.settings.session_idle, now())
    log_security("signed_out", session=me.session)
    answer = RedirectResponse(f"{HOME}/sign-in?told=out", 303, {**PRIVATE, **FORGET})
    answer.delete_cookie(
        choose_session_cookie(services), secure=services.settings.is_secure, httponly=True, samesite="lax"
    )
    drop_kept_form(answer, services)
    return answer


@router.post("/stay")
async def stay_signed_in(visit: ReaderVisit) -> JSONResponse:
    """Notes that the session is used, by somebody who is still writing: {seconds}, after which it ends."""
    signed_in = visit.describe_session()
    return JSONResponse({"seconds": signed_in["seconds"] if signed_in else None}, headers=PRIVATE)


@router.get("/sessions")
async def show_sessions(visit: Annotated[StaffVisit, require_visit(Permission.READ_SESSIONS)]) -> HTMLResponse:
    """Who is signed in, the last seen first."""
    return await _render_sessions(visit, SESSIONS)


@router.get("/own-sessions")
async def show_own_sessions(visit: ReaderVisit) -> HTMLResponse:
    """Where somebody of staff is signed in themselves: a browser they don't know is one they can end."""
    return await _render_sessions(visit, OWN_SESSIONS, visit.me.actor)


async def _render_sessions(visit: StaffVisit, here: str, actor: str | None = None) -> HTMLResponse:
    told, services = visit.request.query_params.get("told"), visit.services
    rows = await services.database.read(list_open_sessions, services.settings.session_idle, now(), actor)
    return visit.render_page(
        "staff/sessions.html",
        here=here,
        own=actor is not None,
        rows=rows,
        told=told if told in TOLD_OF_SESSIONS else None,
        now=now(),
        known=frozenset(StaffRole),
    )


@router.post("/sessions/{session_id}/end")
async def end_other_session(
    visit: Annotated[StaffVisit, require_visit(Permission.END_SESSIONS)],
    session_id: Annotated[str, Path(pattern="^[0-9a-f]{1,64}$")],
) -> RedirectResponse:
    """Ends somebody's session: their next click leads to the log-in."""
    return await _end_session(visit, session_id, SESSIONS)


@router.post("/own-sessions/{session_id}/end")
async def end_session_elsewhere(
    visit: ReaderVisit, session_id: Annotated[str, Path(pattern="^[0-9a-f]{1,64}$")]
) -> RedirectResponse:
    """Ends a session of one's own in another browser."""
    return await _end_session(visit, session_id, OWN_SESSIONS)


async def _end_session(visit: StaffVisit, session_id: str, back: str) -> RedirectResponse:
    idle, only_own = visit.services.settings.session_idle, back == OWN_SESSIONS
    ended = await visit.services.database.write(end_session, session_id, visit.me.actor, idle, now(), only_own=only_own)
    if ended:
        log_security("session_ended", session=session_id, by=visit.me.session)
    return RedirectResponse(f"{back}?told={'ended' if ended else 'gone'}", 303, PRIVATE)


def _render_sign_in(request: Request, services: Services, told: str | None, status: int = 200) -> HTMLResponse:
    language, onward = choose_language(request), _find_onward(request.query_params.get("next"))
    return render_page(
        services,
        "staff/sign_in.html",
        language,
        services.describe_general_contact(language),
        here=f"{HOME}/sign-in?{urlencode({'next': onward})}",
        status=status,
        told=told,
        is_kept=onward == KEPT,
        start_url=f"{HOME}/sign-in/start?{urlencode({'next': onward})}" if services.identity_provider else None,
    )


def _find_onward(url: object) -> str:
    """A page of the console; anything else is its first page, lest our sign-in lead to any site."""
    found = find_local_address(url, HOME, HOME)
    return HOME if found.startswith(f"{HOME}/sign-") else found
