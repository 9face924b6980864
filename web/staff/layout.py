"""What the console's pages share: who comes to them, navigation by what they may do, the form's token; no routes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from db.cursors import Page
from db.reads.house.staff_names import list_staff_names
from db.writes.access_log import record_access
from db.writes.sessions import TOUCHED_EVERY
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.addresses import strip_origin
from web.http.auth import StaffMember, require_permission
from web.http.defence.file_access import check_file_access
from web.http.negotiation import choose_language
from web.http.pages import render_page
from web.http.permissions import Permission
from web.services import Services, ServicesDep

CLAIMS, SEASONS, APPEALS, IMPORTS = "/staff/claims", "/staff/season", "/staff/appeals", "/staff/imports"
OPERATIONS = "/staff/operations"
# The console's pages, in the order of the navigation, each with what it needs.
NAVIGATION: tuple[tuple[str, str, Permission], ...] = (
    ("/staff", N_("Work queue"), Permission.READ_CASES),
    ("/staff/cases", N_("All cases"), Permission.READ_CASES),
    ("/staff/search", N_("Search"), Permission.READ_CASES),
    (CLAIMS, N_("Two people, one NPN"), Permission.PROVE_IDENTITY),
    (APPEALS, N_("Appeals"), Permission.READ_APPEALS),
    (SEASONS, N_("Seasons"), Permission.RUN_SEASON),
    (IMPORTS, N_("Imports"), Permission.IMPORT),
    ("/staff/webhooks", N_("Webhooks"), Permission.READ_WEBHOOKS),
    ("/staff/dashboard", N_("Dashboard"), Permission.READ_CASES),
    (OPERATIONS, N_("Operations"), Permission.READ_OPERATIONS),
    ("/staff/access-log", N_("Access log"), Permission.READ_ACCESS_LOG),
    ("/staff/sessions", N_("Sessions"), Permission.READ_SESSIONS),
)


@dataclass(frozen=True)
class StaffVisit:
    """Somebody of staff at a page of the console: what they ask for, what it is answered with, and who they are.

    ``staff_names`` is what staff are called, by who the audit names.
    """

    request: Request
    services: Services
    me: StaffMember
    staff_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def language(self) -> str:
        """The language they read."""
        return choose_language(self.request)

    def describe_session(self) -> dict[str, Any] | None:
        """What the frame says of their session, None for a bearer token: {ends_at, seconds, again, latest}.

        It ends in so many seconds unless they go on, after ``again`` once they do, and after ``latest`` in any case.
        """
        ends_at, latest, at = self.me.ends_at, self.me.expires_at, now()
        if ends_at is None or latest is None:
            return None
        # Its use is noted once a minute: the last one may be that old.
        again = self.services.settings.session_idle - TOUCHED_EVERY
        spans = {"seconds": ends_at - at, "again": again, "latest": latest - at}
        return {"ends_at": ends_at, **{name: max(0, int(span.total_seconds())) for name, span in spans.items()}}

    async def record_access(self, page: str, case_ids: Collection[str | None]) -> None:
        """Records that they are shown the data of these cases' people, on this page."""
        await self.services.database.write(record_access, self.me.actor, page, case_ids, now())

    def render_page(self, template: str, *, here: str | None = None, status: int = 200, **values: Any) -> HTMLResponse:
        """A page of the console; ``here`` is the address to open it again in the other language, if not its own."""
        url = self.request.url
        return render_page(
            self.services,
            template,
            self.language,
            self.services.describe_general_contact(self.language),
            here=here or (strip_origin(url) if self.request.method == "GET" else None),
            status=status,
            me=self.me,
            staff_names=self.staff_names,
            signed_in=self.describe_session(),
            csrf=self.me.csrf,
            nav=_list_navigation(self.me, url.path, self.language, self.services.numbers.rivals),
            may={permission.value: self.me.may(permission) for permission in Permission},
            **values,
        )


def require_visit(permission: Permission) -> Any:
    """Declares that a page is for staff with this permission; the route is handed the `StaffVisit`."""

    async def begin_visit(
        request: Request, services: ServicesDep, me: Annotated[StaffMember, require_permission(permission)]
    ) -> StaffVisit:
        return StaffVisit(request, services, me, await services.database.read(list_staff_names))

    return Depends(begin_visit)


def require_file_visit(permission: Permission) -> Any:
    """Declares the same of a page about a case; for those who may read its file alone (`check_file_access`)."""

    async def begin_file_visit(visit: Annotated[StaffVisit, require_visit(permission)], case_id: str) -> StaffVisit:
        await check_file_access(visit.services, visit.me, case_id)
        return visit

    return Depends(begin_file_visit)


# Whoever may read this case's file.
FileVisit = Annotated[StaffVisit, require_file_visit(Permission.READ_CASES)]


def build_page_urls(page: Page[Any], url_of: Callable[[str | None], str]) -> dict[str, Any]:
    """The pages around one of a list, by the address of each cursor; None where there is no such page."""
    return {
        "first_url": url_of(None) if page.previous else None,
        "previous_url": url_of(page.previous) if page.previous else None,
        "next_url": url_of(page.next) if page.next else None,
    }


# Whoever may read cases.
ReaderVisit = Annotated[StaffVisit, require_visit(Permission.READ_CASES)]


def _list_navigation(me: StaffMember, path: str, language: str, rivals: int) -> list[dict[str, Any]]:
    """The links of the navigation; what waits on a page besides the queue is counted beside its name."""
    waiting = {CLAIMS: rivals}
    return [
        {"url": url, "label": translate(label, language), "current": path == url, "waiting": waiting.get(url, 0)}
        for url, label, permission in NAVIGATION
        if me.may(permission)
    ]
