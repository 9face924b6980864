"""What an assister says against a suspension or a termination, written down by staff, over the API (E4)."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from db.reads.status import read_status
from db.writes.suspensions import file_rebuttal
from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod
from domain.shared.documents.texts import Text
from starter.cases import now
from web.api.bodies import describe_body, read_body
from web.api.case_bodies import ReasonBody
from web.api.cases import COMMANDS
from web.http.auth import StaffMember, require_permission
from web.http.permissions import Permission
from web.services import ServicesDep

router = APIRouter(prefix="/api/cases/{case_id}", tags=["cases"])
ANSWERS = {status: told for status, told in COMMANDS.items() if status != 202}


class RebuttalBody(ReasonBody):
    """The assister's words, how staff have them, and why they write them down for the assister (D6)."""

    text: Text
    method: WordMethod


@router.post("/rebut", responses=ANSWERS, openapi_extra=describe_body(RebuttalBody))
async def file_staff_rebuttal(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.ACT_FOR_ASSISTER)],
    case_id: str,
) -> JSONResponse:
    """Files what the assister says against what staff have ordered and is open; the same words again change nothing."""
    body = await read_body(request, RebuttalBody)
    author = StepAuthor(me.actor, OnBehalf(method=body.method, reason=body.reason))
    await services.database.write(file_rebuttal, case_id, body.text, author, now())
    return JSONResponse(await services.database.read(read_status, case_id, now()))
