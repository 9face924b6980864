"""The activation of a counselor's account in the portal, by an e-mailed link that works once (A28)."""

from fastapi import Request
from fastapi.responses import HTMLResponse

from db.case_state import applicant_of
from db.reads.own_pages import read_activation
from domain.programs.policies import find_newest_policy
from domain.shared.cases.notices import Topic
from domain.shared.cases.reasons import Refusal
from domain.shared.links import ACTIVATION_PATH
from domain.shared.policy import describe_contact
from starter.cases import now
from web.assister.links import LinkRefused
from web.http.auth import LINK
from web.http.negotiation import choose_language
from web.http.pages import build_page_router, render_page
from web.http.problem_pages import UNKNOWN_LINK
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep

router = build_page_router(LINK)


@router.get(ACTIVATION_PATH)
async def show_activation(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """What an activation link can still do; opening it uses nothing up, since mail programs open links too."""
    return await _render_activation(request, services, token)


@router.post(ACTIVATION_PATH, dependencies=[limit_rate("api")])
async def activate_account(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """Uses the link up and has the account activated (A28)."""
    try:
        done = await services.cases.activate_account(token) is not None
    except Refusal:
        done = False
    return await _render_activation(request, services, token, done)


async def _render_activation(
    request: Request, services: Services, token: str, done: bool | None = None
) -> HTMLResponse:
    """The page of an activation link, as it stands or right after it was used (``done``)."""
    state, case = await services.database.read(read_activation, token, now())
    if case is None:
        raise LinkRefused(UNKNOWN_LINK, topic=Topic.PORTALS)
    if done is not None:
        state = "done" if done else "void" if state == "ready" else state
    language = choose_language(request, applicant_of(case).language)
    here = ACTIVATION_PATH.format(token=token)
    return render_page(
        services,
        "activate.html",
        language,
        describe_contact(find_newest_policy(case.program, case.plan_year), Topic.PORTALS, language),
        here=here,
        status=200 if state in ("ready", "done") else 410,
        state=state,
        action=f"{here}?lang={language}" if state == "ready" else None,
        expires=None,
        portal_url=services.settings.portal_url,
    )
