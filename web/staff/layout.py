"""What the console's pages share: navigation by what somebody may do, who they are, the form's token; no routes."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from templates.catalogs import N_, translate
from web.http.auth import StaffMember
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, render_page
from web.http.permissions import Permission
from web.services import Services

# The console's pages, in the order of the navigation, each with what it needs.
NAVIGATION: tuple[tuple[str, str, Permission], ...] = (
    ("/staff", N_("Work queue"), Permission.READ_CASES),
    ("/staff/cases", N_("All cases"), Permission.READ_CASES),
    ("/staff/search", N_("Search"), Permission.READ_CASES),
    ("/staff/webhooks", N_("Webhooks"), Permission.READ_WEBHOOKS),
    ("/staff/dashboard", N_("Dashboard"), Permission.READ_CASES),
    ("/staff/access-log", N_("Access log"), Permission.READ_ACCESS_LOG),
    ("/staff/sessions", N_("Sessions"), Permission.READ_SESSIONS),
)


def render_staff_page(
    request: Request,
    services: Services,
    me: StaffMember,
    template: str,
    *,
    here: str | None = None,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page of the console; ``here`` is the address to open it again in the other language, if not this one's own."""
    language = choose_language(request)
    query = f"?{request.url.query}" if request.url.query else ""
    return render_page(
        services,
        template,
        language,
        services.describe_general_contact(language),
        here=here or (f"{request.url.path}{query}" if request.method == "GET" else None),
        status=status,
        headers=PRIVATE,
        me=me,
        csrf=me.csrf,
        nav=_list_navigation(me, request.url.path, language),
        may={permission.value: me.may(permission) for permission in Permission},
        **values,
    )


def _list_navigation(me: StaffMember, path: str, language: str) -> list[dict[str, Any]]:
    return [
        {"url": url, "label": translate(label, language), "current": path == url}
        for url, label, permission in NAVIGATION
        if me.may(permission)
    ]
