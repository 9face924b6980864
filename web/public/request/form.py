"""The public Certification Request Form, a group of questions at a time, and what answers it (A10).

What it has in common with the marketplace's is web/request_form.py; its rules are domain/state/request.py, its steps
are in steps.py beside it.
"""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import Response

from db.writes.drafts import save_draft
from domain.state.policies import POLICIES
from domain.state.policy import Policy
from domain.state.request import Request as CertificationRequest, parse_request
from starter.cases import now
from web.form_drafts import Draft, DraftCookie
from web.http.auth import LINK
from web.http.forms import read_form
from web.http.pages import build_page_router
from web.http.rate_limits import limit_rate
from web.public.request.eligibility import ANYWAY, Detour, find_detour
from web.public.request.pages import (
    ADDRESSES,
    INSTEAD,
    render_check,
    render_done,
    render_instead,
    render_question,
    render_start,
)
from web.public.request.steps import STEPS, FormStep, build_document, walk_request
from web.request_form import RequestForm, redirect
from web.services import ServicesDep
from web.state_form import list_shown_texts


def read_answers(answers: Mapping[str, str]) -> CertificationRequest:
    """The request that a form's answers come to. Raises `Invalid`."""
    return parse_request(build_document(answers))


def find_elsewhere(answers: Mapping[str, str]) -> str:
    """Where somebody is sent whose answers lead elsewhere than through the form; empty where they lead on."""
    return INSTEAD if find_detour(answers) else ""


DRAFTS = DraftCookie("request_draft", ADDRESSES.start)
FORM = RequestForm[FormStep, CertificationRequest, Policy](
    addresses=ADDRESSES,
    drafts=DRAFTS,
    policies=POLICIES,
    slugs=[step.slug for step in STEPS],
    first="kind",
    asks_email="contact",
    walk=walk_request,
    read_request=read_answers,
    render_start=render_start,
    render_question=render_question,
    render_check=render_check,
    render_done=render_done,
    find_elsewhere=find_elsewhere,
    list_shown=list_shown_texts,
)

router = build_page_router(prefix=ADDRESSES.start)


@router.get("/instead", dependencies=[LINK])
async def show_instead(request: Request, services: ServicesDep) -> Response:
    """What to do for who is sent elsewhere by their answers to the first questions."""
    draft = await FORM.find_own_draft(request, services)
    if isinstance(draft, Response):
        return draft
    detour = find_detour(draft.answers)
    return render_instead(request, services, draft, detour) if detour else redirect(FORM.find_place(draft))


@router.post("/instead", dependencies=[LINK, limit_rate("api")])
async def go_on_anyway(request: Request, services: ServicesDep) -> Response:
    """Goes on with the form for who was certified before: it finds their case, if there is one."""
    draft = await FORM.find_own_draft(request, services, await read_form(request))
    if isinstance(draft, Response):
        return draft
    if find_detour(draft.answers) is not Detour.RETURNING:
        return redirect(FORM.find_place(draft))
    anyway = {ANYWAY: "yes"}
    if not await services.database.write(save_draft, draft.token, anyway, now()):
        return FORM.redirect_lost()
    return redirect(FORM.find_place(Draft(draft.token, {**draft.answers, **anyway})))


FORM.add_routes(router)
