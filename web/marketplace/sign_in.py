"""The marketplace's log-in, which is the sign-in to one's own pages, and its recovery (B3)."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.cases.notices import Topic
from domain.shared.policy import describe_contact, find_current_policy
from starter.cases import now
from web.http.addresses import set_language
from web.http.auth import PUBLIC
from web.http.negotiation import choose_language
from web.http.pages import build_page_router, render_page
from web.services import Services, ServicesDep

router = build_page_router(PUBLIC, prefix="/portal")


@router.get("")
@router.get("/recovery")
async def show_sign_in(request: Request, services: ServicesDep) -> HTMLResponse:
    """How one logs in, by a code as on /me, and what to do when a user ID is forgotten: no second account (B3)."""
    return _render_sign_in(request, services)


def _render_sign_in(request: Request, services: Services) -> HTMLResponse:
    language, policy = choose_language(request), find_current_policy(FEDERAL_POLICIES.values(), now())
    portal = policy.links["cms_portal"]
    return render_page(
        services,
        "portal.html",
        language,
        describe_contact(policy, Topic.PORTALS, language),
        here="/portal",
        action=f"/me/code?lang={language}",
        register_url=set_language("/portal/register", language),
        cms_portal={"label": portal.label[language], "url": portal.url},
        values={},
        errors=[],
    )
