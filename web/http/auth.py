"""Who calls: staff, people on their own pages, and portals; every route declares which of them may."""

import hmac
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Header, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from db.engine import Database
from db.tables import StaffSession
from db.writes.own import sessions as own_sessions
from db.writes.own.portal_passes import find_portal_pass
from db.writes.sessions import find_session, is_touch_due, touch_session
from domain.shared.documents.faults import Fault
from domain.shared.ids import name_sender_actor, name_staff_actor
from domain.shared.links import OWN_PATH
from domain.shared.senders import ForbiddenReport, ReportKind
from starter.cases import now
from web.http.addresses import set_language, strip_origin
from web.http.forms import MEDIA_TYPE, read_form, read_media_type
from web.http.limits import SAFE_METHODS
from web.http.permissions import Permission, StaffRole, collect_permissions, parse_roles
from web.http.problem_pages import NOT_ALLOWED, STALE_PAGE, ProblemText
from web.http.rate_limits import check_rate
from web.http.uploads import MOST_PARTS, UPLOAD_TYPE, read_upload
from web.services import Services, get_services

STAFF_HOME = "/staff"
INTAKE_ONLY = (
    "This credential is an intake partner's: it is for sending requests, whose e-mail addresses it vouches for, and "
    "for nothing else."
)
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


class StalePage(NotAllowed):
    """A form without the token of its sender's session: of a page of another session, or of nobody's."""

    def __init__(self) -> None:
        detail = "The page you sent this from is out of date: open it again, then send it again."
        super().__init__(STALE_PAGE, detail)


@dataclass(frozen=True)
class StaffMember:
    """Somebody of staff: ``actor`` is who the audit names; ``session`` and ``csrf`` are empty for a bearer token.

    ``ends_at`` is when their session ends unless they go on, ``expires_at`` when it ends in any case.
    """

    actor: str
    name: str
    roles: frozenset[StaffRole]
    session: str = ""
    csrf: str = ""
    ends_at: datetime | None = None
    expires_at: datetime | None = None

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """What their roles are granted together."""
        return collect_permissions(self.roles)

    def may(self, permission: Permission) -> bool:
        """Whether a role of theirs is granted this."""
        return permission in self.permissions


class NotOnOwnPages(HTTPException):
    """Nobody is signed in to their own pages: a page leads to the sign-in, everything else is 401."""

    def __init__(self) -> None:
        super().__init__(401, "Sign in on /me first: by a code to your e-mail address.")


@dataclass(frozen=True)
class OwnVisitor:
    """Somebody on their own pages, by the e-mail address they have confirmed; ``ends_at`` unless they go on.

    ``former`` is the address they went by when they signed in, where they have changed it since.
    """

    email: str
    ends_at: datetime
    former: str | None = None

    @property
    def emails(self) -> frozenset[str]:
        """Every address that they have confirmed in this session, in lower case."""
        return frozenset(address for address in (self.email, self.former) if address)

    def find_address_faults(self, changes: Mapping[str, Any], known: str) -> list[Fault]:
        """What is wrong with the e-mail address among ``changes``: it is neither the known one nor confirmed (D6)."""
        return find_address_faults(changes, self.emails | {known})


def find_address_faults(changes: Mapping[str, Any], confirmed: Collection[str]) -> list[Fault]:
    """What is wrong with the e-mail address among ``changes``, if there is one: it is none of the confirmed (D6)."""
    email = changes.get("email")
    known = {address.lower() for address in confirmed}
    is_known = "email" not in changes or (isinstance(email, str) and email.strip().lower() in known)
    return [] if is_known else [Fault("email", "address_unconfirmed")]


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
        if sender := services.senders.find_token_holder(_read_bearer_token(request)):
            raise ForbiddenReport(sender)
        if find_intake_partner(request, services) is not None:
            raise HTTPException(403, INTAKE_ONLY)
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


# Anybody; who holds an activation link or a form's cookie; a third party whose signature or ticket is checked.
PUBLIC = Depends(AccessDeclaration("public"))
LINK = Depends(AccessDeclaration("link"))
SIGNED = Depends(AccessDeclaration("signed"))


def choose_session_cookie(services: Services) -> str:
    """The session's cookie; under TLS browsers see to it that no other host or path sets it."""
    return "__Host-staff" if services.settings.is_secure else "staff"


def find_sign_in_address(
    request: Request, services: Services, onward: str = STAFF_HOME, *, had_session: bool = False
) -> str:
    """The sign-in that leads back to the page asked for, else ``onward``; whoever had a session is told it is over."""
    if request.method == "GET":
        onward = strip_origin(request.url)
    told = {"told": "ended"} if had_session or request.cookies.get(choose_session_cookie(services)) else {}
    return f"{STAFF_HOME}/sign-in?{urlencode({'next': onward, **told})}"


async def find_staff_member(request: Request, services: Services) -> StaffMember | None:
    """Who of staff calls, by bearer token or by session; None where nobody does."""
    if token := _read_bearer_token(request):
        holder = services.settings.find_token_holder(token, now().date())
        if holder is None:
            await check_rate(services, "wrong_credential", request)
            return None
        return _build_token_holder(services, holder)
    cookie, idle = request.cookies.get(choose_session_cookie(services), ""), services.settings.session_idle
    row = await find_staff_session(services.database, cookie, idle, now()) if cookie else None
    if row is None:
        return None
    ends_at = min(row.expires_at, row.seen_at + idle)
    return StaffMember(row.actor, row.name, parse_roles(row.roles), row.id, row.csrf, ends_at, row.expires_at)


async def find_staff_session(database: Database, token: str, idle: timedelta, at: datetime) -> StaffSession | None:
    """The session of a cookie, noted as used; None where there is none, it was ended, or it has expired."""
    row = await database.read(find_session, token, idle, at)
    if row is not None and is_touch_due(row, at):
        await database.write(touch_session, row.token_hash, at)
        row.seen_at = at
    return row


def _build_token_holder(services: Services, actor: str) -> StaffMember:
    return StaffMember(name_staff_actor(actor), actor, parse_roles(services.settings.staff_roles.get(actor, [])))


async def check_csrf(request: Request, member: StaffMember) -> None:
    """Refuses an unsafe call of a session without the session's token. Raises `StalePage`."""
    if not member.session or request.method in SAFE_METHODS:
        return
    if not await has_csrf(request, member.csrf):
        raise StalePage


async def has_csrf(request: Request, csrf: str) -> bool:
    """Whether a call brings the token of a session."""
    return hmac.compare_digest((await read_csrf(request)).encode(), csrf.encode())


async def read_csrf(request: Request) -> str:
    """The token of a session that a call brings, in a header or among the fields of its form; empty for none."""
    given = request.headers.get(CSRF_HEADER, "")
    if not given and read_media_type(request) == MEDIA_TYPE:
        given = (await read_form(request)).get(CSRF_FIELD, "")
    elif not given and read_media_type(request) == UPLOAD_TYPE:
        given = (await read_upload(request, MOST_PARTS)).values.get(CSRF_FIELD, "")
    return given


def _is_same_secret(given: str, secret: SecretStr) -> bool:
    kept = secret.get_secret_value()
    return bool(kept) and hmac.compare_digest(given.encode(), kept.encode())


def _read_bearer_token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def choose_own_cookie(services: Services) -> str:
    """The cookie of the session on one's own pages."""
    return "__Host-own" if services.settings.is_secure else "own"


async def find_own_visitor(request: Request, services: Services) -> OwnVisitor | None:
    """Who is signed in to their own pages, noted as there; None where nobody is, or the session has ended."""
    token, at = request.cookies.get(choose_own_cookie(services), ""), now()
    row = await services.database.read(own_sessions.find_own_session, token, at) if token else None
    if row is None:
        return None
    if own_sessions.is_touch_due(row, at):
        await services.database.write(own_sessions.touch_own_session, row.token_hash, at)
        row.seen_at = at
    return OwnVisitor(row.email, own_sessions.find_end(row), row.former_email)


def describe_session(visitor: OwnVisitor) -> dict[str, Any]:
    """What the frame of one's own pages says: who is signed in, when that ends, and in how many seconds."""
    left = max(0, int((visitor.ends_at - now()).total_seconds()))
    return {"email": visitor.email, "ends_at": visitor.ends_at, "seconds": left}


async def find_way_back(request: Request, services: Services, language: str) -> str | None:
    """Where a public page leads back to who is signed in to their own pages; None for everybody else."""
    visitor = await find_own_visitor(request, services)
    return set_language(OWN_PATH, language) if visitor else None


async def require_own_session(request: Request, services: Annotated[Services, Depends(get_services)]) -> OwnVisitor:
    """Somebody on their own pages. Raises `NotOnOwnPages`."""
    visitor = await find_own_visitor(request, services)
    if visitor is None:
        raise NotOnOwnPages
    return visitor


async def require_portal(request: Request, services: Annotated[Services, Depends(get_services)]) -> str:
    """A portal that may look applicants up, by its token: 401 for nobody's, 403 for another sender's."""
    sender = services.senders.find_token_holder(_read_bearer_token(request))
    if sender is None:
        if _read_bearer_token(request):
            await check_rate(services, "wrong_credential", request)
        raise HTTPException(401, "The portal only: send its bearer token.", {"WWW-Authenticate": "Bearer"})
    if ReportKind.APPLICANTS not in sender.kinds:
        raise ForbiddenReport(sender)
    return sender.actor


def find_intake_partner(request: Request, services: Services) -> str | None:
    """The intake partner whose bearer token a call brings; None where it is nobody's."""
    return services.settings.find_intake_partner(_read_bearer_token(request), now().date())


@dataclass(frozen=True)
class RequestSender:
    """Who sends requests of others, as the audit names them; whether they may vouch for an NPN, and if not, why."""

    actor: str
    may_prove: bool
    refusal: str


async def require_intake(request: Request, services: Annotated[Services, Depends(get_services)]) -> RequestSender:
    """An intake partner, who vouches for e-mail addresses, or staff who may open cases: 401 for nobody's credential.

    Raises `ForbiddenReport` for another sender's, `NotAllowed` for staff who may not.
    """
    partner = find_intake_partner(request, services)
    if partner is not None:
        return RequestSender(name_sender_actor(partner), may_prove=False, refusal=INTAKE_ONLY)
    try:
        member = await PermissionRequired(Permission.BEGIN)(request, services)
    except NotSignedIn:
        said = "Send the bearer token of an intake partner or of staff."
        raise HTTPException(401, said, {"WWW-Authenticate": "Bearer"}) from None
    refusal = f"To vouch for an NPN takes the permission {Permission.PROVE_IDENTITY}; send the request without a proof."
    return RequestSender(member.actor, member.may(Permission.PROVE_IDENTITY), refusal)


@dataclass(frozen=True)
class StepCaller:
    """Who takes steps of an assister's: staff, or a portal by a pass, of which the audit has the id."""

    actor: str
    portal_pass: str | None = None


PortalPassHeader = Annotated[
    str, Header(alias="Portal-Pass", max_length=200, description="a portal's: the pass that the assister gave it")
]


async def require_registrant(
    request: Request,
    services: Annotated[Services, Depends(get_services)],
    case_id: str,
    portal_pass: PortalPassHeader = "",
) -> StepCaller:
    """Who takes the steps of a registration that bind nobody: a portal whom its owner gave a pass for it, or staff.

    Raises `ForbiddenReport` for a portal without such a pass, whatever is wrong with it, and in the same words for a
    case there is not: the answer tells what the credential is for, and nothing of the case.
    """
    sender = services.senders.find_token_holder(_read_bearer_token(request))
    if sender is not None and ReportKind.REGISTRATION in sender.kinds:
        found = await services.database.read(find_portal_pass, portal_pass, sender.id, case_id, now())
        if found is None:
            if portal_pass:
                await check_rate(services, "wrong_credential", request)
            raise ForbiddenReport(sender)
        return StepCaller(sender.actor, found.id)
    return StepCaller((await PermissionRequired(Permission.ACT_FOR_ASSISTER)(request, services)).actor)


FOR_ANYBODY = ("/static", "/openapi.json")
Access = AccessDeclaration | PermissionRequired | Callable[..., Any]
_DEPENDENCIES = (require_own_session, require_intake, require_portal, require_registrant)


def list_access(route: APIRoute) -> list[Access]:
    """What a route declares about who may call it."""
    found = (
        call
        for call in _walk_dependencies(route.dependant)
        if isinstance(call, AccessDeclaration | PermissionRequired) or call in _DEPENDENCIES
    )
    return list(dict.fromkeys(found))  # what a page is built of may ask for the same


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


OwnPages = Annotated[OwnVisitor, Depends(require_own_session)]
Portal = Annotated[str, Depends(require_portal)]
Intake = Annotated[RequestSender, Depends(require_intake)]
Registrant = Annotated[StepCaller, Depends(require_registrant)]
