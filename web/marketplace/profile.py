"""The MLMS profile as pages: its steps by the role, all of it to look over, Save/Update, then Next (B5–B10)."""

from fastapi.responses import Response

from db.case_state import applicant_of
from db.writes.drafts import drop_draft, keep_draft
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.links import OWN_CASE_PATH
from starter.cases import now
from web.form_steps import is_too_long
from web.http.forms import Values, read_form
from web.http.pages import build_page_router
from web.http.rate_limits import limit_rate
from web.marketplace.form import collect_changes, read_role
from web.marketplace.profile_pages import (
    PATH,
    VERIFIED,
    ProfileForm,
    build_form,
    is_changed_form,
    load_form,
    make_secret,
    mark_changes,
    render_profile,
    render_step,
)
from web.marketplace.visit import (
    NO_SUCH_STEP,
    REGISTRATION_ENDED,
    CurrentVisit,
    OpenVisit,
    Visit,
    VisitRefused,
    redirect_back,
)

router = build_page_router(prefix=OWN_CASE_PATH)

# What the buttons of the profile are called when they are pressed.
SAVE, NEXT = "save", "next"
NOT_SAVED = Reason("profile_not_saved")


@router.get(PATH)
async def show_profile(visit: CurrentVisit) -> Response:
    """The MLMS profile, its groups by the role (B5)."""
    if visit.registration.state.ended:
        return redirect_back(visit)
    return render_profile(visit, await load_form(visit))


@router.post(PATH, dependencies=[limit_rate("api")])
async def save_profile(visit: OpenVisit) -> Response:
    """Save/Update, or Next, by the button that was pressed (B5, B7)."""
    values, form = await read_form(visit.request), await load_form(visit)
    if values.get("step", SAVE) == NEXT:
        return await _complete_profile(visit, form)
    said = {VERIFIED: values.get(VERIFIED, "")}
    changes = collect_changes({**form.values, **said}, read_role(form.values, visit.registration.state.profile.role))
    faults = [
        *visit.visitor.find_address_faults(changes, applicant_of(visit.registration.case).email),
        *form.walk.faults,
        *([] if changes[VERIFIED] else [Fault(VERIFIED, "verify_first")]),
    ]
    try:
        if not faults:
            await visit.services.registrations.save_profile(visit.case_id, changes)
    except Invalid as invalid:
        faults = list(invalid.faults)
    except Refusal:
        raise VisitRefused(REGISTRATION_ENDED, 409, visit) from None
    if faults:
        return render_profile(visit, form, faults)
    await visit.services.database.write(drop_draft, make_secret(visit))
    return redirect_back(visit, PATH, saved="1")


@router.get(f"{PATH}/{{slug}}")
async def show_profile_step(slug: str, visit: CurrentVisit) -> Response:
    """A group of the profile's fields, with what is wrong in those that were changed."""
    if visit.registration.state.ended:
        return redirect_back(visit)
    form = await load_form(visit)
    step = form.find_step(slug)
    if step is None:
        raise VisitRefused(NO_SUCH_STEP, 404, visit)
    is_changed = step.is_answered(form.changed)
    return render_step(visit, form, step, _find_step_faults(visit, form, slug) if is_changed else [])


@router.post(f"{PATH}/{{slug}}", dependencies=[limit_rate("api")])
async def keep_profile_step(slug: str, visit: OpenVisit) -> Response:
    """Keeps a group's fields until they are saved, and goes on: to what is missing after it, else to the whole."""
    values, form = await read_form(visit.request), await load_form(visit)
    step = form.find_step(slug)
    if step is None:
        raise VisitRefused(NO_SUCH_STEP, 404, visit)
    changed: Values = {**form.changed, **step.pick_answers(values)}
    form = build_form(visit, form.last, changed)
    faults = _find_step_faults(visit, form, slug)
    if is_too_long(changed):
        return render_step(visit, form, step, faults)
    await visit.services.database.write(keep_draft, make_secret(visit), mark_changes(form, changed), now())
    if faults:
        return redirect_back(visit, f"{PATH}/{slug}")
    after = form.walk.steps[form.walk.steps.index(step) + 1 :]
    onward = next((one for one in after if form.walk.find_faults_at(one)), None)
    return redirect_back(visit, f"{PATH}/{onward.slug}" if onward else PATH)


def _find_step_faults(visit: Visit, form: ProfileForm, slug: str) -> list[Fault]:
    """What is wrong with the fields of a step, an address that isn't one's own to give among it."""
    step = form.find_step(slug)
    assert step is not None, "a step that is shown"
    changes = collect_changes(form.values, read_role(form.values, visit.registration.state.profile.role))
    others = visit.visitor.find_address_faults(changes, applicant_of(visit.registration.case).email)
    return [*form.walk.find_faults_at(step), *(fault for fault in others if step.owns(fault.field))]


async def _complete_profile(visit: Visit, form: ProfileForm) -> Response:
    """Next, refused before a valid save, and while something was changed that isn't saved (B7)."""
    if is_changed_form(form):
        return render_profile(visit, form, stopped=NOT_SAVED)
    try:
        await visit.services.registrations.complete_profile(visit.case_id)
    except Refusal as refusal:
        return render_profile(visit, form, stopped=refusal.reason)
    return redirect_back(visit, told="next")
