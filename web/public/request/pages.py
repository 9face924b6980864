"""What the pages of the request form show of a draft, in the reader's language; no routes, and nothing is kept."""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from domain.shared.assister import Kind
from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault
from domain.shared.documents.zip_codes import find_zip_doubts
from domain.shared.ids import derive_case_id
from domain.shared.policy import choose_policy, describe_contact, describe_npn_lookup, list_open_policies
from domain.shared.programs import STATE_PROGRAM
from domain.shared.reference_numbers import make_reference_number
from domain.state.agreements import find_agreement, find_consent_text
from domain.state.policies import POLICIES
from domain.state.policy import Policy
from domain.state.request import Request as CertificationRequest
from starter.cases import now
from starter.review_targets import expect_review
from templates.catalogs import N_
from web.field_words import word_faults, word_zip_doubts
from web.form_drafts import Draft
from web.form_steps import FormAddresses, describe_progress, find_fault_place, read_change
from web.http.addresses import set_language
from web.http.forms import Values, parse_number
from web.http.negotiation import choose_language
from web.http.pages import render_page
from web.public.request.eligibility import WORK_STATE, Detour, find_destination, suggest_states
from web.public.request.steps import INSURERS, MOST_INSURERS, STEPS, FormStep, list_steps, walk_request
from web.services import Services
from web.state_form import copy_same_address, list_values, shows_agreement_in_force, shows_consent_in_force

ADDRESSES = FormAddresses("/request")
INSTEAD = ADDRESSES.build_step("instead")
CHECK_TITLE = N_("Check your answers")


def render_start(
    request: Request,
    services: Services,
    draft: Draft | None,
    policy: Policy,
    faults: Sequence[Fault],
    status: int,
) -> HTMLResponse:
    """What the form is for and what one needs at hand; goes on with a draft, where there is one."""
    language = choose_language(request)
    under_way = draft if draft and not draft.is_sent else None
    why = next((one for one in ("cookies", "expired") if request.query_params.get("why") == one), "")
    return render_page(
        services,
        "request/start.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=ADDRESSES.build_start(plan_year=str(policy.plan_year), why=why),
        status=status,
        plan_year=policy.plan_year,
        years=[other.plan_year for other in list_open_policies(POLICIES.values(), now())] or [policy.plan_year],
        values={"plan_year": str(policy.plan_year)},
        errors=word_faults(faults, language),
        why=why,
        intake_states=policy.intake.neighbour_states,
        form_token=under_way.form_token if under_way else None,
    )


def render_question(
    request: Request, services: Services, step: FormStep, draft: Draft, faults: Sequence[Fault]
) -> HTMLResponse:
    """A step with its answers so far, and what is wrong with them: then it is a 422, whichever way it was opened.

    Nothing is said to be wrong while rows of insurance companies are added or taken away.
    """
    language, policy = choose_language(request), find_draft_policy(draft)
    change = read_change(request)
    faults = [] if "rows" in request.query_params else faults
    rows = _list_rows(draft.answers, request.query_params.get("rows", ""))
    number = str(len(rows)) if "rows" in request.query_params else ""
    return render_page(
        services,
        step.template,
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=ADDRESSES.build_step(step.slug, change=change, rows=number),
        status=422 if faults else 200,
        addressed_as=draft.answers.get("addressed_as", ""),
        action=ADDRESSES.build_step(step.slug, change=change),
        back=_find_way_back(step, draft, change),
        progress=_describe_progress(step.slug, draft.answers, language),
        form_token=draft.form_token,
        kind=draft.answers.get("kind", ""),
        values=_fill_values(draft.answers, language),
        errors=word_faults(faults, language),
        fields=_list_fields(step, rows),
        rows=rows,
        most_rows=MOST_INSURERS,
        known_insurers=policy.insurers,
        npn_lookup=describe_npn_lookup(policy, language),
        intake_states=policy.intake.neighbour_states,
        agreement=find_agreement(STATE_PROGRAM, language),
        consent=find_consent_text(language),
    )


def render_instead(request: Request, services: Services, draft: Draft, detour: Detour) -> HTMLResponse:
    """What to do for who need not fill in the form, or can't be taken in from where they work."""
    language, policy = choose_language(request), find_draft_policy(draft)
    state = draft.answers.get(WORK_STATE, "").upper()
    return render_page(
        services,
        "request/instead.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=INSTEAD,
        action=INSTEAD,
        back=ADDRESSES.build_step(STEPS[0].slug, change="1" if STEPS[1].is_answered(draft.answers) else ""),
        form_token=draft.form_token,
        detour=detour.value,
        kind=draft.answers.get("kind", ""),
        plan_year=draft.answers.get("plan_year", ""),
        work_state=state,
        intake_states=policy.intake.neighbour_states,
        destination=find_destination(policy, state, language) if detour is Detour.OTHER_STATE else None,
        marketplace_url=set_language("/portal/register", language),
    )


def render_check(
    request: Request,
    services: Services,
    draft: Draft,
    wanted: CertificationRequest,
    faults: Sequence[Fault],
) -> HTMLResponse:
    """Every answer as it will be sent, each group with a way to change it; ``faults`` keep it from being sent now."""
    language, policy = choose_language(request), find_draft_policy(draft)
    walk = walk_request(draft.answers)
    return render_page(
        services,
        "request/check.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=ADDRESSES.check,
        status=429 if faults else 200,
        addressed_as=wanted.addressed_as,
        back=ADDRESSES.build_step(walk.steps[-1].slug),
        progress=_describe_progress("check", draft.answers, language),
        form_token=draft.form_token,
        kind=wanted.kind,
        plan_year=wanted.plan_year,
        values=list_values(wanted.model_dump(mode="json")),
        insurers=getattr(wanted, INSURERS, ()),
        same_address=bool(draft.answers.get("physical_same")),
        errors=[
            {**one, "url": find_fault_place(ADDRESSES, walk, one["field"])} for one in word_faults(faults, language)
        ],
        doubts=[
            {**one, "url": find_fault_place(ADDRESSES, walk, one["field"])}
            for one in word_zip_doubts(find_zip_doubts(wanted.model_dump()), language)
        ],
    )


def render_done(request: Request, services: Services, draft: Draft) -> HTMLResponse:
    """What happens next with a request that was sent, whatever became of it (D4)."""
    language, policy = choose_language(request), find_draft_policy(draft)
    is_licensed = draft.answers.get("kind", "") != Kind.ENROLLMENT_COUNSELOR
    return render_page(
        services,
        "request/done.html",
        language,
        describe_contact(policy, Topic.GENERAL, language),
        here=ADDRESSES.done,
        kind=draft.answers.get("kind", ""),
        plan_year=draft.answers.get("plan_year", ""),
        email=draft.answers.get("email", ""),
        reference=make_reference_number(derive_case_id(draft.token)),
        review=expect_review(policy.program, policy.plan_year, now() if is_licensed else None, now()),
    )


def find_draft_policy(draft: Draft) -> Policy:
    """The policy of the plan year a draft is for."""
    policy, _ = choose_policy(POLICIES.values(), draft.answers.get("plan_year", ""), now())
    return policy


def _find_way_back(step: FormStep, draft: Draft, change: str) -> str:
    """The step before; while an answer is changed, the page that lists them all, once there is one."""
    walk = walk_request(draft.answers)
    if change and walk.find_first_open() is None:
        return ADDRESSES.check
    before = walk.find_previous(step)
    return ADDRESSES.build_step(before.slug, change=change) if before else ADDRESSES.start


def _describe_progress(slug: str, answers: Values, language: str) -> dict[str, Any]:
    """How far along a step is; the first questions, number 0, come before the steps."""
    titles = [(step.slug, step.title) for step in list_steps(answers)] + [("check", CHECK_TITLE)]
    return describe_progress(titles, slug, language, first=0)


def _fill_values(answers: Values, language: str) -> Values:
    """The answers as a form shows them; a text is only ticked where it is the one that was accepted."""
    accepted = {} if shows_agreement_in_force(answers) else {"agreement_accepted": ""}
    consented = {} if shows_consent_in_force(answers) else {"background_check_consent": ""}
    return {"language": language} | suggest_states(answers) | copy_same_address(answers) | accepted | consented


def _list_fields(step: FormStep, rows: Sequence[str]) -> list[str]:
    """The fields on a step's page, by their ids, for the summary to lead to."""
    return [*step.fields, *(f"{INSURERS}.{number}" for number in range(1, len(rows)) if step.slug == INSURERS)]


def _list_rows(answers: Values, wanted: str) -> list[str]:
    """The insurance companies, a row each, and an empty row where one was asked for or there is none."""
    given = answers.get(INSURERS, "").splitlines()
    count = parse_number(wanted, 2)
    return given + [""] * (min(1 if count is None else count, MOST_INSURERS) - len(given))
