"""An appeal on one's own page: filed, backed by files, followed and taken back, in either program (E5, E6).

It stands beside the rooms because a case of either program has it.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from db.reads.appeals import ShownAppeal, find_evidence
from db.reads.own_pages import OwnCertification, OwnRegistration, find_own_case
from db.writes.appeals.filing import Filing
from domain.shared.cases.appeals import FilingMethod
from domain.shared.cases.notices import Topic
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.evidence import LARGEST_FILE, MEGABYTE, MOST_FILES
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.texts import find_text_faults
from domain.shared.links import OWN_CASE_PATH
from domain.shared.policy import describe_contact
from starter.cases import now
from web.assister.links import LinkRefused
from web.field_words import word_faults
from web.http.addresses import build_query
from web.http.appeals import OWN_APPEAL_PATH
from web.http.attachments import build_attachment
from web.http.auth import OwnPages, OwnVisitor, describe_session
from web.http.forms import parse_number, read_form
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router, render_page
from web.http.rate_limits import limit_rate
from web.http.sentences import explain_reason
from web.http.uploads import read_upload
from web.services import Services, ServicesDep

ASSISTER = "assister"
TOLD = ("filed", "evidence", "withdrawn")
WITHDRAWN = Reason("withdrawn_by_owner")
OwnCase = OwnCertification | OwnRegistration

router = build_page_router()


@router.get(OWN_APPEAL_PATH)
async def show_own_appeal(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> HTMLResponse:
    """How an appeal stands, or the form that files one."""
    return await _render(request, services, visitor, await _find_case(reference, services, visitor))


@router.post(OWN_APPEAL_PATH, dependencies=[limit_rate("api")])
async def file_own_appeal(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Files an appeal against what ended a case of one's own."""
    found = await _find_case(reference, services, visitor)
    grounds = (await read_form(request)).get("grounds", "")
    if faults := find_text_faults("grounds", grounds):
        return await _render(request, services, visitor, found, faults, grounds)
    filing = Filing(found.case.case_id, ASSISTER, FilingMethod.OWN_PAGE, grounds)
    try:
        await services.appeals.file_appeal(filing)
    except Refusal as refusal:
        return await _render(request, services, visitor, found, refused=refusal.reason, grounds=grounds)
    return _redirect(request, reference, "filed")


@router.post(f"{OWN_APPEAL_PATH}/evidence", dependencies=[limit_rate("api")])
async def add_own_evidence(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Adds a file to an appeal of one's own."""
    found = await _find_case(reference, services, visitor)
    try:
        upload = await read_upload(request)
        await services.appeals.add_evidence(found.case.case_id, upload.name, upload.content, ASSISTER)
    except Invalid as invalid:
        return await _render(request, services, visitor, found, invalid.faults)
    except Refusal as refusal:
        return await _render(request, services, visitor, found, refused=refusal.reason)
    return _redirect(request, reference, "evidence")


@router.post(f"{OWN_APPEAL_PATH}/withdraw", dependencies=[limit_rate("api")])
async def withdraw_own_appeal(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Takes an appeal of one's own back."""
    found = await _find_case(reference, services, visitor)
    try:
        await services.appeals.withdraw_appeal(found.case.case_id, WITHDRAWN.sentence(), ASSISTER)
    except Refusal as refusal:
        return await _render(request, services, visitor, found, refused=refusal.reason)
    return _redirect(request, reference, "withdrawn")


@router.get(f"{OWN_APPEAL_PATH}/{{number}}/evidence/{{file}}", response_class=Response)
async def download_own_evidence(
    reference: str, number: str, file: str, services: ServicesDep, visitor: OwnPages
) -> Response:
    """A file of one's own appeal, to be saved."""
    found = await _find_case(reference, services, visitor)
    which = parse_number(number), parse_number(file)
    if None in which:
        raise LinkRefused
    kept = await services.database.read(find_evidence, found.case.case_id, which[0] or 0, which[1] or 0)
    if kept is None:
        raise LinkRefused
    return build_attachment(kept)


async def _find_case(reference: str, services: Services, visitor: OwnVisitor) -> OwnCase:
    """A case of the visitor's own. Raises `LinkRefused` for one that isn't known, or another person's."""
    found = await services.database.read(find_own_case, reference, visitor.emails, now())
    if found is None:
        raise LinkRefused
    return found


async def _render(
    request: Request,
    services: Services,
    visitor: OwnVisitor,
    found: OwnCase,
    faults: Sequence[Fault] = (),
    grounds: str = "",
    refused: Reason | None = None,
) -> HTMLResponse:
    case = found.case
    language = choose_language(request)
    here, query = OWN_APPEAL_PATH.format(reference=case.case_id), build_query(lang=language)
    offer = await services.appeals.find_offer(case.case_id)
    appeals = await services.appeals.read_appeals(case.case_id)
    told = request.query_params.get("told", "")
    return render_page(
        services,
        "own_appeal.html",
        language,
        describe_contact(found.policy, Topic.GENERAL, language),
        here=here,
        status=422 if faults else 409 if refused else 200,
        own=describe_session(visitor),
        told=told if told in TOLD else None,
        program=case.program,
        plan_year=case.plan_year,
        case_url=f"{OWN_CASE_PATH.format(reference=case.case_id)}{query}",
        last_day=offer.last_day if offer and offer.refusal is None else None,
        why_not=explain_reason(offer.refusal, language) if offer and offer.refusal else None,
        refused=explain_reason(refused, language) if refused else None,
        appeals=[_describe(one, here, query, language) for one in reversed(appeals)],
        urls={name: f"{here}{path}{query}" for name, path in _FORMS.items()},
        values={"grounds": grounds},
        errors=word_faults(faults, language),
        most_files=MOST_FILES,
        largest_file=LARGEST_FILE // MEGABYTE,
    )


_FORMS = {"file": "", "evidence": "/evidence", "withdraw": "/withdraw"}


def _describe(shown: ShownAppeal, here: str, query: str, language: str) -> dict[str, Any]:
    """An appeal as its appellant reads it: who decided isn't named, but what and why."""
    appeal, labels = shown.appeal, [one[language] for one in shown.phase_labels]
    return {
        "number": appeal.number,
        "appealed": appeal.filed.appealed,
        "received_on": appeal.filed.received_on,
        "grounds": appeal.filed.grounds,
        "state": appeal.state,
        "outcome": appeal.outcome,
        "label": labels[appeal.phase - 1] if appeal.phase <= len(labels) else "",
        "due_on": appeal.due_on if appeal.is_open else None,
        "is_stayed": appeal.is_open and bool(appeal.filed.stayed),
        "is_overdue": shown.is_overdue,
        "goes_on": appeal.is_open and appeal.phase < len(labels),
        "decisions": [
            {
                "label": labels[one.phase - 1] if one.phase <= len(labels) else "",
                "outcome": one.outcome,
                "told": one.told_reason,
                "effective_on": one.effective_on,
            }
            for one, _ in appeal.decisions
        ],
        "files": [
            {"name": one.name, "size": one.size, "url": f"{here}/{appeal.number}/evidence/{one.number}{query}"}
            for one in shown.files
        ],
    }


def _redirect(request: Request, reference: str, told: str) -> RedirectResponse:
    here = OWN_APPEAL_PATH.format(reference=reference)
    return RedirectResponse(f"{here}{build_query(told=told, lang=choose_language(request))}", 303, PRIVATE)
