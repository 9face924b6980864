"""Appeals over the API: staff file them on behalf, add evidence, take them back and decide them (E5, E6)."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from db.reads.appeals import find_evidence
from db.reads.status import read_status, to_json_values
from db.writes.access_log import record_access
from db.writes.appeals.deciding import DecisionOnAppeal
from db.writes.appeals.filing import Filing
from domain.shared.cases.appeals import STAFF_METHODS, AppealOutcome, FilingMethod
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.texts import Text
from starter.cases import now
from web.api.bodies import StrictBody, describe_body, read_body
from web.api.case_bodies import ToldBody
from web.http.attachments import build_attachment
from web.http.auth import StaffMember
from web.http.defence.file_access import require_file
from web.http.permissions import Permission
from web.http.uploads import read_upload
from web.services import Services, ServicesDep

router = APIRouter(prefix="/api/cases/{case_id}/appeal", tags=["appeals"])

Number = Annotated[int, Path(ge=1, le=10_000)]
ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Staff only."},
    403: {"description": "The roles of who asks don't allow it."},
    404: {"description": "There is no such case."},
    409: {"description": "It can't be done now; the reason is given."},
    422: {"description": "Every field at fault is named."},
}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


class FilingBody(StrictBody):
    """An appeal that came to staff: how, its grounds, and why they file it on behalf."""

    grounds: Text
    method: FilingMethod
    reason: Text
    received_on: date | None = None


class AppealDecisionBody(ToldBody):
    """A decision on an appeal, with its reason; effective today if no day is given."""

    outcome: AppealOutcome
    effective_on: date | None = None


class AppealReasonBody(StrictBody):
    """Why an appeal is taken back."""

    reason: Text


Filer = Annotated[StaffMember, require_file(Permission.FILE_APPEAL)]
Reader = Annotated[StaffMember, require_file(Permission.READ_APPEALS)]
Decider = Annotated[StaffMember, require_file(Permission.DECIDE_APPEAL)]


@router.get("", responses=ANSWERS)
async def show_appeals(services: ServicesDep, me: Reader, case_id: str) -> JSONResponse:
    """The appeals of a case with their evidence and decisions, the first one first."""
    found = await services.appeals.read_appeals(case_id)
    await services.database.write(record_access, me.actor, "appeals", [case_id], now())
    return JSONResponse([to_json_values(one.document()) for one in found])


@router.post("", status_code=201, responses=ANSWERS, openapi_extra=describe_body(FilingBody))
async def file_appeal(request: Request, services: ServicesDep, me: Filer, case_id: str) -> JSONResponse:
    """Files an appeal on behalf; 409 with the last day where it is late."""
    body = await read_body(request, FilingBody)
    if body.method not in STAFF_METHODS:
        raise Invalid([Fault("method", "choice", {"choices": ", ".join(STAFF_METHODS)})])
    filing = Filing(case_id, me.actor, body.method, body.grounds, body.reason, body.received_on)
    await services.appeals.file_appeal(filing)
    return await _answer(services, case_id, 201)


@router.post("/evidence", status_code=201, responses=ANSWERS, openapi_extra=_UPLOAD)
async def add_evidence(request: Request, services: ServicesDep, me: Filer, case_id: str) -> JSONResponse:
    """Adds a PDF, PNG or JPEG file to the appeal; the same file again is the one that is there."""
    upload = await read_upload(request)
    await services.appeals.add_evidence(case_id, upload.name, upload.content, me.actor)
    return await _answer(services, case_id, 201)


@router.post("/decision", responses=ANSWERS, openapi_extra=describe_body(AppealDecisionBody))
async def decide_appeal(request: Request, services: ServicesDep, me: Decider, case_id: str) -> JSONResponse:
    """Decides an appeal, as somebody else than who decided before; an end that is set aside opens the case again."""
    body = await read_body(request, AppealDecisionBody)
    decision = DecisionOnAppeal(case_id, me.actor, body.outcome, body.reason, body.effective_on, body.wording)
    await services.appeals.decide_appeal(decision)
    return await _answer(services, case_id, 200)


@router.post("/withdraw", responses=ANSWERS, openapi_extra=describe_body(AppealReasonBody))
async def withdraw_appeal(request: Request, services: ServicesDep, me: Filer, case_id: str) -> JSONResponse:
    """Takes an appeal back on behalf; what was appealed stands."""
    body = await read_body(request, AppealReasonBody)
    await services.appeals.withdraw_appeal(case_id, body.reason, me.actor)
    return await _answer(services, case_id, 200)


@router.get("/{number}/evidence/{file}", responses=ANSWERS)
async def download_evidence(services: ServicesDep, me: Reader, case_id: str, number: Number, file: Number) -> Response:
    """A file of evidence, to be saved."""
    found = await services.database.read(find_evidence, case_id, number, file)
    if found is None:
        raise HTTPException(404, "There is no such file.")
    await services.database.write(record_access, me.actor, "evidence", [case_id], now())
    return build_attachment(found)


async def _answer(services: Services, case_id: str, status: int) -> JSONResponse:
    """The status document as it stands now, with the appeals."""
    document = await services.database.read(read_status, case_id, now())
    appeals = await services.appeals.read_appeals(case_id)
    return JSONResponse({**document, "appeals": [to_json_values(one.document()) for one in appeals]}, status)
