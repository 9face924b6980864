"""The public Certification Request Form, a group of questions at a time, and what answers it (A10).

Its rules are domain/state/request.py, its steps are in steps.py beside it; the answers so far are kept in the database.
"""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from db.writes.drafts import begin_draft, close_draft, save_draft
from domain.shared.codes import CodeAnswer
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import choose_policy
from domain.state.policies import POLICIES
from domain.state.request import Request as CertificationRequest, parse_request
from starter.cases import now
from web.codes import (
    TOO_OFTEN,
    CodeForm,
    ask_for_code,
    find_asked_email,
    keep_owner_signed_in,
    prepare_taking,
    render_code_form,
    use_typed_code,
)
from web.form_drafts import FORM_TOKEN, Draft, DraftCookie
from web.form_steps import is_too_long
from web.http.auth import LINK, PUBLIC, find_own_visitor
from web.http.forms import read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router
from web.http.rate_limits import limit_rate
from web.public.request import steps
from web.public.request.eligibility import ANYWAY, Detour, find_detour
from web.public.request.pages import (
    CHECK,
    CONFIRM,
    DONE,
    INSTEAD,
    START,
    build_address,
    read_change,
    render_check,
    render_done,
    render_instead,
    render_question,
    render_start,
)
from web.public.request.steps import STEPS, FormStep
from web.services import Services, ServicesDep
from web.state_form import list_shown_texts

# What is left of a draft that was sent, for its confirmation.
LEFT = ("email", "kind", "plan_year")
DRAFTS = DraftCookie("request_draft", START)

router = build_page_router()


@router.get("/request", dependencies=[PUBLIC])
async def show_start(request: Request, services: ServicesDep) -> HTMLResponse:
    """What the form is for, of the newest plan year that is open, the draft's, or the one asked for."""
    draft = await DRAFTS.load_draft(request, services)
    year = draft.answers.get("plan_year") if draft else None
    policy, faults = choose_policy(POLICIES.values(), request.query_params.get("plan_year", year), now())
    return render_start(request, services, draft, policy, faults)


@router.post("/request", dependencies=[PUBLIC, limit_rate("request")])
async def begin_request(request: Request, services: ServicesDep) -> Response:
    """Begins a draft for a plan year, or goes on with the one there is."""
    values, draft = await read_form(request), await DRAFTS.load_draft(request, services)
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
    DRAFTS.hand_out(begun, services, token)
    return begun


@router.get("/request/check", dependencies=[LINK])
async def show_check(request: Request, services: ServicesDep) -> Response:
    """Every answer, to look over before it is sent."""
    draft = await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    wanted = _read_whole(draft)
    return render_check(request, services, draft, wanted) if wanted else _redirect_unfinished(draft)


@router.post("/request/check", dependencies=[LINK, limit_rate("request")])
async def send_request(request: Request, services: ServicesDep) -> Response:
    """Takes the request of who is signed in by its e-mail address; everybody else is sent a code first (D1)."""
    draft = await _find_own_draft(request, services, await read_form(request))
    if isinstance(draft, Response):
        return draft
    wanted = _read_whole(draft)
    if wanted is None:
        return _redirect_unfinished(draft)
    visitor = await find_own_visitor(request, services)
    if visitor is not None and visitor.email == wanted.email.lower():
        return await _take_request(services, draft, wanted)
    answer = _redirect(CONFIRM)
    if not await ask_for_code(request, services, answer, wanted.email):
        return render_check(request, services, draft, wanted, [Fault("email", TOO_OFTEN)])
    return answer


@router.get("/request/confirm", dependencies=[LINK])
async def show_confirmation(request: Request, services: ServicesDep) -> Response:
    """Where the code is typed in that was sent to the address of the request."""
    draft = await _find_own_draft(request, services)
    return draft if isinstance(draft, Response) else await _render_confirmation(request, services, draft)


@router.post("/request/confirm", dependencies=[LINK, limit_rate("code")])
async def confirm_address(request: Request, services: ServicesDep) -> Response:
    """Takes the request once the code is right, which also signs in to one's own pages."""
    values = await read_form(request)
    draft = await _find_own_draft(request, services, values)
    if isinstance(draft, Response):
        return draft
    wanted = _read_whole(draft)
    if wanted is None:
        return _redirect_unfinished(draft)
    take = prepare_taking(request, services, wanted, draft.token, LEFT, list_shown_texts(draft.answers))
    tried, taken = await use_typed_code(request, services, values, take)
    if tried.answer is not CodeAnswer.RIGHT:
        return await _render_confirmation(request, services, draft, tried.answer)
    if taken is None:  # the address was changed meanwhile
        return _redirect(CHECK)
    answer = _answer_taken(services, taken.case_id)
    keep_owner_signed_in(services, answer, taken.token)
    return answer


@router.get("/request/done", dependencies=[LINK])
async def show_done(request: Request, services: ServicesDep) -> Response:
    """What happens next, for whoever has just sent a request."""
    draft = await DRAFTS.load_draft(request, services)
    return render_done(request, services, draft) if draft is not None and draft.is_sent else _redirect(START)


@router.get("/request/instead", dependencies=[LINK])
async def show_instead(request: Request, services: ServicesDep) -> Response:
    """What to do for who is sent elsewhere by their answers to the first questions."""
    draft = await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    detour = find_detour(draft.answers)
    return render_instead(request, services, draft, detour) if detour else _redirect(_find_place(draft))


@router.post("/request/instead", dependencies=[LINK, limit_rate("api")])
async def go_on_anyway(request: Request, services: ServicesDep) -> Response:
    """Goes on with the form for who was certified before: it finds their case, if there is one."""
    draft = await _find_own_draft(request, services, await read_form(request))
    if isinstance(draft, Response):
        return draft
    if find_detour(draft.answers) is not Detour.RETURNING:
        return _redirect(_find_place(draft))
    anyway = {ANYWAY: "yes"}
    if not await services.database.write(save_draft, draft.token, anyway, now()):
        return _redirect_lost()
    return _redirect(_find_place(Draft(draft.token, {**draft.answers, **anyway})))


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
async def keep_step(slug: str, request: Request, services: ServicesDep) -> Response:
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
    changes = step.pick_answers(values)
    draft = Draft(draft.token, {**draft.answers, **changes})
    faults = steps.find_faults_at(step, draft.answers)
    if is_too_long(draft.answers):
        return render_question(request, services, step, draft, faults)
    if not await services.database.write(save_draft, draft.token, changes, now()):
        return _redirect_lost()
    if do:
        return _redirect(f"/request/{slug}", change=change, rows=str(rows))
    if find_detour(draft.answers):  # who was here before need not answer the rest to hear of it
        return _redirect(INSTEAD)
    if faults:
        return _redirect(f"/request/{slug}", change=change)
    return _redirect(_find_after_change(draft)) if change else _redirect(_find_next(step, draft))


def _read_whole(draft: Draft) -> CertificationRequest | None:
    """The request that a draft has become; None where a step is still open, or the plan year's policy is gone."""
    if steps.find_first_open(draft.answers):
        return None
    try:
        return parse_request(steps.build_document(draft.answers))
    except Invalid:
        return None


async def _take_request(services: Services, draft: Draft, wanted: CertificationRequest) -> RedirectResponse:
    """The same answer whatever becomes of the request, and in the same time: its workflow is begun after it (D4)."""
    case_id = await services.cases.take_request(wanted, draft.token, list_shown_texts(draft.answers))
    await services.database.write(close_draft, draft.token, LEFT, now())
    return _answer_taken(services, case_id)


def _answer_taken(services: Services, case_id: str | None) -> RedirectResponse:
    answer = _redirect(DONE)
    answer.background = BackgroundTask(services.cases.try_to_start, case_id) if case_id else None
    return answer


async def _render_confirmation(
    request: Request, services: Services, draft: Draft, answer: CodeAnswer | None = None
) -> Response:
    """The form for the code; the answers, where this browser asked for none of late for the address among them."""
    email, language = await find_asked_email(request, services), choose_language(request)
    wanted = _read_whole(draft)
    if email is None or wanted is None or email != wanted.email.lower():
        return _redirect(CHECK)
    form = CodeForm(
        here=CONFIRM,
        action=build_address(CONFIRM, lang=language),
        again_action=build_address(CHECK, lang=language),
        other_url=build_address("/request/contact", change="1"),
        hidden={FORM_TOKEN: draft.form_token},
        sends_request=True,
    )
    return render_code_form(request, services, form, email, answer)


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
    draft = await DRAFTS.load_draft(request, services)
    if draft is None and "begun" in request.query_params:
        return _redirect(START, why="cookies")
    if draft is None:
        return _redirect_lost()
    if draft.is_sent:
        return _redirect(DONE)
    return draft if values is None or draft.is_own(values) else _redirect_lost()


def _redirect_lost() -> RedirectResponse:
    return _redirect(START, why="expired")


def _find_place(draft: Draft) -> str:
    """How far a draft has come: its first open step, where else it leads, or the page that lists its answers."""
    if find_detour(draft.answers):
        return INSTEAD
    first = steps.find_first_open(draft.answers)
    return f"/request/{first.slug}" if first else CHECK


def _redirect_unfinished(draft: Draft) -> RedirectResponse:
    """To the first open step; to the start where the plan year is at fault, for which no step asks."""
    return _redirect(_find_place(draft) if steps.find_first_open(draft.answers) else START)


def _find_next(step: FormStep, draft: Draft) -> str:
    """The page after this one, for somebody who answers one step after the other."""
    asked = steps.list_steps(draft.answers)
    following = asked[asked.index(step) + 1 :]
    return f"/request/{following[0].slug}" if following else CHECK


def _find_after_change(draft: Draft) -> str:
    """The page after a change: a step that it opened, else all answers."""
    left = steps.find_first_open(draft.answers)
    return build_address(f"/request/{left.slug}", change="1") if left else CHECK


def _redirect(path: str, **query: str) -> RedirectResponse:
    return RedirectResponse(build_address(path, **query), 303, PRIVATE)
