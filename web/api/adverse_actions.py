"""What goes before a denial by a background report, over the API: notice, dispute, its end (E8)."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod
from web.api.bodies import describe_body, read_body
from web.api.case_bodies import ReasonBody, ToldBody
from web.api.cases import COMMANDS, CommandId, answer_command
from web.http.auth import StaffMember, require_permission
from web.http.permissions import Permission
from web.services import ServicesDep

router = APIRouter(prefix="/api/cases/{case_id}/check", tags=["cases"])

Decider = Annotated[StaffMember, require_permission(Permission.DECIDE)]


class DisputeBody(ReasonBody):
    """What is wrong with the report, and how staff have the assister's word."""

    method: WordMethod


@router.post("/adverse", responses=COMMANDS, openapi_extra=describe_body(ToldBody))
async def begin_adverse_action(
    request: Request, services: ServicesDep, me: Decider, case_id: str, key: CommandId = None
) -> JSONResponse:
    """Gives notice that the background report may lead to a denial: the days before one begin (E8)."""
    body = await read_body(request, ToldBody)
    begin = services.cases.begin_adverse_action
    answer = await begin(case_id, body.reason, me.actor, key, wording=body.wording)
    return await answer_command(services, case_id, answer)


@router.post("/dispute", responses=COMMANDS, openapi_extra=describe_body(DisputeBody))
async def dispute_check(
    request: Request,
    services: ServicesDep,
    me: Annotated[StaffMember, require_permission(Permission.ACT_FOR_ASSISTER)],
    case_id: str,
    key: CommandId = None,
) -> JSONResponse:
    """Disputes the report for the assister, which stops the days (E8)."""
    body = await read_body(request, DisputeBody)
    author = StepAuthor(me.actor, OnBehalf(method=body.method, reason=body.reason))
    answer = await services.cases.dispute_check(case_id, body.reason, author, key)
    return await answer_command(services, case_id, answer)


@router.post("/dispute/end", responses=COMMANDS, openapi_extra=describe_body(ReasonBody))
async def end_dispute(
    request: Request, services: ServicesDep, me: Decider, case_id: str, key: CommandId = None
) -> JSONResponse:
    """Says that a dispute is over, where the vendor doesn't report it: the days go on (E8)."""
    body = await read_body(request, ReasonBody)
    answer = await services.cases.end_dispute(case_id, body.reason, me.actor, key)
    return await answer_command(services, case_id, answer)
