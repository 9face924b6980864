"""The marketplace's log-in, which is the sign-in to one's own pages; its recovery (B3), the way back from a vendor."""

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.cases.notices import Topic
from domain.shared.policy import describe_contact, find_current_policy
from starter.cases import now
from web.http.addresses import build_query, set_language
from web.http.auth import PUBLIC, find_own_visitor
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router, render_page
from web.services import Services, ServicesDep

router = build_page_router(PUBLIC, prefix="/portal")

# Where somebody comes back to from a vendor's site, who may have to log in first; then on to the next step.
RETURN_PATH = "/portal/return/{learner}"
RETURNED_PATH = "/me/launches/{learner}"


@router.get("")
@router.get("/recovery")
async def show_sign_in(request: Request, services: ServicesDep) -> HTMLResponse:
    """How one logs in, by a code as on /me, and what to do when a user ID is forgotten: no second account (B3)."""
    return _render_sign_in(request, services, "/portal")


@router.get("/return/{learner}")
async def welcome_back(learner: str, request: Request, services: ServicesDep) -> Response:
    """Back from a vendor: on to the next step, by way of the log-in for who isn't logged in any more (B15)."""
    language, onward = choose_language(request), RETURNED_PATH.format(learner=learner)
    if await find_own_visitor(request, services) is not None:
        return RedirectResponse(set_language(onward, language), 303, PRIVATE)
    return _render_sign_in(request, services, RETURN_PATH.format(learner=learner), onward)


def _render_sign_in(request: Request, services: Services, here: str, onward: str | None = None) -> HTMLResponse:
    """The log-in; ``onward`` is where it leads who comes back from a vendor."""
    language, policy = choose_language(request), find_current_policy(FEDERAL_POLICIES.values(), now())
    portal = policy.links["cms_portal"]
    return render_page(
        services,
        "portal.html",
        language,
        describe_contact(policy, Topic.PORTALS, language),
        here=here,
        action=f"/me/code{build_query(next=onward, lang=language)}",
        is_back=onward is not None,
        register_url=set_language("/portal/register", language),
        cms_portal={"label": portal.label[language], "url": portal.find_url(language)},
        values={},
        errors=[],
    )
