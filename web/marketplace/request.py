"""The request to register with the Marketplace, step by step, and the code by which its address is confirmed (B3, D1).

Its rules are domain/federal/profile.py, its steps are in steps.py beside it; the answers so far are kept in a draft.
"""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from db.writes.drafts import begin_draft, close_draft, save_draft
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.profile import RegistrationRequest, parse_registration
from domain.shared.codes import CodeAnswer
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.policy import choose_policy
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
from web.form_drafts import Draft, DraftCookie
from web.form_steps import is_too_long
from web.http.addresses import build_query, set_language
from web.http.auth import LINK, PUBLIC, find_own_visitor
from web.http.forms import read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router
from web.http.rate_limits import limit_rate
from web.marketplace.request_pages import (
    CHECK,
    CONFIRM,
    DONE,
    START,
    build_address,
    read_change,
    render_check,
    render_done,
    render_question,
    render_start,
)
from web.marketplace.steps import TEMPLATES, build_request, walk_request
from web.services import Services, ServicesDep

router = build_page_router(prefix=START)

# What is left of a draft that was sent, for its confirmation.
LEFT = ("email", "plan_year")
DRAFTS = DraftCookie("registration_draft", START)


@router.get("", dependencies=[PUBLIC])
async def show_start(request: Request, services: ServicesDep) -> HTMLResponse:
    """What the form is for, of the newest plan year that is open, the draft's, or the one asked for."""
    draft = await DRAFTS.load_draft(request, services)
    year = draft.answers.get("plan_year") if draft else None
    policy, faults = choose_policy(FEDERAL_POLICIES.values(), request.query_params.get("plan_year", year), now())
    return render_start(request, services, draft, policy, faults)


@router.post("", dependencies=[PUBLIC, limit_rate("request")])
async def begin_registration(request: Request, services: ServicesDep) -> Response:
    """Begins a draft for a plan year, or goes on with the one there is."""
    values, draft = await read_form(request), await DRAFTS.load_draft(request, services)
    policy, faults = choose_policy(FEDERAL_POLICIES.values(), values.get("plan_year", ""), now())
    if faults:
        return render_start(request, services, draft, policy, faults, 422)
    year = {"plan_year": str(policy.plan_year)}
    if draft and values.get("do") == "continue":
        if not draft.is_own(values) or not await services.database.write(save_draft, draft.token, year, now()):
            return _redirect_lost()
        return RedirectResponse(_find_place(draft), 303, PRIVATE)
    token = await services.database.write(begin_draft, year, now(), draft.token if draft else None)
    begun = RedirectResponse(build_address("role", begun="1"), 303, PRIVATE)
    DRAFTS.hand_out(begun, services, token)
    return begun


@router.get("/check", dependencies=[LINK])
async def show_check(request: Request, services: ServicesDep) -> Response:
    """Every answer, to look over before it is sent."""
    draft = await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    return _redirect_unfinished(draft) if _read_whole(draft) is None else render_check(request, services, draft)


@router.post("/check", dependencies=[LINK, limit_rate("request")])
async def send_registration(request: Request, services: ServicesDep) -> Response:
    """Takes the request of who is signed in by its e-mail address; everybody else is sent a code first (D1)."""
    draft = await _find_own_draft(request, services, await read_form(request))
    if isinstance(draft, Response):
        return draft
    wanted = _read_whole(draft)
    if wanted is None:
        return _redirect_unfinished(draft)
    visitor = await find_own_visitor(request, services)
    if visitor is not None and visitor.email == wanted.email.lower():
        return await _take_request(services, draft.token, wanted)
    answer = RedirectResponse(set_language(CONFIRM, choose_language(request)), 303, PRIVATE)
    if not await ask_for_code(request, services, answer, wanted.email):
        return render_check(request, services, draft, [Fault("email", TOO_OFTEN)], 429)
    return answer


@router.get("/confirm", dependencies=[LINK])
async def show_confirmation(request: Request, services: ServicesDep) -> Response:
    """Where the code is typed in that was sent to the address of the request."""
    return await _render_confirmation(request, services)


@router.post("/confirm", dependencies=[LINK, limit_rate("code")])
async def confirm_address(request: Request, services: ServicesDep) -> Response:
    """Takes the request once the code is right, which also signs in to one's own pages; or has another code sent."""
    values, draft = await read_form(request), await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    wanted = _read_whole(draft)
    if wanted is None:
        return _redirect_unfinished(draft)
    if "email" in values:
        return await _send_another_code(request, services, draft, wanted)
    take = prepare_taking(request, services, wanted, draft.token, LEFT)
    tried, taken = await use_typed_code(request, services, values, take)
    if tried.answer is not CodeAnswer.RIGHT:
        return await _render_confirmation(request, services, tried.answer)
    if taken is None:  # the address was changed meanwhile
        return RedirectResponse(CHECK, 303, PRIVATE)
    answer = _answer_taken(services, taken.case_id)
    keep_owner_signed_in(services, answer, taken.token)
    return answer


@router.get("/done", dependencies=[LINK])
async def show_done(request: Request, services: ServicesDep) -> Response:
    """What happens next, for whoever has just sent a request, whatever became of it (D4)."""
    draft = await DRAFTS.load_draft(request, services)
    if draft is None or not draft.is_sent:
        return RedirectResponse(START, 303, PRIVATE)
    return render_done(request, services, draft)


@router.get("/{slug}", dependencies=[LINK])
async def show_question(slug: str, request: Request, services: ServicesDep) -> Response:
    """A step, with what was answered before; one whose turn has not come leads to the first that is open."""
    if slug not in TEMPLATES:
        raise HTTPException(404, "The request has no such page.")
    draft = await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    if "begun" in request.query_params:
        return RedirectResponse(build_address(slug), 303, PRIVATE)
    walk = walk_request(draft.answers)
    step = walk.find_reachable(slug)
    if step is None:
        return RedirectResponse(_find_place(draft), 303, PRIVATE)
    return render_question(request, services, step, draft, walk.find_faults_to_show(step))


@router.post("/{slug}", dependencies=[LINK, limit_rate("api")])
async def keep_step(slug: str, request: Request, services: ServicesDep) -> Response:
    """Keeps the answers of a step and goes on, or to the same step again, which shows what is wrong with them.

    So that whoever goes back in their browser comes to pages alone, and never has to send a form again.
    """
    if slug not in TEMPLATES:
        raise HTTPException(404, "The request has no such page.")
    values = await read_form(request)
    draft = await _find_own_draft(request, services, values)
    if isinstance(draft, Response):
        return draft
    step = walk_request(draft.answers).find_reachable(slug)
    if step is None:
        return RedirectResponse(_find_place(draft), 303, PRIVATE)
    change, changes = read_change(request), step.pick_answers(values)
    draft = Draft(draft.token, {**draft.answers, **changes})
    walk = walk_request(draft.answers)
    faults = walk.find_faults_at(step)
    if is_too_long(draft.answers):
        return render_question(request, services, step, draft, faults)
    if not await services.database.write(save_draft, draft.token, changes, now()):
        return _redirect_lost()
    if faults:
        return RedirectResponse(build_address(slug, change=change), 303, PRIVATE)
    onward = walk.find_first_open() if change else walk.find_next(step)
    place = build_address(onward.slug, change=change) if onward else CHECK
    return RedirectResponse(place, 303, PRIVATE)


async def _take_request(services: Services, token: str, wanted: RegistrationRequest) -> RedirectResponse:
    """The same answer whatever becomes of the request, and in the same time: its workflow is begun after it (D4)."""
    case_id = await services.cases.take_request(wanted, token)
    await services.database.write(close_draft, token, LEFT, now())
    return _answer_taken(services, case_id)


def _answer_taken(services: Services, case_id: str | None) -> RedirectResponse:
    task = BackgroundTask(services.cases.try_to_start, case_id) if case_id else None
    return RedirectResponse(DONE, 303, PRIVATE, task)


async def _send_another_code(
    request: Request, services: Services, draft: Draft, wanted: RegistrationRequest
) -> Response:
    answer = RedirectResponse(set_language(CONFIRM, choose_language(request)), 303, PRIVATE)
    if await ask_for_code(request, services, answer, wanted.email):
        return answer
    return render_check(request, services, draft, [Fault("email", TOO_OFTEN)], 429)


def _read_whole(draft: Draft) -> RegistrationRequest | None:
    """The request that a draft has become; None where a step is still open, or the plan year's policy is gone."""
    if walk_request(draft.answers).find_first_open():
        return None
    try:
        return parse_registration(build_request(draft.answers))
    except Invalid:
        return None


async def _find_own_draft(
    request: Request, services: Services, values: Mapping[str, str] | None = None
) -> Draft | Response:
    """The draft to go on with, if a form that was posted is its own; else the answer that leads to where one can."""
    draft = await DRAFTS.load_draft(request, services)
    if draft is None and "begun" in request.query_params:
        return RedirectResponse(f"{START}{build_query(why='cookies')}", 303, PRIVATE)
    if draft is None:
        return _redirect_lost()
    if draft.is_sent:
        return RedirectResponse(DONE, 303, PRIVATE)
    return draft if values is None or draft.is_own(values) else _redirect_lost()


def _redirect_lost() -> RedirectResponse:
    return RedirectResponse(f"{START}{build_query(why='expired')}", 303, PRIVATE)


def _find_place(draft: Draft) -> str:
    """How far a draft has come: its first open step, or the page that lists its answers."""
    first = walk_request(draft.answers).find_first_open()
    return build_address(first.slug) if first else CHECK


def _redirect_unfinished(draft: Draft) -> RedirectResponse:
    """To the first open step; to the start where the plan year is at fault, for which no step asks."""
    place = _find_place(draft)
    return RedirectResponse(START if place == CHECK else place, 303, PRIVATE)


async def _render_confirmation(request: Request, services: Services, answer: CodeAnswer | None = None) -> Response:
    """The form for the code; the list of answers where this browser asked for none of late for their address."""
    email, draft = await find_asked_email(request, services), await _find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    wanted = _read_whole(draft)
    if email is None or wanted is None or email != wanted.email.lower():
        return RedirectResponse(CHECK, 303, PRIVATE)
    action = set_language(CONFIRM, choose_language(request))
    form = CodeForm(
        here=CONFIRM,
        action=action,
        again_action=action,
        other_url=build_address("person", change="1"),
        sends_request=True,
    )
    return render_code_form(request, services, form, email, answer)
