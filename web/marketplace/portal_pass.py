"""A pass for a portal: made by a registration's owner on their own page, shown once, and taken back there (D6)."""

from typing import Any

from fastapi.responses import RedirectResponse, Response

from db.writes.own.portal_passes import end_own_passes, find_given_pass, give_portal_pass
from domain.shared.cases.notices import Topic
from domain.shared.links import OWN_CASE_PATH
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.senders import ReportKind
from starter.cases import now
from web.http.auth import choose_own_cookie
from web.http.forms import read_form
from web.http.pages import build_page_router
from web.http.rate_limits import limit_rate
from web.http.sentences import name_code
from web.marketplace.visit import (
    NO_SUCH_STEP,
    CurrentVisit,
    OpenVisit,
    Visit,
    VisitRefused,
    explain_refusals,
    redirect_back,
)

PATH = "/portal-pass"

router = build_page_router(prefix=OWN_CASE_PATH)


async def describe_passes(visit: Visit) -> dict[str, Any]:
    """What the registration's page offers: {portals [{id, name}], given {name, until} or None, action, end_action}."""
    portals = _list_portals(visit)
    out = await visit.services.database.read(find_given_pass, visit.case_id, now()) if portals else None
    return {
        "portals": [{"id": one, "name": name} for one, name in portals.items()],
        "given": {"name": portals.get(out.portal, out.portal), "until": out.expires_at} if out else None,
        "action": visit.url(PATH),
        "end_action": visit.url(f"{PATH}/end"),
    }


@router.post(PATH, dependencies=[limit_rate("api")])
async def give_pass(visit: OpenVisit) -> Response:
    """Makes a pass for a portal and shows it, this once; the one before is void."""
    portals, portal = _list_portals(visit), (await read_form(visit.request)).get("portal", "")
    if portal not in portals:
        raise VisitRefused(NO_SUCH_STEP, 422, visit)
    token = visit.request.cookies[choose_own_cookie(visit.services)]
    with explain_refusals(visit):
        secret, until = await visit.services.database.write(give_portal_pass, token, visit.case_id, portal, now())
    return visit.render_page(
        "portal_pass.html",
        Topic.GENERAL,
        PATH,
        home_url=visit.url(),
        portal=portals[portal],
        portal_pass=secret,
        until=until,
    )


@router.get(PATH)
async def show_no_pass(visit: CurrentVisit) -> RedirectResponse:
    """Where a browser comes back to after a pass was shown: nobody knows it any more."""
    return redirect_back(visit)


@router.post(f"{PATH}/end", dependencies=[limit_rate("api")])
async def take_pass_back(visit: CurrentVisit) -> RedirectResponse:
    """Ends the pass that is out: the portal acts for them no more."""
    await visit.services.database.write(end_own_passes, visit.case_id, now())
    return redirect_back(visit)


def _list_portals(visit: Visit) -> dict[str, str]:
    """The portals that could act in registrations, by their ids, named in the reader's language."""
    found = visit.services.senders.senders.values()
    ours = (one for one in found if one.program == FEDERAL_PROGRAM and ReportKind.REGISTRATION in one.kinds)
    return {one.id: name_code("actor", one.actor, visit.language) for one in ours}
