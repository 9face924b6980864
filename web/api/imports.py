"""Imports over HTTP, as `certify import`: a CSV is sent, its refused rows come back, and all of it is undone (E10)."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from db.reads.seasons.imports import read_import, stream_refused
from db.writes.access_log import record_access
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.spreadsheets import MARK, write_lines
from domain.shared.documents.texts import Text
from domain.shared.programs import STATE_PROGRAM, ProgramName
from starter.cases import now
from web.api.bodies import StrictBody, describe_body, read_body
from web.api.cases import FAULTS
from web.http.auth import StaffMember, require_permission
from web.http.forms import read_media_type
from web.http.permissions import Permission
from web.services import ServicesDep

router = APIRouter(prefix="/api/imports", tags=["imports"])

CSV = "text/csv"
ImportId = Annotated[str, Path(max_length=64)]
Importer = Annotated[StaffMember, require_permission(Permission.IMPORT)]
RESPONSES = {
    **FAULTS,
    401: {"description": "Staff only."},
    403: {"description": "The roles of who asks don't allow it."},
    409: {"description": "It can't be done now; the reason is given."},
}
FILE = {"requestBody": {"required": True, "content": {CSV: {"schema": {"type": "string", "format": "binary"}}}}}


class UndoBody(StrictBody):
    """Why an import is taken back; it is audited."""

    reason: Text


@router.post("", status_code=202, responses=RESPONSES, openapi_extra=FILE)
async def receive_import(
    request: Request,
    services: ServicesDep,
    me: Importer,
    program: Annotated[ProgramName, Query(description="of the rows that name none")] = STATE_PROGRAM,
) -> JSONResponse:
    """Keeps a CSV of 5,000 rows at most, to be taken row by row; 422 for one that can't be read, nothing of it kept."""
    if read_media_type(request) != CSV:
        raise Invalid([Fault("body", "csv")])
    summary = await services.imports.receive_file(await request.body(), program, me.actor)
    return JSONResponse(summary.document(), 202, {"Location": f"{router.prefix}/{summary.batch.id}"})


@router.get("/{import_id}", responses=RESPONSES)
async def show_import(services: ServicesDep, _: Importer, import_id: ImportId) -> JSONResponse:
    """How far an import is, and what became of its rows; ``rows`` is how many there are while they are taken."""
    return JSONResponse((await services.database.read(read_import, import_id)).document())


@router.get("/{import_id}/refused.csv", responses=RESPONSES)
async def export_refused_rows(services: ServicesDep, me: Importer, import_id: ImportId) -> StreamingResponse:
    """The rows that were refused, as they were sent and why, to be mended and sent again."""
    pages = stream_refused(services.database, import_id)
    head = await anext(pages)
    await services.database.write(record_access, me.actor, "imports", (), now())

    async def stream() -> AsyncIterator[bytes]:
        yield MARK.encode() + write_lines(head)
        async for rows in pages:
            yield write_lines(rows)

    named = {"Content-Disposition": f'attachment; filename="{import_id[:12]}.errors.csv"'}
    return StreamingResponse(stream(), headers=named, media_type=f"{CSV}; charset=utf-8")


@router.post("/{import_id}/undo", responses=RESPONSES, openapi_extra=describe_body(UndoBody))
async def undo_import(request: Request, services: ServicesDep, me: Importer, import_id: ImportId) -> JSONResponse:
    """Takes all of an import back; 409 naming what was built on it, with nothing undone."""
    reason = (await read_body(request, UndoBody)).reason
    return JSONResponse((await services.imports.undo_import(import_id, reason, me.actor)).document())
