"""Appeals: those to be decided, and one case's, with its evidence and what can be done about it (E5, E6)."""

from collections.abc import Awaitable
from datetime import date
from typing import Annotated

from fastapi import Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.case_state import CaseSnapshot, UnknownCase, load_snapshot
from db.reads.appeals import find_evidence, read_open_appeals
from db.writes.appeals.deciding import DecisionOnAppeal
from db.writes.appeals.filing import Filing
from domain.shared.cases.appeals import (
    STAFF_METHODS,
    AppealOutcome,
    FilingMethod,
    find_current_appeal,
    find_decider_refusal,
)
from domain.shared.cases.facts import FactLog
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.evidence import LARGEST_FILE, MEGABYTE, MOST_FILES
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.texts import find_text_faults
from templates.catalogs import N_, translate
from templates.labels import find_label
from web.http.addresses import build_query
from web.http.attachments import build_attachment
from web.http.forms import Values, describe_faults, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.sentences import explain_reason
from web.http.uploads import read_upload
from web.staff.case_page import FormAttempt
from web.staff.layout import APPEALS as HOME, StaffVisit, build_page_urls, require_file_visit, require_visit
from web.staff.reasons import find_reason_faults, is_licensed, list_usual_reasons, read_reason, translate_usual_reasons

router = build_page_router(prefix=HOME)

AT_A_TIME = 25
ListVisit = Annotated[StaffVisit, require_visit(Permission.READ_APPEALS)]
ReaderVisit = Annotated[StaffVisit, require_file_visit(Permission.READ_APPEALS)]
FilerVisit = Annotated[StaffVisit, require_file_visit(Permission.FILE_APPEAL)]
DeciderVisit = Annotated[StaffVisit, require_file_visit(Permission.DECIDE_APPEAL)]
Number = Annotated[int, Path(ge=1, le=10_000)]

_DONE = {
    "filed": N_("The appeal is filed."),
    "evidence": N_("The file is added."),
    "withdrawn": N_("The appeal is taken back."),
    "upheld": N_("The decision is upheld."),
    "reversed": N_("The decision is reversed; the case goes on where it stood."),
    "sent_back": N_("The case is sent back."),
}
_MISSING = {
    "grounds": N_("Say what the appellant says."),
    "method": N_("Choose how the appeal came."),
    "outcome": N_("Choose what you decide."),
    "reason": N_("Give a reason."),
    "usual": N_("Pick a reason that fits your decision, or none."),
    "file": N_("Choose a file."),
}


@router.get("")
async def show_appeals(visit: ListVisit) -> Response:
    """The appeals to be decided, the oldest first."""
    query = visit.request.query_params
    try:
        page = await visit.services.database.read(read_open_appeals, query.get("after") or None, AT_A_TIME)
    except Invalid:  # no place of this list
        return RedirectResponse(HOME, 303, PRIVATE)
    await visit.record_access("appeals", [one.case_id for one in page.rows])
    return visit.render_page(
        "staff/appeals.html", appeals=page.rows, **build_page_urls(page, lambda after: HOME + build_query(after=after))
    )


@router.get("/{case_id}")
async def show_case_appeals(visit: ReaderVisit, case_id: str) -> Response:
    """The appeals of a case, with what can be done about them."""
    return await _render(visit, case_id)


@router.post("/{case_id}")
async def file_case_appeal(visit: FilerVisit, case_id: str) -> Response:
    """Files an appeal on behalf."""
    values = await read_form(visit.request)
    method, day = values.get("method", ""), _read_day(values, "received_on")
    faults = [*find_text_faults("grounds", values.get("grounds", ""))]
    faults += [Fault("method", "required")] if method not in STAFF_METHODS else []
    faults += [day] if isinstance(day, Fault) else []
    faults += find_text_faults("reason", values.get("reason", ""))
    if faults or isinstance(day, Fault):
        return await _render(visit, case_id, FormAttempt("file", values, faults), 422)
    filing = Filing(case_id, visit.me.actor, FilingMethod(method), values["grounds"], values["reason"], day)
    return await _try(visit, case_id, "file", values, visit.services.appeals.file_appeal(filing), "filed")


@router.post("/{case_id}/evidence")
async def add_case_evidence(visit: FilerVisit, case_id: str) -> Response:
    """Adds a file that came to staff."""
    try:
        upload = await read_upload(visit.request)
    except Invalid as invalid:
        return await _render(visit, case_id, FormAttempt("evidence", {}, invalid.faults), 422)
    work = visit.services.appeals.add_evidence(case_id, upload.name, upload.content, visit.me.actor)
    return await _try(visit, case_id, "evidence", {}, work, "evidence")


@router.post("/{case_id}/withdraw")
async def withdraw_case_appeal(visit: FilerVisit, case_id: str) -> Response:
    """Takes an appeal back on behalf."""
    values = await read_form(visit.request)
    if faults := find_text_faults("reason", values.get("reason", "")):
        return await _render(visit, case_id, FormAttempt("withdraw", values, faults), 422)
    work = visit.services.appeals.withdraw_appeal(case_id, values["reason"], visit.me.actor)
    return await _try(visit, case_id, "withdraw", values, work, "withdrawn")


@router.post("/{case_id}/decision")
async def decide_case_appeal(visit: DeciderVisit, case_id: str) -> Response:
    """Decides an appeal, as somebody who has decided nothing in the case."""
    values = await read_form(visit.request)
    outcome, day = values.get("outcome", ""), _read_day(values, "effective_on")
    faults = [Fault("outcome", "required")] if outcome not in list(AppealOutcome) else []
    snapshot = await _load_snapshot(visit, case_id)
    offered = list_usual_reasons(AppealOutcome(outcome), is_licensed(snapshot.state)) if not faults else {}
    faults += find_reason_faults(values, offered)
    faults += [day] if isinstance(day, Fault) else []
    if faults or isinstance(day, Fault):
        return await _render(visit, case_id, FormAttempt("decision", values, faults), 422)
    said = read_reason(values, visit.language, snapshot.applicant.language)
    decision = DecisionOnAppeal(case_id, visit.me.actor, AppealOutcome(outcome), said.reason, day, said.wording)
    if values.get("preview"):
        return await _show_letter(visit, decision, values)
    return await _try(visit, case_id, "decision", values, visit.services.appeals.decide_appeal(decision), outcome)


@router.get("/{case_id}/{number}/evidence/{file}", response_class=Response)
async def download_case_evidence(visit: ReaderVisit, case_id: str, number: Number, file: Number) -> Response:
    """A file of evidence, to be saved; who looks is recorded."""
    found = await visit.services.database.read(find_evidence, case_id, number, file)
    if found is None:
        raise HTTPException(404, "There is no such file.")
    await visit.record_access("evidence", [case_id])
    return build_attachment(found)


async def _show_letter(visit: StaffVisit, decision: DecisionOnAppeal, values: Values) -> HTMLResponse:
    """The page with the form as it was sent, and the letter by which the appellant would be told."""
    try:
        letter = await visit.services.previews.preview_decision(decision)
    except Invalid as invalid:
        return await _render(visit, decision.case_id, FormAttempt("decision", values, invalid.faults), 422)
    except Refusal as refusal:
        return await _render(visit, decision.case_id, FormAttempt("decision", values, refused=refusal.reason), 409)
    return await _render(visit, decision.case_id, FormAttempt("decision", values, previewed=True, letter=letter))


async def _load_snapshot(visit: StaffVisit, case_id: str) -> CaseSnapshot:
    try:
        return await visit.services.database.read(load_snapshot, case_id)
    except UnknownCase:
        raise _build_not_found() from None


def _read_day(values: Values, field: str) -> date | Fault | None:
    text = values.get(field, "")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return Fault(field, "day")


async def _try(
    visit: StaffVisit, case_id: str, form: str, values: Values, work: Awaitable[object], done: str
) -> Response:
    """Does it, and says so on the page; or shows the form again with why not."""
    try:
        await work
    except UnknownCase:
        raise _build_not_found() from None
    except Invalid as invalid:
        return await _render(visit, case_id, FormAttempt(form, values, invalid.faults), 422)
    except Refusal as refusal:
        return await _render(visit, case_id, FormAttempt(form, values, refused=refusal.reason), 409)
    visit.services.numbers.forget()
    query = build_query(done=done, lang=visit.request.query_params.get("lang"))
    return RedirectResponse(f"{HOME}/{case_id}{query}", 303, PRIVATE)


async def _render(
    visit: StaffVisit, case_id: str, attempt: FormAttempt | None = None, status: int = 200
) -> HTMLResponse:
    language, tried = visit.language, attempt or FormAttempt("")
    snapshot = await _load_snapshot(visit, case_id)
    usual = translate_usual_reasons(AppealOutcome, is_licensed(snapshot.state), language)
    appeals = await visit.services.appeals.read_appeals(case_id)
    offer = await visit.services.appeals.find_offer(case_id)
    await visit.record_access("appeals", [case_id])
    last = find_current_appeal([one.appeal for one in appeals])
    is_open = last is not None and last.is_open
    barred = (
        find_decider_refusal(FactLog(snapshot.facts), last, visit.me.actor) if last is not None and is_open else None
    )
    done = _DONE.get(visit.request.query_params.get("done", ""))
    return visit.render_page(
        "staff/appeal.html",
        here=f"{HOME}/{case_id}",
        status=status,
        case_id=case_id,
        name=snapshot.applicant.name,
        program=snapshot.case.program,
        plan_year=snapshot.case.plan_year,
        stage=snapshot.state.stage,
        appeals=[(one, [label[language] for label in one.phase_labels]) for one in reversed(appeals)],
        is_open=is_open,
        last_day=offer.last_day if offer else None,
        why_not=explain_reason(offer.refusal, language) if offer and offer.refusal else None,
        barred=explain_reason(barred, language) if barred else None,
        outcomes=list(AppealOutcome),
        methods=STAFF_METHODS,
        most_files=MOST_FILES,
        largest_file=LARGEST_FILE // MEGABYTE,
        done=translate(done, language) if done else None,
        theirs=snapshot.applicant.language,
        usual=[(find_label("appeal_outcome", outcome, language), usual[outcome]) for outcome in AppealOutcome],
        previewed=tried.previewed,
        letter=tried.letter,
        tried=tried.form,
        values=tried.values,
        errors=describe_faults(tried.faults, language, _MISSING),
        refused=_explain(tried.refused, language),
    )


def _explain(refused: Reason | None, language: str) -> str | None:
    return explain_reason(refused, language) if refused else None


def _build_not_found() -> HTTPException:
    return HTTPException(404, "There is no such case.")
