"""The MLMS profile as a page: its fields by the role, Save/Update, then Next (B5–B10); no rules."""

from collections.abc import Sequence

from fastapi.responses import HTMLResponse, Response

from db.case_state import applicant_of
from db.reads.cases import find_last_save
from db.tables import CommandRow
from domain.federal.markets import NpnStatus, Role
from domain.federal.profile import REQUIRED
from domain.shared.cases.commands import CommandState
from domain.shared.cases.notices import Topic
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Fault, Invalid, load_faults
from domain.shared.links import OWN_CASE_PATH
from domain.shared.policy import describe_npn_lookup
from web.http.forms import Values, describe_faults, read_form
from web.http.pages import build_page_router
from web.http.rate_limits import limit_rate
from web.http.sentences import explain_reason
from web.marketplace.form import SHAPE, collect_changes, is_changed, read_role, sort_faults
from web.marketplace.layout import explain_faults
from web.marketplace.visit import (
    REGISTRATION_ENDED,
    CurrentVisit,
    OpenVisit,
    Visit,
    VisitRefused,
    redirect_back,
)

router = build_page_router(prefix=OWN_CASE_PATH)

# What the buttons of the profile are called when they are pressed.
SHOW_FIELDS, SAVE, NEXT = "role", "save", "next"


@router.get("/profile")
async def show_profile(visit: CurrentVisit) -> Response:
    """The MLMS profile, its fields by the role (B5)."""
    if visit.registration.state.ended:
        return redirect_back(visit)
    return await _render_profile(visit)


@router.post("/profile", dependencies=[limit_rate("api")])
async def save_profile(visit: OpenVisit) -> Response:
    """Save/Update, Next, or the fields of another role, by the button that was pressed (B5, B7)."""
    values = await read_form(visit.request)
    step = values.pop("step", SAVE)
    if step == SHOW_FIELDS:
        return await _render_profile(visit, values)
    if step == NEXT:
        return await _complete_profile(visit, values)
    changes = collect_changes(values, read_role(values, visit.registration.state.profile.role))
    faults = visit.visitor.find_address_faults(changes, applicant_of(visit.registration.case).email)
    if faults:
        return await _render_profile(visit, values, faults)
    try:
        await visit.services.registrations.save_profile(visit.case_id, changes)
    except Invalid as invalid:
        return await _render_profile(visit, values, sort_faults(invalid.faults))
    except Refusal:
        raise VisitRefused(REGISTRATION_ENDED, 409, visit) from None
    return redirect_back(visit, "/profile", saved="1")


async def _complete_profile(visit: Visit, values: Values) -> Response:
    """Next, refused before a valid save, and while the form holds something that isn't saved (B7)."""
    last = await visit.services.database.read(find_last_save, visit.case_id)
    if is_changed(values, _list_known_values(visit, last), read_role(values, visit.registration.state.profile.role)):
        return await _render_profile(visit, values, stopped=Reason("profile_not_saved"))
    try:
        await visit.services.registrations.complete_profile(visit.case_id)
    except Refusal as refusal:
        return await _render_profile(visit, values, stopped=refusal.reason)
    return redirect_back(visit, told="next")


async def _render_profile(
    visit: Visit, values: Values | None = None, faults: Sequence[Fault] = (), stopped: Reason | None = None
) -> HTMLResponse:
    """The profile's page; ``values`` as posted, with their ``faults``; ``stopped`` says why Next was refused."""
    case, state, language = visit.registration.case, visit.registration.state, visit.language
    last = await visit.services.database.read(find_last_save, case.case_id)
    waits = last is not None and last.state == CommandState.PENDING
    known = _list_known_values(visit, last)
    shown = known if values is None else {**known, **values}
    role = read_role(shown, state.profile.role)
    return visit.render_page(
        "portal_profile.html",
        Topic.TRAINING,
        "/profile",
        status=409 if stopped else 422 if faults else 200,
        home_url=visit.url(),
        action=visit.url("/profile"),
        plan_year=case.plan_year,
        roles=list(Role),
        role=role,
        required=REQUIRED[role],
        is_saved=state.profile.version > 0,
        is_complete=state.profile.completed_at is not None,
        npn=state.profile.npn,
        waits=waits,
        saved=visit.request.query_params.get("saved") == "1" and not waits and values is None,
        refused=_explain_refused(visit, last) if values is None else None,
        stopped=explain_reason(stopped, language) if stopped else None,
        npn_lookup=describe_npn_lookup(visit.registration.policy, language),
        values=shown,
        errors=describe_faults(faults, language),
    )


def _list_known_values(visit: Visit, last: CommandRow | None) -> Values:
    """What the profile holds: as it was sent last, while that waits for a worker; else as it was saved last."""
    waiting = (
        last.data["profile"]
        if last is not None and last.state == CommandState.PENDING
        else visit.registration.case.request
    )
    return SHAPE.list_values(waiting)


def _explain_refused(visit: Visit, last: CommandRow | None) -> str | None:
    """What is wrong with the profile: with the one refused last, or with the NPNs of the one saved."""
    saved_at = visit.registration.state.profile.saved_at
    if last is not None and last.state == "refused" and (saved_at is None or saved_at < last.created_at):
        return explain_faults(load_faults(last.data.get("faults", ())), visit.language) or None
    if visit.registration.state.profile.npn is NpnStatus.REFUSED:
        return explain_faults(visit.registration.npn_faults, visit.language)
    return None
