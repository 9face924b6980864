"""The public Certification Request Form, a group of questions at a time, and what answers it (A10).

Its rules are domain/state/request.py, its steps are in steps.py beside it; the answers so far are kept in the database.
"""

from collections.abc import Mapping, Sequence

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.case_state import load_case
from db.writes.drafts import begin_draft, close_draft, save_draft
from domain.shared.cases.notices import Topic
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import choose_policy, describe_contact
from domain.state.policies import POLICIES
from domain.state.request import parse_request
from starter.cases import now
from templates.catalogs import N_
from web.http.auth import LINK, PUBLIC
from web.http.forms import read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router
from web.http.problem_pages import ProblemText, render_problem
from web.http.rate_limits import limit_rate
from web.public.request import steps
from web.public.request.draft import Draft, hand_out_cookie, load_draft
from web.public.request.pages import (
    CHECK,
    DONE,
    START,
    build_address,
    find_draft_policy,
    find_step_with,
    read_change,
    render_check,
    render_done,
    render_question,
    render_start,
)
from web.public.request.steps import STEPS, FormStep
from web.services import Services, ServicesDep

IDENTITY_CONFLICT = ProblemText(
    N_("We could not take your request"),
    N_(
        "Your National Producer Number (NPN) is already in use under another name or e-mail address. "
        "Our staff have been told and will look at it."
    ),
)

router = build_page_router()


@router.get("/request", dependencies=[PUBLIC])
async def show_start(request: Request, services: ServicesDep) -> HTMLResponse:
    """What the form is for, of the newest plan year that is open, the draft's, or the one asked for."""
    draft = await load_draft(request, services)
    year = draft.answers.get("plan_year") if draft else None
    policy, faults = choose_policy(POLICIES.values(), request.query_params.get("plan_year", year), now())
    return render_start(request, services, draft, policy, faults)


@router.post("/request", dependencies=[PUBLIC, limit_rate("request")])
async def begin_request(request: Request, services: ServicesDep) -> Response:
    """Begins a draft for a plan year, or goes on with the one there is."""
    values, draft = await read_form(request), await load_draft(request, services)
    policy, faults = choose_policy(POLICIES.values(), values.get("plan_year", ""), now())
    if faults:
        return render_start(request, services, draft, policy, faults, 422)
    year = {"plan_year": str(policy.plan_year)}
    if draft and values.get("do") == "continue":
        if not draft.is_own(values) or not await services.database.write(save_draft, draft.token, year, now()):
            return _redirect_lost()
        return _redirect(_find_place(draft))
    token = await services.database.write(begin_draft, year, now(), draft.token if draft else None)
    begun = _redirect("/request/kind", begun="1")
    hand_out_cookie(begun, services, token)
    return begun


@router.get("/request/check", dependencies=[LINK])
async def show_check(request: Request, services: ServicesDep) -> Response:
    """Every answer, to look over before it is sent."""
    draft = await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    if steps.find_first_open(draft.answers):
        return _redirect(_find_place(draft))
    try:
        return render_check(request, services, draft, parse_request(steps.build_document(draft.answers)))
    except Invalid:
        return _redirect(START)


@router.post("/request/check", dependencies=[LINK, limit_rate("request")])
async def send_request(request: Request, services: ServicesDep) -> Response:
    """Opens the case, or finds the one this repeats; what keeps it out leads back to the step of the first fault."""
    draft = await _find_own_draft(request, services, await read_form(request))
    if isinstance(draft, Response):
        return draft
    if steps.find_first_open(draft.answers):
        return _redirect(_find_place(draft))
    try:
        wanted = parse_request(steps.build_document(draft.answers))
        opened = await services.cases.submit_request(wanted, draft.answers["agreement_language"])
    except Invalid as invalid:
        return await _redirect_refused(services, draft, invalid.faults)
    except Refusal:
        language = choose_language(request)
        contact = describe_contact(find_draft_policy(draft), Topic.GENERAL, language)
        return render_problem(services, IDENTITY_CONFLICT, 409, language, contact)
    await services.database.write(close_draft, draft.token, opened.case_id, opened.created, now())
    return _redirect(DONE)


@router.get("/request/done", dependencies=[LINK])
async def show_done(request: Request, services: ServicesDep) -> Response:
    """What happens next, for whoever has just sent a request."""
    draft = await load_draft(request, services)
    if draft is None or draft.case_id is None:
        return _redirect(START)
    return render_done(request, services, draft, await services.database.read(load_case, draft.case_id))


@router.get("/request/{slug}", dependencies=[LINK])
async def show_question(slug: str, request: Request, services: ServicesDep) -> Response:
    """A step, with what was answered before; one whose turn has not come leads to the first that is open."""
    step, draft = _find_step(slug), await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    if "begun" in request.query_params:
        return _redirect(f"/request/{slug}")
    if step not in steps.list_reachable(draft.answers):
        return _redirect(_find_place(draft))
    faults = [] if "rows" in request.query_params else steps.find_faults_to_show(step, draft.answers)
    return render_question(request, services, step, draft, faults)


@router.post("/request/{slug}", dependencies=[LINK, limit_rate("api")])
async def keep_answer(slug: str, request: Request, services: ServicesDep) -> Response:
    """Keeps the answers of a step and goes on, or to the same step again, which shows what is wrong with them.

    So that whoever goes back in their browser comes to pages alone, and never has to send a form again.
    """
    step, values = _find_step(slug), await read_form(request)
    draft = await _find_own_draft(request, services, values)
    if isinstance(draft, Response):
        return draft
    if step not in steps.list_reachable(draft.answers):
        return _redirect(_find_place(draft))
    do, change = values.get("do") if slug == steps.INSURERS else None, read_change(request)
    values, rows = steps.change_rows(values, do) if do else (values, 0)
    changes = steps.collect_changes(step, draft.answers, values)
    draft = Draft(draft.token, {**draft.answers, **changes})
    faults = steps.find_faults_at(step, draft.answers)
    if steps.is_too_long(draft.answers):
        return render_question(request, services, step, draft, faults)
    if not await services.database.write(save_draft, draft.token, changes, now()):
        return _redirect_lost()
    if do:
        return _redirect(f"/request/{slug}", change=change, rows=str(rows))
    if faults:
        return _redirect(f"/request/{slug}", change=change)
    return _redirect(_find_after_change(draft)) if change else _redirect(_find_next(step, draft))


def _find_step(slug: str) -> FormStep:
    """The step of this address; 404 where there is none."""
    found = next((step for step in STEPS if step.slug == slug), None)
    if found is None:
        raise HTTPException(404, "The request form has no such page.")
    return found


async def _find_own_draft(
    request: Request, services: Services, values: Mapping[str, str] | None = None
) -> Draft | Response:
    """The draft to go on with, if a form that was posted is its own; else the answer that leads to where one can."""
    draft = await load_draft(request, services)
    if draft is None and "begun" in request.query_params:
        return _redirect(START, why="cookies")
    if draft is None:
        return _redirect_lost()
    if draft.case_id:
        return _redirect(DONE)
    return draft if values is None or draft.is_own(values) else _redirect_lost()


def _redirect_lost() -> RedirectResponse:
    return _redirect(START, why="expired")


def _find_place(draft: Draft) -> str:
    """How far a draft has come: its first open step, or the page that lists its answers."""
    first = steps.find_first_open(draft.answers)
    return f"/request/{first.slug}" if first else CHECK


def _find_next(step: FormStep, draft: Draft) -> str:
    """The page after this one, for somebody who answers one step after the other."""
    asked = steps.list_steps(draft.answers)
    following = asked[asked.index(step) + 1 :]
    return f"/request/{following[0].slug}" if following else CHECK


def _find_after_change(draft: Draft) -> str:
    """The page after a change: a step that it opened, or another one the request was refused for; else all answers."""
    left = steps.find_first_open(draft.answers) or find_step_with(steps.read_refusal(draft.answers), draft.answers)
    return build_address(f"/request/{left.slug}", change="1") if left else CHECK


async def _redirect_refused(services: Services, draft: Draft, faults: Sequence[Fault]) -> Response:
    """Back to the step of the first fault, which shows it; to the start where the plan year is at fault."""
    first = find_step_with(faults, draft.answers)
    if first is None:
        return _redirect(START)
    if not await services.database.write(save_draft, draft.token, steps.write_refusal(faults), now()):
        return _redirect_lost()
    return _redirect(f"/request/{first.slug}", change="1")


def _redirect(path: str, **query: str) -> RedirectResponse:
    return RedirectResponse(build_address(path, **query), 303, PRIVATE)
