"""What the pages of the MLMS profile show, and what was changed in it and isn't saved yet; no routes (B5, B7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi.responses import HTMLResponse

from db.reads.cases import find_last_save
from db.tables import CommandRow
from db.writes.drafts import find_draft
from domain.federal.markets import NpnStatus, Role
from domain.shared.cases.commands import CommandState
from domain.shared.cases.notices import Topic
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, load_faults
from domain.shared.documents.zip_codes import find_zip_doubts
from domain.shared.ids import make_profile_secret
from domain.shared.policy import describe_npn_lookup
from starter.cases import now
from templates.catalogs import N_
from web.field_words import word_faults, word_zip_doubts
from web.form_steps import FormPart, FormWalk, describe_progress
from web.http.forms import Values
from web.http.sentences import explain_reason
from web.marketplace.form import SHAPE, read_role
from web.marketplace.layout import explain_faults
from web.marketplace.steps import TEMPLATES, keep_one_fault_a_field, list_field_ids, walk_profile
from web.marketplace.visit import Visit

PATH = "/profile"
CHECK_TITLE = N_("Check and save")
VERIFIED = "verified"
# Beside the changes: after which save they were made. Once somebody else has saved the profile they are forgotten.
_MADE_AFTER = "made_after"


@dataclass(frozen=True)
class ProfileForm:
    """A profile as it is being filled in: what is known of it, and what was changed and isn't saved yet."""

    last: CommandRow | None
    known: Values
    changed: Values
    walk: FormWalk[FormPart]

    @property
    def waits(self) -> bool:
        """Whether what was sent last still waits for a worker."""
        return self.last is not None and self.last.state == CommandState.PENDING

    @property
    def values(self) -> Values:
        """What its pages show."""
        return {**self.known, **self.changed}

    def find_step(self, slug: str) -> FormPart | None:
        """The step of this address, for the role that is chosen."""
        return next((step for step in self.walk.steps if step.slug == slug), None)


def make_secret(visit: Visit) -> str:
    """By what the changes of this profile are kept."""
    return make_profile_secret(visit.services.settings.identity_key_bytes, visit.case_id)


async def load_form(visit: Visit) -> ProfileForm:
    """The profile of a visit with the changes that are kept of it, if they were made in the one saved last."""
    kept = await visit.services.database.read(find_draft, make_secret(visit), now()) or {}
    last = await visit.services.database.read(find_last_save, visit.case_id)
    is_current = kept.pop(_MADE_AFTER, None) == _name_last_save(last)
    return build_form(visit, last, kept if is_current else {})


def build_form(visit: Visit, last: CommandRow | None, changed: Values) -> ProfileForm:
    """The profile with these changes."""
    case = visit.registration.case
    waits = last is not None and last.state == CommandState.PENDING
    known = SHAPE.list_values(last.data["profile"] if waits and last is not None else case.request)
    known = {"role": visit.registration.state.profile.role, "language": visit.language} | known
    return ProfileForm(last, known, changed, walk_profile(case.request, known, changed))


def mark_changes(form: ProfileForm, changed: Values) -> Values:
    """Changes as they are kept."""
    return {**changed, _MADE_AFTER: _name_last_save(form.last)}


def render_step(visit: Visit, form: ProfileForm, step: FormPart, faults: Sequence[Fault]) -> HTMLResponse:
    """A step of the profile; what is wrong with it makes it a 422, whichever way it was opened."""
    fields = list_field_ids(step)
    return visit.render_page(
        TEMPLATES[step.slug],
        Topic.TRAINING,
        f"{PATH}/{step.slug}",
        status=422 if faults else 200,
        action=visit.url(f"{PATH}/{step.slug}"),
        back=visit.url(PATH),
        progress=describe_progress(_list_titles(form.walk), step.slug, visit.language),
        form_token=None,
        profile_year=visit.registration.case.plan_year,
        field=step.fields[0].partition(".")[0],
        required=True,
        npn_lookup=describe_npn_lookup(visit.registration.policy, visit.language),
        values=form.values,
        fields=fields,
        errors=word_faults(keep_one_fault_a_field(faults, fields), visit.language),
    )


def render_profile(
    visit: Visit, form: ProfileForm, faults: Sequence[Fault] = (), stopped: Reason | None = None
) -> HTMLResponse:
    """The whole profile, to look over and save; ``faults`` as it was sent, ``stopped`` says why Next was refused."""
    case, state, language = visit.registration.case, visit.registration.state, visit.language
    missing = form.walk.find_first_open()
    fields = [VERIFIED, *(name for step in form.walk.steps for name in list_field_ids(step))]
    shown = keep_one_fault_a_field(faults, fields)
    untouched = not faults and stopped is None
    return visit.render_page(
        "portal_profile.html",
        Topic.TRAINING,
        PATH,
        status=409 if stopped else 422 if faults else 200,
        home_url=visit.url(),
        action=visit.url(PATH),
        base=f"{visit.home}{PATH}",
        progress=describe_progress(_list_titles(form.walk), "check", language),
        plan_year=case.plan_year,
        role=read_role(form.values, Role.MARKETPLACE_AGENT_BROKER),
        slugs=[step.slug for step in form.walk.steps],
        missing_url=visit.url(f"{PATH}/{missing.slug}") if missing else None,
        open_slugs=[step.slug for step in form.walk.steps if form.walk.find_faults_at(step)],
        is_saved=state.profile.version > 0,
        is_complete=state.profile.completed_at is not None,
        has_changes=is_changed_form(form),
        npn=state.profile.npn,
        waits=form.waits,
        saved=visit.request.query_params.get("saved") == "1" and not form.waits and untouched,
        refused=_explain_refused(visit, form.last) if untouched else None,
        stopped=explain_reason(stopped, language) if stopped else None,
        values=form.values,
        errors=[{**one, "url": _find_place(visit, form, one["field"])} for one in word_faults(shown, language)],
        doubts=[
            {**one, "url": _find_place(visit, form, one["field"])}
            for one in word_zip_doubts(find_zip_doubts(SHAPE.read_document(form.values)), language)
        ],
    )


def is_changed_form(form: ProfileForm) -> bool:
    """Whether something was changed that isn't saved."""
    return any(text != form.known.get(name, "") for name, text in form.changed.items())


def _list_titles(walk: FormWalk[FormPart]) -> list[tuple[str, str]]:
    return [(step.slug, step.title) for step in walk.steps] + [("check", CHECK_TITLE)]


def _find_place(visit: Visit, form: ProfileForm, field: str) -> str:
    """Where a fault is mended: the field in its step, or on the page itself."""
    step = next((step for step in form.walk.steps if step.owns(field)), None)
    return f"{visit.url(f'{PATH}/{step.slug}')}#{field}" if step else f"#{field}"


def _name_last_save(last: CommandRow | None) -> str:
    """The profile that changes were made in: by what was sent last, saved meanwhile or not."""
    return last.id if last is not None else ""


def _explain_refused(visit: Visit, last: CommandRow | None) -> str | None:
    """What is wrong with the profile: with the one refused last, or with the NPNs of the one saved."""
    saved_at = visit.registration.state.profile.saved_at
    if last is not None and last.state == "refused" and (saved_at is None or saved_at < last.created_at):
        return explain_faults(load_faults(last.data.get("faults", ())), visit.language) or None
    if visit.registration.state.profile.npn is NpnStatus.REFUSED:
        return explain_faults(visit.registration.npn_faults, visit.language)
    return None
