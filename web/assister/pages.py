"""The assister's own pages, by e-mailed links: status, answer, agreement, certificate, activation (A12, A3, A28)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from db.case_state import policy_of
from db.reads.links import LinkedCertification, follow_link, read_activation
from db.writes.agreements import accept_agreement
from db.writes.commands import check_answer
from domain.shared.faults import Fault, Invalid
from domain.shared.links import ACTIVATION_PATH, STATUS_PATH
from domain.shared.notices import Topic
from domain.shared.parsing import read_json
from domain.shared.policy import describe_contact, find_current_policy
from domain.shared.reasons import Refusal
from domain.state.policies import POLICIES
from starter.cases import PENDING, Answer, now
from templates.catalogs import N_
from web.assister.status_page import lacks_agreement, status_page
from web.http.auth import LINK
from web.http.forms import find_text_faults, read_form, read_media_type
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, render_page
from web.http.problem_pages import NO_CERTIFICATE, NO_FILE, UNKNOWN_LINK, ProblemText, render_problem
from web.http.problems import build_problem
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep
from web.state_form import find_changes, shows_agreement_in_force

router = APIRouter(dependencies=[LINK])

NOT_NOW = ProblemText(
    N_("We can't take this now"),
    N_(
        "Your certification has moved on since you opened the page. Please open your status page again to see "
        "where it stands."
    ),
)
_PAGE: dict[str, Any] = {"include_in_schema": False, "response_class": HTMLResponse}


async def show_status(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """Where the certification stands, what to do now, and the question staff have asked."""
    place = await _find_certification(services, token)
    if place is None:
        return _unknown(request, services, Topic.GENERAL)
    return await status_page(request, services, token, place)


@router.post(
    f"{STATUS_PATH}/information",
    dependencies=[limit_rate("api")],
    tags=["assister"],
    responses={
        202: {"description": "Kept; no worker answered yet. It is carried out when one does."},
        303: {"description": "After a form post: back to the status page."},
        404: {"description": "The link is unknown or has expired."},
        409: {"description": "Nothing was asked."},
        422: {"description": "Every field at fault is named."},
    },
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}},
)
async def information(token: str, request: Request, services: ServicesDep) -> Response:
    """The assister's answer: ``message``, and changed fields of the request beside it or in ``changes``; or a form."""
    place = await _find_certification(services, token)
    if read_media_type(request) == "application/json":
        if place is None:
            return build_problem(404, "This link is unknown or has expired.", headers=PRIVATE)
        message, changes = _told(read_json(await request.body()))
        answer = await _answer(services, place, message, changes, place.case.request["language"])
        document = {"command_id": answer.command_id, "state": answer.state}
        return JSONResponse(document, 202 if answer.state == PENDING else 200, PRIVATE)
    if place is None:
        return _unknown(request, services, Topic.GENERAL)
    values = await read_form(request)
    message = values.pop("message", "")
    changes, faults = find_changes(values, place.case.request)
    try:
        await _answer(services, place, message, changes, values.get("agreement_language", ""), faults)
    except Invalid as invalid:
        return await status_page(request, services, token, place, {**values, "message": message}, invalid.faults)
    except Refusal:
        return _not_now(request, services, place)
    return _back(request, token, f"answered={place.state.round + 1}")


@router.post(f"{STATUS_PATH}/agreement", dependencies=[limit_rate("api")], **_PAGE)
async def accept(token: str, request: Request, services: ServicesDep) -> Response:
    """Accepts the agreement for a case that lacks it: a returning assister's, opened without a form (A3, A11)."""
    place = await _find_certification(services, token)
    if place is None:
        return _unknown(request, services, Topic.GENERAL)
    values = await read_form(request)
    if lacks_agreement(place.state):
        if values.get("agreement_accepted") != "true" or not shows_agreement_in_force(values):
            return await status_page(request, services, token, place, {}, [Fault("agreement_accepted", "agreement")])
        await services.database.write(accept_agreement, place.case.case_id, values["agreement_language"], now())
    elif place.state.ended:
        return _not_now(request, services, place)
    return _back(request, token, "accepted=1")


@router.get(f"{STATUS_PATH}/certificate", include_in_schema=False)
async def download(token: str, request: Request, services: ServicesDep) -> Response:
    """The certificate as a file."""
    place = await _find_certification(services, token)
    if place is None:
        return _unknown(request, services, Topic.GENERAL)
    certificate = place.state.certificate
    if certificate is None or place.certificate_uri is None:
        return _problem(request, services, place, NO_CERTIFICATE, 404)
    file = services.settings.certificates_dir / Path(place.certificate_uri).name
    if not file.is_file():
        return _problem(request, services, place, NO_FILE, 503)
    return FileResponse(
        file, headers=PRIVATE, media_type="application/pdf", filename=f"certificate-{certificate.number}.pdf"
    )


@router.get(ACTIVATION_PATH, **_PAGE)
async def activation(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """What an activation link can still do; opening it uses nothing up, mail programs open links too."""
    return await _activation(request, services, token)


@router.post(ACTIVATION_PATH, dependencies=[limit_rate("api")], **_PAGE)
async def activate(token: str, request: Request, services: ServicesDep) -> HTMLResponse:
    """Uses the link up and has the account activated (A28)."""
    try:
        done = await services.cases.activate(token) is not None
    except Refusal:
        done = False
    return await _activation(request, services, token, done)


async def _find_certification(services: Services, token: str) -> LinkedCertification | None:
    linked = await services.database.read(follow_link, token, now())
    return linked if isinstance(linked, LinkedCertification) else None


# the answer


def _told(document: Any) -> tuple[str, dict[str, Any]]:
    """Message and changed fields of an answer sent as JSON."""
    if not isinstance(document, dict):
        raise Invalid([Fault("body", "object")])
    beside = {name: value for name, value in document.items() if name not in ("message", "changes")}
    changes = document.get("changes", {})
    if not isinstance(changes, dict):
        raise Invalid([Fault("changes", "object")])
    message = document.get("message")
    if message is not None and not isinstance(message, str):
        raise Invalid([Fault("message", "text")])
    return message or "", {**beside, **changes}


async def _answer(
    services: Services,
    place: LinkedCertification,
    message: str,
    changes: dict[str, Any],
    shown: str,
    faults: Sequence[Fault] = (),
) -> Answer:
    """Answers staff's question; the agreement, ``shown`` in a language, may be accepted along with it.

    Raises `Invalid` with ``faults`` and those found here, and `Refusal`.
    """
    faults = [*find_text_faults("message", message), *faults]
    if faults:
        raise Invalid([*faults, *await _faults_in(services, place, changes)])
    return await services.cases.answer(place.case.case_id, changes, message, shown=shown or None)


async def _faults_in(services: Services, place: LinkedCertification, changes: dict[str, Any]) -> Sequence[Fault]:
    try:
        await services.database.read(check_answer, services.settings.identity_key_bytes, place.case.case_id, changes)
    except Invalid as invalid:
        return invalid.faults
    return ()


# the activation page


async def _activation(request: Request, services: Services, token: str, done: bool | None = None) -> HTMLResponse:
    """The page of an activation link, as it stands or right after it was used (``done``)."""
    state, case = await services.database.read(read_activation, token, now())
    if case is None:
        return _unknown(request, services, Topic.PORTALS)
    if done is not None:
        state = "done" if done else "void" if state == "ready" else state
    language = choose_language(request, case.request["language"])
    here = ACTIVATION_PATH.format(token=token)
    return render_page(
        services,
        "activate.html",
        language,
        describe_contact(policy_of(case), Topic.PORTALS, language),
        here=here,
        status=200 if state in ("ready", "done") else 410,
        state=state,
        action=f"{here}?lang={language}" if state == "ready" else None,
        expires=None,
        portal_url=services.settings.portal_url,
    )


# what both share


def _unknown(request: Request, services: Services, topic: Topic) -> HTMLResponse:
    language = choose_language(request)
    contact = describe_contact(find_current_policy(POLICIES.values(), now()), topic, language)
    here = quote(request.url.path) if request.method == "GET" else None
    return render_problem(services, UNKNOWN_LINK, 404, language, contact, here)


def _not_now(request: Request, services: Services, place: LinkedCertification) -> HTMLResponse:
    return _problem(request, services, place, NOT_NOW, 409)


def _problem(
    request: Request, services: Services, place: LinkedCertification, problem: ProblemText, status: int
) -> HTMLResponse:
    language = choose_language(request, place.case.request["language"])
    return render_problem(services, problem, status, language, describe_contact(place.policy, Topic.GENERAL, language))


def _back(request: Request, token: str, told: str) -> RedirectResponse:
    """To the status page, in the language it was read in, with a word of thanks."""
    lang = request.query_params.get("lang")
    suffix = f"&lang={lang}" if lang in ("en", "es") else ""
    return RedirectResponse(f"{STATUS_PATH.format(token=token)}?{told}{suffix}", 303, PRIVATE)
