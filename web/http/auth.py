"""Who calls: staff by session or bearer token, the portal, record stores; every route declares which of them may."""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from db.engine import Database
from db.tables import StaffSession
from db.writes.sessions import find_session, is_touch_due, touch_session
from starter.cases import now
from web.http.forms import MEDIA_TYPE, read_form, read_media_type
from web.http.limits import SAFE_METHODS
from web.http.permissions import Permission, StaffRole, collect_permissions, parse_roles
from web.http.problem_pages import NOT_ALLOWED, STALE_PAGE, ProblemText
from web.services import Services, get_services

STAFF_HOME = "/staff"
CSRF_FIELD, CSRF_HEADER = "csrf_token", "x-csrf-token"


class NotSignedIn(HTTPException):
    """Nobody of staff is signed in: a page leads to the log-in, everything else is 401."""

    def __init__(self) -> None:
        super().__init__(401, "Staff only: send a valid bearer token.", {"WWW-Authenticate": "Bearer"})


class NotAllowed(HTTPException):
    """Who is signed in may not do this; ``text`` is for their page, ``detail`` for programs."""

    def __init__(self, text: ProblemText, detail: str) -> None:
        super().__init__(403, detail)
        self.text = text


@dataclass(frozen=True)
class StaffMember:
    """Somebody of staff: ``actor`` is who the audit names; ``session`` and ``csrf`` are empty for a bearer token."""

    actor: str
    name: str
    roles: frozenset[StaffRole]
    session: str = ""
    csrf: str = ""

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """What their roles are granted together."""
        return collect_permissions(self.roles)

    def may(self, permission: Permission) -> bool:
        """Whether a role of theirs is granted this."""
        return permission in self.permissions


@dataclass(frozen=True)
class AccessDeclaration:
    """Who may call a route, for whoever looks at the table of routes; it checks nothing itself."""

    whom: str

    async def __call__(self) -> None:
        """Nothing to check."""


@dataclass(frozen=True)
class PermissionRequired:
    """Somebody of staff with this permission; with a session, an unsafe method needs its CSRF token too."""

    permission: Permission

    async def __call__(self, request: Request, services: Annotated[Services, Depends(get_services)]) -> StaffMember:
        """Who calls. Raises `NotSignedIn` or `NotAllowed`."""
        member = await find_staff_member(request, services)
        if member is None:
            raise NotSignedIn
        if not member.may(self.permission):
            roles = ", ".join(sorted(member.roles)) or "none"
            raise NotAllowed(NOT_ALLOWED, f"This needs the permission {self.permission}; your roles are: {roles}.")
        await check_csrf(request, member)
        return member


def require_permission(permission: Permission) -> Any:
    """Declares that a route is for staff with this permission; the route is handed the `StaffMember`."""
    return Depends(PermissionRequired(permission))


# Anybody; who holds an e-mailed link or a form's cookie; a third party whose signature or ticket is checked.
PUBLIC = Depends(AccessDeclaration("public"))
LINK = Depends(AccessDeclaration("link"))
SIGNED = Depends(AccessDeclaration("signed"))


def choose_session_cookie(services: Services) -> str:
    """The session's cookie; under TLS browsers see to it that no other host or path sets it."""
    return "__Host-staff" if services.settings.is_secure else "staff"


def find_sign_in_address(request: Request, services: Services) -> str:
    """The sign-in that leads back to the page asked for; whoever had a session is told that it is over."""
    onward = STAFF_HOME
    if request.method == "GET":
        onward = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    told = {"told": "ended"} if request.cookies.get(choose_session_cookie(services)) else {}
    return f"{STAFF_HOME}/sign-in?{urlencode({'next': onward, **told})}"


async def find_staff_member(request: Request, services: Services) -> StaffMember | None:
    """Who of staff calls, by bearer token or by session; None where nobody does."""
    if token := _read_bearer_token(request):
        # Every token is compared, so that time tells nothing.
        found = [actor for actor, secret in services.settings.staff_tokens.items() if _is_same_secret(token, secret)]
        return _build_token_holder(services, found[0]) if found else None
    cookie = request.cookies.get(choose_session_cookie(services), "")
    row = await find_staff_session(services.database, cookie, services.settings.session_idle, now()) if cookie else None
    if row is None:
        return None
    return StaffMember(row.actor, row.name, parse_roles(row.roles), row.id, row.csrf)


async def find_staff_session(database: Database, token: str, idle: timedelta, at: datetime) -> StaffSession | None:
    """The session of a cookie, noted as used; None where there is none, it was ended, or it has expired."""
    row = await database.read(find_session, token, idle, at)
    if row is not None and is_touch_due(row, at):
        await database.write(touch_session, row.token_hash, at)
    return row


def _build_token_holder(services: Services, actor: str) -> StaffMember:
    # Before there were roles every token was a reviewer's: one without an entry still is.
    roles = services.settings.staff_roles.get(actor, [StaffRole.REVIEWER])
    return StaffMember(actor, actor, parse_roles(roles))


async def check_csrf(request: Request, member: StaffMember) -> None:
    """Refuses an unsafe call of a session without the session's token. Raises `NotAllowed`."""
    if not member.session or request.method in SAFE_METHODS:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not given and read_media_type(request) == MEDIA_TYPE:
        given = (await read_form(request)).get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), member.csrf.encode()):
        raise NotAllowed(STALE_PAGE, "The page you sent this from is out of date: open it again, then send it again.")


def _is_same_secret(given: str, secret: SecretStr) -> bool:
    kept = secret.get_secret_value()
    return bool(kept) and hmac.compare_digest(given.encode(), kept.encode())


def _read_bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def require_portal(request: Request, services: Annotated[Services, Depends(get_services)]) -> str:
    """The portal, by its token; 401 otherwise."""
    if not _is_same_secret(_read_bearer_token(request), services.settings.portal_token):
        raise HTTPException(401, "The portal only: send its bearer token.", {"WWW-Authenticate": "Bearer"})
    return "portal"


async def require_registrant(request: Request, services: Annotated[Services, Depends(get_services)]) -> str:
    """Who acts on a federal registration: the assister, through the portal, or staff in their name; 401 otherwise."""
    if _is_same_secret(_read_bearer_token(request), services.settings.portal_token):
        return "assister"
    return (await PermissionRequired(Permission.ACT_FOR_ASSISTER)(request, services)).actor


async def require_record_store(request: Request, services: Annotated[Services, Depends(get_services)]) -> str:
    """A learning record store, by Basic credentials; 401 otherwise."""
    user, password = _read_basic_credentials(request)
    same_user = hmac.compare_digest(user.encode(), services.settings.xapi_user.encode())
    if not (_is_same_secret(password, services.settings.xapi_password) and same_user):
        raise HTTPException(401, "Send the record store's credentials.", {"WWW-Authenticate": 'Basic realm="xapi"'})
    return "record-store"


def _read_basic_credentials(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password


FOR_ANYBODY = ("/static", "/openapi.json")
Access = AccessDeclaration | PermissionRequired | Callable[..., Any]
_DEPENDENCIES = (require_portal, require_registrant, require_record_store)


def list_access(route: APIRoute) -> list[Access]:
    """What a route declares about who may call it."""
    return [
        call
        for call in _walk_dependencies(route.dependant)
        if isinstance(call, AccessDeclaration | PermissionRequired) or call in _DEPENDENCIES
    ]


def find_undeclared_routes(routes: Sequence[BaseRoute]) -> list[str]:
    """The routes that don't declare, once, who may call them; files and the API's description are for anybody."""
    found = ((context.path or "", context.original_route) for context in iter_route_contexts(routes))
    return [path for path, route in found if path not in FOR_ANYBODY and not _declares_access(route)]


def _declares_access(route: BaseRoute) -> bool:
    return isinstance(route, APIRoute) and len(list_access(route)) == 1


def _walk_dependencies(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _walk_dependencies(one)


Portal = Annotated[str, Depends(require_portal)]
Registrant = Annotated[str, Depends(require_registrant)]
RecordStore = Annotated[str, Depends(require_record_store)]
