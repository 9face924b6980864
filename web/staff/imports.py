"""Imports of earlier years in the console: a file is sent, its refused rows come back, and all is undone (E10)."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from db.reads.seasons.imports import list_imports, stream_refused
from domain.programs.import_files import RowOutcome
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.spreadsheets import MARK, write_lines
from domain.shared.documents.texts import find_text_faults
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from templates.catalogs import N_, translate
from web.http.addresses import build_query
from web.http.forms import describe_faults, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.sentences import explain_reason
from web.http.uploads import read_upload
from web.staff.case_page import FormAttempt
from web.staff.layout import IMPORTS, StaffVisit, require_visit

router = build_page_router(prefix=IMPORTS)

AT_A_TIME = 25
ImportVisit = Annotated[StaffVisit, require_visit(Permission.IMPORT)]
ImportId = Annotated[str, PathParameter(max_length=64)]

# What is said on top, by what stands in the address.
_DONE = {
    "received": N_("The file is here, and is being taken row by row. See below how far it is."),
    "undone": N_("The import is undone."),
}
_MISSING = {"file": N_("Choose a file."), "reason": N_("Give a reason.")}


@router.get("")
async def show_imports(visit: ImportVisit) -> Response:
    """The last imports, and where to send a file."""
    return await _render_imports(visit)


@router.post("")
async def import_file(visit: ImportVisit) -> Response:
    """Keeps a CSV for the worker, which takes it as `certify import` does; a longer one is for that."""
    upload = await read_upload(visit.request)
    program = upload.values.get("program", "")
    attempt = FormAttempt("import", {"program": program})
    if not upload.content or program not in (STATE_PROGRAM, FEDERAL_PROGRAM):
        return await _render_imports(visit, FormAttempt("import", attempt.values, [Fault("file", "required")]), 422)
    try:
        await visit.services.imports.receive_file(upload.content, program, visit.me.actor)
    except Invalid as invalid:
        return await _render_imports(visit, FormAttempt("import", attempt.values, invalid.faults), 422)
    return _redirect(visit, "received")


@router.get("/{import_id}/refused.csv")
async def export_refused(visit: ImportVisit, import_id: ImportId) -> StreamingResponse:
    """The rows that were refused, to be mended and sent again."""
    pages = stream_refused(visit.services.database, import_id)
    head = await anext(pages)
    await visit.record_access("imports", ())

    async def stream() -> AsyncIterator[bytes]:
        yield MARK.encode() + write_lines(head)
        async for rows in pages:
            yield write_lines(rows)

    named = {"Content-Disposition": f'attachment; filename="{import_id[:12]}.errors.csv"'}
    return StreamingResponse(stream(), headers={**PRIVATE, **named}, media_type="text/csv; charset=utf-8")


@router.post("/{import_id}/undo")
async def undo_import(visit: ImportVisit, import_id: ImportId) -> Response:
    """Takes all of an import back, unless something was built on it."""
    values = await read_form(visit.request)
    if faults := find_text_faults("reason", values.get("reason", "")):
        return await _render_imports(visit, FormAttempt(f"undo-{import_id}", values, faults), 422)
    try:
        await visit.services.imports.undo_import(import_id, values["reason"].strip(), visit.me.actor)
    except Refusal as refusal:
        return await _render_imports(visit, FormAttempt(f"undo-{import_id}", values, refused=refusal.reason), 409)
    return _redirect(visit, "undone")


async def _render_imports(visit: StaffVisit, attempt: FormAttempt | None = None, status: int = 200) -> HTMLResponse:
    tried, language = attempt or FormAttempt(""), visit.language
    done = _DONE.get(visit.request.query_params.get("done", ""))
    return visit.render_page(
        "staff/imports.html",
        here=IMPORTS,
        status=status,
        imports=await visit.services.database.read(list_imports, AT_A_TIME),
        outcomes=list(RowOutcome),
        programs=(STATE_PROGRAM, FEDERAL_PROGRAM),
        done=translate(done, language) if done and not tried.form else None,
        tried=tried.form,
        values=tried.values,
        errors=describe_faults(tried.faults, language, _MISSING),
        refused=explain_reason(tried.refused, language) if tried.refused else None,
    )


def _redirect(visit: StaffVisit, done: str) -> RedirectResponse:
    query = build_query(done=done, lang=visit.request.query_params.get("lang"))
    return RedirectResponse(f"{IMPORTS}{query}", 303, PRIVATE)
