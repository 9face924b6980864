"""The assister's own pages, by e-mailed links: status, answer, agreement, certificate, activation (A12, A3, A28)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from db.states import policy_of
from db.views import Place
from domain.agreements import agreement
from domain.eligibility import Check, Result
from domain.faults import Fault, Invalid
from domain.notices import TOPIC_OF_WAITING, Topic
from domain.parsing import read_json
from domain.reasons import sentence
from domain.stages import CaseState, EligibilityStatus, LmsAccount, Stage, WaitingFor
from starter.cases import PENDING, Answer, NotNow, now
from web.auth import Parts
from web.door import Door
from web.forms import Values, changes_of, errors_of, media_type, posted, shows_agreement_in_force, values_of
from web.pages import PRIVATE, contact_of, current_policy, language_of, problem_page, render
from web.problems import problem

router = APIRouter()

LONGEST_MESSAGE = 4000
_PAGE: dict[str, Any] = {"include_in_schema": False, "response_class": HTMLResponse}


@router.get("/status/{token}", **_PAGE)
async def status(token: str, request: Request, parts: Parts) -> HTMLResponse:
    """Where the certification stands, what to do now, and the question staff have asked."""
    place = await parts.views.place(token, now())
    if place is None:
        return _unknown(request, parts, Topic.GENERAL)
    return await _page(request, parts, token, place)


@router.post(
    "/status/{token}/information",
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
async def information(token: str, request: Request, parts: Parts) -> Response:
    """The assister's answer: ``message``, and changed request fields beside it or in ``changes``; or the page's form."""
    place = await parts.views.place(token, now())
    if media_type(request) == "application/json":
        if place is None:
            return problem(404, "This link is unknown or has expired.", headers=PRIVATE)
        message, changes = _told(read_json(await request.body()))
        answer = await _answer(parts, place, message, changes, place.case.request["language"])
        document = {"command_id": answer.command_id, "state": answer.state}
        return JSONResponse(document, 202 if answer.state == PENDING else 200, PRIVATE)
    if place is None:
        return _unknown(request, parts, Topic.GENERAL)
    values = await posted(request)
    message = values.pop("message", "")
    changes, faults = changes_of(values, place.case.request)
    try:
        if faults:
            raise Invalid([*_message_faults(message), *faults])
        await _answer(parts, place, message, changes, values.get("agreement_language", ""))
    except Invalid as invalid:
        return await _page(request, parts, token, place, {**values, "message": message}, invalid.faults)
    except NotNow:
        return _not_now(request, parts, place)
    return _back(request, token, f"answered={place.state.round + 1}")


@router.post("/status/{token}/agreement", **_PAGE)
async def accept(token: str, request: Request, parts: Parts) -> Response:
    """Accepts the agreement for a case that lacks it: a returning assister's, opened without a form (A3, A11)."""
    place = await parts.views.place(token, now())
    if place is None:
        return _unknown(request, parts, Topic.GENERAL)
    values = await posted(request)
    if lacks_agreement(place.state):
        if values.get("agreement_accepted") != "true" or not shows_agreement_in_force(values):
            return await _page(request, parts, token, place, {}, [Fault("agreement_accepted", "agreement")])
        await _accept(parts, place, values["agreement_language"])
    elif place.state.ended:
        return _not_now(request, parts, place)
    return _back(request, token, "accepted=1")


@router.get("/status/{token}/certificate", include_in_schema=False)
async def download(token: str, request: Request, parts: Parts) -> Response:
    """The certificate as a file."""
    place = await parts.views.place(token, now())
    if place is None:
        return _unknown(request, parts, Topic.GENERAL)
    certificate = place.state.certificate
    if certificate is None or place.certificate_uri is None:
        return _problem(request, parts, place, "no_certificate", 404)
    file = parts.settings.certificates_dir / Path(place.certificate_uri).name
    if not file.is_file():
        return _problem(request, parts, place, "no_file", 503)
    return FileResponse(
        file, headers=PRIVATE, media_type="application/pdf", filename=f"certificate-{certificate.number}.pdf"
    )


@router.get("/activate/{token}", **_PAGE)
async def activation(token: str, request: Request, parts: Parts) -> HTMLResponse:
    """What an activation link can still do; opening it uses nothing up, mail programs open links too."""
    return await _activation(request, parts, token)


@router.post("/activate/{token}", **_PAGE)
async def activate(token: str, request: Request, parts: Parts) -> HTMLResponse:
    """Uses the link up and has the account activated (A28)."""
    try:
        done = await parts.cases.activate(token) is not None
    except NotNow:
        done = False
    return await _activation(request, parts, token, done)


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


def _message_faults(message: str) -> list[Fault]:
    if not message.strip():
        return [Fault("message", "required")]
    if len(message) > LONGEST_MESSAGE:
        return [Fault("message", "too_long", (("limit", str(LONGEST_MESSAGE)),))]
    if any((not char.isprintable() and char not in "\n\r\t ") or "\ud800" <= char <= "\udfff" for char in message):
        return [Fault("message", "control_characters")]
    return []


async def _answer(parts: Door, place: Place, message: str, changes: dict[str, Any], language: str) -> Answer:
    """Answers staff's question; the agreement may be accepted along with it. Raises `Invalid` and `NotNow`."""
    faults = _message_faults(message)
    if faults:
        raise Invalid(faults)
    lacking = lacks_agreement(place.state)
    accepted = changes.get("agreement_accepted") is True
    licensed = place.state.opening.kind.is_licensed
    if set(changes) == {"agreement_accepted"} and accepted and licensed:
        changes = {}
    elif changes and licensed:
        # A case opened without a form has no such fields yet.
        settled = {"license_state": "NM", **({} if lacking else {"agreement_accepted": True})}
        changes = {**{name: value for name, value in settled.items() if not place.case.request.get(name)}, **changes}
    answer = await parts.cases.answer(place.case.case_id, changes, message)
    if accepted and lacking:
        await _accept(parts, place, language)
    return answer


async def _accept(parts: Door, place: Place, language: str) -> None:
    text = agreement(place.case.program, language)
    record = {"version": text.version, "language": text.language, "sha256": text.sha256, "source": "page"}
    await parts.records.accept_agreement(place.case.case_id, record, now(), "assister")


def lacks_agreement(state: CaseState) -> bool:
    """Whether an agent's or broker's open case still needs the agreement."""
    return not state.ended and any(
        one.check is Check.AGREEMENT_ACCEPTED and one.result is not Result.PASS for one in state.findings
    )


# the status page


async def _page(
    request: Request,
    parts: Door,
    token: str,
    place: Place,
    values: Values | None = None,
    faults: Sequence[Fault] = (),
) -> HTMLResponse:
    case, policy, state = place.case, place.policy, place.state
    language = language_of(request, case.request["language"])
    here = f"/status/{token}"
    told = _told_round(request)
    asking = state.stage is Stage.AWAITING_INFORMATION and told != state.round + 1
    waiting_for = state.waiting_for if asking or state.stage is not Stage.AWAITING_INFORMATION else None
    topic = TOPIC_OF_WAITING[waiting_for] if waiting_for else Topic.GENERAL
    text = agreement(case.program, language)
    return render(
        parts,
        "status.html",
        language,
        contact_of(policy, topic, language),
        here=here,
        status=422 if faults else 200,
        first_name=case.request["first_name"],
        kind=case.kind,
        plan_year=case.plan_year,
        stage=state.stage if asking or state.stage is not Stage.AWAITING_INFORMATION else Stage.SCREENING,
        waiting_for=waiting_for,
        may_assist=not place.may_assist_reasons,
        missing=[sentence(code, language) for code in place.may_assist_reasons],
        steps=steps_of(state, not place.may_assist_reasons),
        reason=await _reason(parts, place),
        pass_mark=policy.pass_mark,
        lms_url=await parts.records.lms_url(case.case_id) or parts.settings.lms_url,
        portal_url=_portal_url(parts, waiting_for),
        certificate=_certificate(place, here, language),
        train_meanwhile=_trains_meanwhile(state),
        question=_question(state, f"{here}/information?lang={language}") if asking else None,
        values=values if values is not None else values_of(case.request) if asking else {},
        errors=errors_of(faults, language),
        answered=told in (state.round, state.round + 1) and not asking,
        accepted=request.query_params.get("accepted") == "1" and not lacks_agreement(state),
        agreement={**text.model_dump(), "action": f"{here}/agreement?lang={language}"} if lacks_agreement(state) else None,
        resources=[{"label": link.label[language], "url": link.url} for link in policy.resources[state.opening.kind]],
        referrals=policy.referrals[language],
    )


def steps_of(state: CaseState, may_assist: bool) -> list[dict[str, str]]:
    """The seven steps of the guide: done, next (the first that isn't, while the case goes on) or later."""
    done = {
        "request": True,
        "eligibility": state.eligibility is EligibilityStatus.APPROVED,
        "training": state.trained_at is not None,
        "exam": state.passed_at is not None,
        "certificate": state.certificate is not None,
        "portal": state.portal_ready,
        "begin": may_assist,
    }
    first = None if state.ended else next((key for key, is_done in done.items() if not is_done), None)
    return [
        {"key": key, "state": "done" if is_done else "next" if key == first else "later"}
        for key, is_done in done.items()
    ]


def _told_round(request: Request) -> int | None:
    """The round an answer led to, right after it was sent: the page then waits with us until it is carried out."""
    told = request.query_params.get("answered", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 9 else None


def _question(state: CaseState, action: str) -> dict[str, str]:
    return {"text": state.decision.reason if state.decision else "", "action": action}


async def _reason(parts: Door, place: Place) -> str | None:
    if place.state.stage is Stage.DENIED and place.state.decision:
        return place.state.decision.reason
    if place.state.stage in (Stage.WITHDRAWN, Stage.REVOKED):
        return await parts.records.ending_reason(place.case.case_id)
    return None


def _trains_meanwhile(state: CaseState) -> bool:
    """Returning assisters train while eligibility is determined (A11)."""
    undecided = state.eligibility in (EligibilityStatus.PENDING, EligibilityStatus.INFORMATION_REQUESTED)
    trains = state.opening.has_lms_account and state.lms_account is LmsAccount.READY
    return undecided and trains and not state.ended and state.passed_at is None


def _portal_url(parts: Door, waiting_for: WaitingFor | None) -> str:
    portal = parts.settings.portal_url
    return f"{portal}/register" if waiting_for is WaitingFor.PORTAL_REGISTRATION else portal


def _certificate(place: Place, here: str, language: str) -> dict[str, Any] | None:
    certificate = place.state.certificate
    return certificate and {
        "number": certificate.number,
        "url": f"/certificates/{certificate.number}?lang={language}",
        "file_url": f"{here}/certificate",
        "valid_until": certificate.valid_until,
    }


# the activation page


async def _activation(request: Request, parts: Door, token: str, done: bool | None = None) -> HTMLResponse:
    """The page of an activation link, as it stands or right after it was used (``done``)."""
    state, case = await parts.views.activation(token, now())
    if case is None:
        return _unknown(request, parts, Topic.PORTALS)
    if done is not None:
        state = "done" if done else "void" if state == "ready" else state
    language = language_of(request, case.request["language"])
    here = f"/activate/{token}"
    return render(
        parts,
        "activate.html",
        language,
        contact_of(policy_of(case), Topic.PORTALS, language),
        here=here,
        status=200 if state in ("ready", "done") else 410,
        state=state,
        action=f"{here}?lang={language}" if state == "ready" else None,
        expires=None,
        portal_url=parts.settings.portal_url,
    )


# what both share


def _unknown(request: Request, parts: Door, topic: Topic) -> HTMLResponse:
    language = language_of(request)
    contact = contact_of(current_policy(now()), topic, language)
    return problem_page(parts, "unknown_link", 404, language, contact, request.url.path)


def _not_now(request: Request, parts: Door, place: Place) -> HTMLResponse:
    return _problem(request, parts, place, "not_now", 409)


def _problem(request: Request, parts: Door, place: Place, what: str, status: int) -> HTMLResponse:
    language = language_of(request, place.case.request["language"])
    return problem_page(parts, what, status, language, contact_of(place.policy, Topic.GENERAL, language))


def _back(request: Request, token: str, told: str) -> RedirectResponse:
    """To the status page, in the language it was read in, with a word of thanks."""
    lang = request.query_params.get("lang")
    suffix = f"&lang={lang}" if lang in ("en", "es") else ""
    return RedirectResponse(f"/status/{token}?{told}{suffix}", 303, PRIVATE)
