"""What an assister sends from their own page: the answer to staff's question, the agreement (A12, A3)."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from db.case_state import applicant_of
from db.reads.answer_files import find_answer_file
from db.reads.own_pages import OwnCertification
from db.writes import agreements
from db.writes.commands import IDENTITY_TAKEN, check_answer
from db.writes.own.answer_files import add_answer_file
from db.writes.submissions import Submission
from domain.shared.cases.commands import CommandState
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.evidence import check_evidence, clean_file_name
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json
from domain.shared.documents.texts import find_text_faults
from domain.shared.ids import ASSISTER
from domain.shared.links import OWN_CASE_PATH
from starter.cases import CommandOutcome, now
from templates.catalogs import N_
from web.assister.links import CurrentCertification, LinkRefused, find_certification, redirect_back
from web.assister.status_page import lacks_agreement, render_status
from web.http.attachments import build_attachment
from web.http.auth import OwnPages, OwnVisitor
from web.http.forms import Values, parse_number, read_form, read_media_type
from web.http.pages import PRIVATE
from web.http.problem_pages import ProblemText
from web.http.rate_limits import limit_rate
from web.http.uploads import MOST_PARTS, Upload, is_upload, read_upload
from web.services import Services, ServicesDep
from web.state_form import find_changes, shows_agreement_in_force, shows_consent_in_force

router = APIRouter()

NOT_NOW = ProblemText(
    N_("We can't take this now"),
    N_(
        "Your certification has moved on since you opened the page. Please open your own pages again to see "
        "where it stands."
    ),
)


@router.post(
    f"{OWN_CASE_PATH}/information",
    dependencies=[limit_rate("api")],
    tags=["assister"],
    responses={
        202: {"description": "Kept; no worker answered yet. It is carried out when one does."},
        303: {"description": "After a form post: back to the status page."},
        401: {"description": "Nobody is signed in."},
        404: {"description": "You have no such certification."},
        409: {"description": "Nothing was asked, or the question was taken back."},
        422: {"description": "Every field at fault is named."},
    },
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}},
)
async def answer_question(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages, certification: CurrentCertification
) -> Response:
    """The assister's answer: ``message``, and changed fields of the request beside it or in ``changes``; or a form."""
    case = certification.case
    if read_media_type(request) == "application/json":
        message, changes = _read_answer(read_json(await request.body()))
        faults = visitor.find_address_faults(changes, applicant_of(case).email)
        answer = await _send_answer(services, certification, message, changes, applicant_of(case).language, faults)
        return JSONResponse(answer.document(), 202 if answer.state == CommandState.PENDING else 200, PRIVATE)
    return await _take_form(request, services, reference, visitor, certification, await read_form(request))


@router.post(
    f"{OWN_CASE_PATH}/information/documents",
    dependencies=[limit_rate("api")],
    include_in_schema=False,
    response_class=HTMLResponse,
)
async def answer_with_documents(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages, certification: CurrentCertification
) -> Response:
    """The assister's answer as its form sends it, with documents: each is kept, whatever is wrong with the rest."""
    try:
        # How many files are taken is said beside what was typed.
        upload = await read_upload(request, MOST_PARTS) if is_upload(request) else Upload(await read_form(request))
    except Invalid as invalid:
        return await render_status(request, services, reference, visitor, certification, faults=invalid.faults)
    try:
        faults = await _keep_documents(services, certification, upload.files)
        faults += [upload.excess] if upload.excess else []
    except Refusal as refusal:
        message = upload.values.get("message", "")
        return await _show_refusal(request, services, reference, visitor, certification, refusal, message)
    return await _take_form(request, services, reference, visitor, certification, dict(upload.values), faults)


@router.get(f"{OWN_CASE_PATH}/answers/{{question}}/{{number}}", response_class=Response)
async def download_own_document(
    question: str, number: str, services: ServicesDep, certification: CurrentCertification
) -> Response:
    """A document of one's own that came with an answer, to be saved."""
    which = parse_number(question), parse_number(number)
    if None in which:
        raise LinkRefused
    case_id = certification.case.case_id
    kept = await services.database.read(find_answer_file, case_id, which[0] or 0, which[1] or 0)
    if kept is None:
        raise LinkRefused
    return build_attachment(kept)


@router.post(
    f"{OWN_CASE_PATH}/agreement",
    dependencies=[limit_rate("api")],
    include_in_schema=False,
    response_class=HTMLResponse,
)
async def accept_agreement(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages, certification: CurrentCertification
) -> Response:
    """Accepts the agreement for a case that lacks it: a returning assister's, opened without a form (A3, A11)."""
    values, state = await read_form(request), certification.state
    if lacks_agreement(state):
        if values.get("agreement_accepted") != "true" or not shows_agreement_in_force(values):
            faults = [Fault("agreement_accepted", "agreement")]
            return await render_status(request, services, reference, visitor, certification, {}, faults)
        language = values["agreement_language"]
        await services.database.write(agreements.accept_agreement, certification.case.case_id, language, now())
    elif state.ended:
        raise LinkRefused(NOT_NOW, 409, certification)
    return redirect_back(request, reference, "accepted=1")


async def _take_form(
    request: Request,
    services: Services,
    reference: str,
    visitor: OwnVisitor,
    certification: OwnCertification,
    values: Values,
    found: Sequence[Fault] = (),
) -> Response:
    """Takes the answer of a form, or shows it again with what is wrong with it, ``found`` before."""
    case, message = certification.case, values.pop("message", "")
    changes, faults = find_changes(values, case.request)
    # Given anew, though it may have been before.
    if values.get("background_check_consent") == "true" and shows_consent_in_force(values):
        changes["background_check_consent"] = True
    faults = [*found, *faults, *visitor.find_address_faults(changes, applicant_of(case).email)]
    try:
        await _send_answer(services, certification, message, changes, _find_shown(values), faults)
    except Invalid as invalid:
        posted = {**values, "message": message}
        return await render_status(request, services, reference, visitor, certification, posted, invalid.faults)
    except Refusal as refusal:
        return await _show_refusal(request, services, reference, visitor, certification, refusal, message)
    return redirect_back(request, reference, f"answered={certification.state.round + 1}")


async def _show_refusal(
    request: Request,
    services: Services,
    reference: str,
    visitor: OwnVisitor,
    certification: OwnCertification,
    refusal: Refusal,
    message: str,
) -> Response:
    """Why an answer isn't taken: its question was taken back, or the case has moved on."""
    if refusal.reason.code != "question_taken_back":
        raise LinkRefused(NOT_NOW, 409, certification)
    standing = await find_certification(reference, services, visitor)
    return await render_status(request, services, reference, visitor, standing, unsent=message)


async def _keep_documents(
    services: Services, certification: OwnCertification, files: Sequence[tuple[str, bytes]]
) -> list[Fault]:
    """Keeps the documents of a form that are some; what is wrong with the others. Raises `Refusal`."""
    faults: list[Fault] = []
    for name, content in files:
        try:
            media_type = await asyncio.to_thread(check_evidence, content, name)  # it looks at each byte
            sent = Submission(clean_file_name(name, media_type), media_type, content)
            await services.database.write(add_answer_file, certification.case.case_id, sent, ASSISTER, now())
        except Invalid as invalid:
            faults += invalid.faults
    return faults


def _find_shown(values: Values) -> str:
    """The language of the text that may be accepted or consented to along with an answer."""
    return values.get("agreement_language") or values.get("consent_language", "")


def _read_answer(document: Any) -> tuple[str, dict[str, Any]]:
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


async def _send_answer(
    services: Services,
    certification: OwnCertification,
    message: str,
    changes: dict[str, Any],
    shown: str,
    faults: Sequence[Fault] = (),
) -> CommandOutcome:
    """Answers staff's question; the agreement, ``shown`` in a language, may be accepted along with it.

    Raises `Invalid` with ``faults`` and those found here, and `Refusal`.
    """
    case_id = certification.case.case_id
    faults = [*find_text_faults("message", message), *faults]
    if faults:
        # Whether an address that isn't the person's own is somebody's here is not told them (D4).
        found = [one for one in await _find_faults(services, case_id, changes) if one.code != IDENTITY_TAKEN]
        named = {one.field for one in found}
        raise Invalid([*(one for one in faults if one.field not in named), *found])
    return await services.cases.answer_question(case_id, changes, message, shown=shown or None)


async def _find_faults(services: Services, case_id: str, changes: dict[str, Any]) -> Sequence[Fault]:
    """What is wrong with the request once it is changed like this."""
    try:
        await services.database.read(check_answer, services.settings.identity_key_bytes, case_id, changes)
    except Invalid as invalid:
        return invalid.faults
    return ()
