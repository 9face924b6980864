"""Staff signing in and out: by the identity provider, into a session of ours."""

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from starter.cases import now
from web.http.auth import PUBLIC, Parts, StaffMember, cookie_name, needs, staff_member
from web.http.identity_provider import SignInFailed
from web.http.pages import PRIVATE, general_contact, language_of, render
from web.http.permissions import Permission
from web.http.rate_limits import limited
from web.services import Door

router = APIRouter(prefix="/staff", include_in_schema=False, default_response_class=HTMLResponse)

HOME = "/staff"
# What the page says first, by what stands in its address.
TOLD = ("ended", "out", "failed", "no_role")


@router.get("/sign-in", dependencies=[PUBLIC])
async def sign_in(request: Request, parts: Parts) -> Response:
    """The page that leads to the identity provider; whoever is signed in goes on."""
    if await staff_member(request, parts) is not None:
        return RedirectResponse(_local(request.query_params.get("next")), 303, PRIVATE)
    told = request.query_params.get("told")
    return _page(request, parts, told if told in TOLD else None)


@router.get("/sign-in/start", dependencies=[PUBLIC, limited("sign_in")])
async def start(request: Request, parts: Parts) -> Response:
    """To the identity provider."""
    if parts.identity is None:
        return _page(request, parts, "failed", 503)
    request.session["next"] = _local(request.query_params.get("next"))
    try:
        return await parts.identity.leave_for(request)
    except SignInFailed:
        return _page(request, parts, "failed", 503)


@router.get("/sign-in/callback", dependencies=[PUBLIC, limited("sign_in")])
async def callback(request: Request, parts: Parts) -> Response:
    """Back from the identity provider: opens the session of somebody who has a role here."""
    onward = _local(request.session.get("next"))
    if parts.identity is None:
        return _page(request, parts, "failed", 503)
    try:
        found = await parts.identity.returned(request)
    except SignInFailed:
        return _page(request, parts, "failed", 403)
    finally:
        request.session.clear()
    if not found.roles:
        return _page(request, parts, "no_role", 403)
    token = await parts.sessions.begin(found.actor, found.name, found.roles, now())
    answer = RedirectResponse(onward, 303, PRIVATE)
    seconds = parts.settings.session_hours * 3600
    answer.set_cookie(
        cookie_name(parts), token, max_age=seconds, secure=parts.settings.is_secure, httponly=True, samesite="lax"
    )
    return answer


@router.post("/sign-out")
async def sign_out(
    request: Request, parts: Parts, me: Annotated[StaffMember, needs(Permission.READ_CASES)]
) -> RedirectResponse:
    """Ends the session; the cookie of an ended one opens nothing."""
    await parts.sessions.end(me.session, me.actor, now())
    answer = RedirectResponse(f"{HOME}/sign-in?told=out", 303, PRIVATE)
    answer.delete_cookie(cookie_name(parts), secure=parts.settings.is_secure, httponly=True, samesite="lax")
    return answer


def sign_in_url(request: Request, parts: Door) -> str:
    """The log-in that leads back to the page asked for; whoever had a session is told that it is over."""
    onward = HOME
    if request.method == "GET":
        onward = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    told = {"told": "ended"} if request.cookies.get(cookie_name(parts)) else {}
    return f"{HOME}/sign-in?{urlencode({'next': onward, **told})}"


def _page(request: Request, parts: Door, told: str | None, status: int = 200) -> HTMLResponse:
    language, onward = language_of(request), _local(request.query_params.get("next"))
    return render(
        parts,
        "staff/sign_in.html",
        language,
        general_contact(language),
        here=f"{HOME}/sign-in?{urlencode({'next': onward})}",
        status=status,
        told=told,
        start_url=f"{HOME}/sign-in/start?{urlencode({'next': onward})}" if parts.identity else None,
    )


def _local(url: object) -> str:
    """A page of the console; anything else is its first page."""
    asked = urlsplit(url) if isinstance(url, str) and len(url) <= 2000 and "\\" not in url else None
    if asked is None or asked.scheme or asked.netloc or not (asked.path + "/").startswith("/staff/"):
        return HOME
    if asked.path.startswith("/staff/sign-"):
        return HOME
    return asked.geturl()
