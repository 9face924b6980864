"""What the pages of the request to register show of a draft, in the reader's language; no routes, nothing is kept."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.federal.profile import RegistrationRequest
from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault
from domain.shared.documents.zip_codes import find_zip_doubts
from domain.shared.ids import derive_case_id
from domain.shared.links import OWN_PATH
from domain.shared.policy import choose_policy, describe_contact, describe_npn_lookup, list_open_policies
from domain.shared.reference_numbers import make_reference_number
from starter.cases import now
from templates.catalogs import N_
from web.field_words import word_faults, word_zip_doubts
from web.form_drafts import Draft
from web.form_steps import FormAddresses, FormPart, FormWalk, describe_progress, find_fault_place, read_change
from web.http.addresses import set_language
from web.http.forms import Values
from web.http.negotiation import choose_language
from web.http.pages import render_page
from web.marketplace.form import SHAPE
from web.marketplace.steps import TEMPLATES, keep_one_fault_a_field, list_field_ids, walk_request
from web.services import Services

ADDRESSES = FormAddresses("/portal/register")
CHECK_TITLE = N_("Check your answers")
_WHY = ("cookies", "expired")


def render_start(
    request: Request,
    services: Services,
    draft: Draft | None,
    policy: FederalPolicy,
    faults: Sequence[Fault],
    status: int,
) -> HTMLResponse:
    """What the form is for and what one needs at hand; goes on with a draft, where there is one."""
    language = choose_language(request)
    under_way = draft if draft and not draft.is_sent else None
    years: list[dict[str, Any]] = [
        {"year": other.plan_year, "url": ADDRESSES.build_start(plan_year=str(other.plan_year), lang=language)}
        for other in list_open_policies(FEDERAL_POLICIES.values(), now())
        if other.plan_year != policy.plan_year
    ]
    return render_page(
        services,
        "portal_register.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=ADDRESSES.build_start(plan_year=str(policy.plan_year)),
        status=status,
        action=ADDRESSES.build_start(lang=language),
        portal_url=set_language("/portal", language),
        plan_year=policy.plan_year,
        years=years,
        why=next((one for one in _WHY if request.query_params.get("why") == one), ""),
        form_token=under_way.form_token if under_way else None,
        values={},
        errors=word_faults(faults, language),
    )


def render_question(
    request: Request, services: Services, step: FormPart, draft: Draft, faults: Sequence[Fault]
) -> HTMLResponse:
    """A step with its answers so far, and what is wrong with them: then it is a 422, whichever way it was opened."""
    language, change, walk = choose_language(request), read_change(request), walk_request(draft.answers)
    fields, policy = list_field_ids(step), find_draft_policy(draft.answers)
    before = walk.find_previous(step)
    return render_page(
        services,
        TEMPLATES[step.slug],
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=ADDRESSES.build_step(step.slug, change=change),
        addressed_as=draft.answers.get("addressed_as", ""),
        status=422 if faults else 200,
        action=ADDRESSES.build_step(step.slug, change=change),
        back=ADDRESSES.check
        if change and walk.find_first_open() is None
        else ADDRESSES.build_step(before.slug, change=change)
        if before
        else ADDRESSES.start,
        progress=_describe_progress(walk, step.slug, language),
        form_token=draft.form_token,
        profile_year=None,
        field=step.fields[0].partition(".")[0],
        required=False,
        npn_lookup=describe_npn_lookup(policy, language),
        values={"language": language} | draft.answers,
        fields=fields,
        errors=word_faults(keep_one_fault_a_field(faults, fields), language),
    )


def render_check(
    request: Request, services: Services, draft: Draft, wanted: RegistrationRequest, faults: Sequence[Fault]
) -> HTMLResponse:
    """Every answer as it will be sent, each group with a way to change it; ``faults`` keep it from being sent now."""
    language, walk = choose_language(request), walk_request(draft.answers)
    return render_page(
        services,
        "portal/check.html",
        language,
        describe_contact(find_draft_policy(draft.answers), Topic.GENERAL, language),
        here=ADDRESSES.check,
        status=429 if faults else 200,
        addressed_as=wanted.addressed_as,
        action=ADDRESSES.check,
        back=ADDRESSES.build_step(walk.steps[-1].slug),
        base=ADDRESSES.start,
        progress=_describe_progress(walk, "check", language),
        form_token=draft.form_token,
        plan_year=str(wanted.plan_year),
        slugs=[step.slug for step in walk.steps],
        values=SHAPE.list_values(wanted.model_dump(mode="json")),
        errors=[
            {**one, "url": find_fault_place(ADDRESSES, walk, one["field"])} for one in word_faults(faults, language)
        ],
        doubts=[
            {**one, "url": find_fault_place(ADDRESSES, walk, one["field"])}
            for one in word_zip_doubts(find_zip_doubts(wanted.model_dump()), language)
        ],
    )


def render_done(request: Request, services: Services, draft: Draft) -> HTMLResponse:
    """What happens next, for whoever has just sent a request, whatever became of it (D4)."""
    language, kept = choose_language(request), draft.answers
    return render_page(
        services,
        "portal_registered.html",
        language,
        describe_contact(find_draft_policy(kept), Topic.GENERAL, language),
        here=ADDRESSES.done,
        plan_year=kept.get("plan_year", ""),
        email=kept.get("email", ""),
        own_url=set_language(OWN_PATH, language),
        reference=make_reference_number(derive_case_id(draft.token)),
    )


def find_draft_policy(answers: Values) -> FederalPolicy:
    """The policy of the plan year a draft is for."""
    policy, _ = choose_policy(FEDERAL_POLICIES.values(), answers.get("plan_year", ""), now())
    return policy


def _describe_progress(walk: FormWalk[FormPart], slug: str, language: str) -> dict[str, Any]:
    """How far along a step is; how far there is to go is known once the role is."""
    titles = [(step.slug, step.title) for step in walk.steps] + [("check", CHECK_TITLE)]
    return describe_progress(titles, slug, language, is_known=len(walk.steps) > 1)
